"""Metrics for Prometheus. They are counted in the database, so they cover all workers, and those that ended.

The only label is a state: labels of models, runs or workers would make ever more time series.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

from bakeoff.api.cached_probe import CachedProbe, ProbeTimes
from bakeoff.api.dependencies import TheService
from bakeoff.domain.job import JobState
from bakeoff.domain.run import RunState
from bakeoff.operations.capacity import CapsFollower
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs.leases import Caps
from bakeoff.store.monitoring.metric_counts import BOUNDS_S, Durations, MetricCounts, read_counts

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

router = APIRouter(tags=["health"])


def counts_probe(context: Context) -> CachedProbe[MetricCounts]:
    """Each probe also takes up changed caps, for `bakeoff_slots`. Workers do so in their own loop."""
    follower = CapsFollower(context.configuration)

    def probe() -> MetricCounts:
        if (found := follower.look()) is not None:
            context.shared_caps.announce(found)
        return read_counts(context.engine)

    return CachedProbe(probe, ProbeTimes(fresh_s=2.0, stale_s=2.0, wait_s=10.0))


class MetricsText(PlainTextResponse):
    media_type = MEDIA_TYPE


@router.get("/metrics", response_class=MetricsText)
async def read_metrics(service: TheService) -> MetricsText:
    """In the text format of Prometheus."""
    found = await service.counts.read()
    if found is None:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "the database has not answered yet: ask again")
    return MetricsText("".join(lines(found, service.context.shared_caps.present())))


def lines(found: MetricCounts, caps: Caps) -> Iterator[str]:
    yield from _family("bakeoff_runs", "gauge", "Runs by state.", _by_state(found.runs))
    yield from _family("bakeoff_jobs", "gauge", "Jobs by state.", _by_state(found.jobs))
    yield from _one("bakeoff_queue_depth", "gauge", "Jobs that wait for a slot.", found.jobs[JobState.QUEUED])
    yield from _one(
        "bakeoff_oldest_queued_seconds",
        "gauge",
        "Age of the oldest job that waits; 0 when none does.",
        (found.at - found.oldest_queued_at).total_seconds() if found.oldest_queued_at else 0,
    )
    yield from _one(
        "bakeoff_slots", "gauge", "Evaluations that may run at once, on all machines.", caps.overall
    )
    yield from _one("bakeoff_slots_taken", "gauge", "Slots in use.", found.jobs[JobState.RUNNING])
    yield from _one("bakeoff_leases_expired", "gauge", "Running jobs whose worker fell silent.", found.silent)
    yield from _one(
        "bakeoff_job_restarts_total",
        "counter",
        "Starts of a job beyond its first: its lease expired, or its cell was killed.",
        found.repeated,
    )
    yield from _one(
        "bakeoff_evaluations_reused_total", "counter", "Results taken over from an earlier run.", found.reused
    )
    yield from _one(
        "bakeoff_events_unpublished", "gauge", "Events that wait in the outbox.", found.unpublished
    )
    yield from _durations(found.durations)


def _durations(durations: Durations) -> Iterator[str]:
    name = "bakeoff_evaluation_duration_seconds"
    buckets = {
        f'_bucket{{le="{bound}"}}': count for bound, count in zip(BOUNDS_S, durations.within, strict=True)
    }
    yield from _family(
        name,
        "histogram",
        "How long completed evaluations took, from claim to score.",
        {
            **buckets,
            '_bucket{le="+Inf"}': durations.number,
            "_sum": durations.sum_s,
            "_count": durations.number,
        },
    )


def _by_state(counts: Mapping[RunState, int] | Mapping[JobState, int]) -> Mapping[str, float]:
    return {f'{{state="{state}"}}': count for state, count in counts.items()}


def _one(name: str, kind: str, meaning: str, value: float) -> Iterator[str]:
    return _family(name, kind, meaning, {"": value})


def _family(name: str, kind: str, meaning: str, samples: Mapping[str, float]) -> Iterator[str]:
    yield f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n"
    for label, value in samples.items():
        yield f"{name}{label} {value}\n"
