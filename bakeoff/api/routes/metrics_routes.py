"""Metrics for Prometheus. They are counted in the database, so they cover all workers, and those that ended.

The only label is a state: labels of models, runs or workers would make ever more time series.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import APIRouter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

from bakeoff.api.cached_probe import CachedProbe, ProbeTimes
from bakeoff.api.handler_services_and_rights import TheService
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import RunState
from bakeoff.operations.concurrency_caps_and_job_resources import CapsFollower
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs.queue.claims import Caps
from bakeoff.store.monitoring.metric_counts import BOUNDS_S, Durations, MetricCounts, read_counts

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
    media_type = CONTENT_TYPE_PLAIN_0_0_4


@router.get("/metrics", response_class=MetricsText)
async def read_metrics(service: TheService) -> MetricsText:
    """In the text format of Prometheus."""
    found = await service.counts.read()
    if found is None:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "the database has not answered yet: ask again")
    return MetricsText(exposition(found, service.context.shared_caps.present()))


def exposition(found: MetricCounts, caps: Caps) -> str:
    """The metrics in the text format of Prometheus."""
    return generate_latest(_Figures(found, caps)).decode()


@dataclass(frozen=True)
class _Figures(Collector):
    """What prometheus-client renders. Nothing is registered there: the values live in the database."""

    found: MetricCounts
    caps: Caps

    def collect(self) -> Iterator[Metric]:
        found = self.found
        yield _by_state("bakeoff_runs", "Runs by state.", found.runs)
        yield _by_state("bakeoff_jobs", "Jobs by state.", found.jobs)
        yield GaugeMetricFamily(
            "bakeoff_queue_depth", "Jobs that wait for a slot.", value=found.jobs[JobState.QUEUED]
        )
        yield GaugeMetricFamily(
            "bakeoff_oldest_queued_seconds",
            "Age of the oldest job that waits; 0 when none does.",
            value=(found.at - found.oldest_queued_at).total_seconds() if found.oldest_queued_at else 0,
        )
        yield GaugeMetricFamily(
            "bakeoff_slots", "Evaluations that may run at once, on all machines.", value=self.caps.overall
        )
        yield GaugeMetricFamily("bakeoff_slots_taken", "Slots in use.", value=found.jobs[JobState.RUNNING])
        yield GaugeMetricFamily(
            "bakeoff_leases_expired", "Running jobs whose worker fell silent.", value=found.silent
        )
        yield CounterMetricFamily(
            "bakeoff_job_restarts_total",
            "Starts of a job beyond its first: its lease expired, or its cell was killed.",
            value=found.repeated,
        )
        yield CounterMetricFamily(
            "bakeoff_evaluations_reused_total",
            "Results taken over from an earlier run.",
            value=found.reused,
        )
        yield GaugeMetricFamily(
            "bakeoff_events_unpublished", "Events that wait in the outbox.", value=found.unpublished
        )
        yield HistogramMetricFamily(
            "bakeoff_evaluation_duration_seconds",
            "How long completed evaluations took, from claim to score.",
            buckets=_buckets(found.durations),
            sum_value=found.durations.sum_s,
        )


def _by_state(
    name: str, meaning: str, counts: Mapping[RunState, int] | Mapping[JobState, int]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=["state"])
    for state, count in counts.items():
        family.add_metric([state], count)
    return family


def _buckets(durations: Durations) -> list[tuple[str, float]]:
    within = zip(BOUNDS_S, durations.within, strict=True)
    return [*((str(bound), count) for bound, count in within), ("+Inf", durations.number)]
