"""The jobs of a run as a waterfall: how long each waited, fitted and predicted, and what failed alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bakeoff.domain.runs.job import Job, JobError, JobState
from bakeoff.domain.runs.result import Result
from bakeoff.web.charts.axis import Axis, linear
from bakeoff.web.shown_tables import ShownTable

#: Bars thinner than this share of the width cannot be seen.
_LEAST_SHARE = 0.004


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A part of a job's time, as shares of the width, in percent."""

    x: float
    width: float
    kind: str  #: wait, fit, predict, or the state that it ended in


@dataclass(frozen=True, kw_only=True)
class JobLine:
    job: Job
    result: Result | None
    score: float | None
    took_s: float | None  #: from its start to its end, or until now; None for one that has not started
    bars: Sequence[Bar]

    @property
    def is_reused(self) -> bool:
        return self.result is not None and self.result.reused_from is not None


@dataclass(frozen=True, kw_only=True)
class Waterfall:
    lines: Sequence[JobLine]
    ticks: Sequence[tuple[float, float]]  #: place in percent, and seconds
    span_s: float


@dataclass(frozen=True, kw_only=True)
class FailureGroup:
    """Jobs that failed in the same way: most of the time one cure mends all of them."""

    error: JobError  #: of the first of them
    state: JobState
    jobs: Sequence[Job]

    @property
    def is_alike(self) -> bool:
        """Whether their messages differ, so that the shown one stands for others that are similar."""
        return len({job.error.message for job in self.jobs if job.error}) > 1


def waterfall(jobs: Sequence[Job], results: Mapping[str, Result], metric: str, now: datetime) -> Waterfall:
    """`results`: by id of the job."""
    begun = min((job.created_at for job in jobs), default=now)
    ends = [job.ended_at or now for job in jobs if job.started_at is not None]
    span_s = max((max(ends, default=begun) - begun).total_seconds(), 0.001)
    axis = linear([0.0, span_s], margin=0.0)
    return Waterfall(
        lines=[_line(job, results.get(job.id), metric, begun, span_s, now) for job in jobs],
        ticks=_ticks(axis, span_s),
        span_s=span_s,
    )


def _ticks(axis: Axis, span_s: float) -> list[tuple[float, float]]:
    return [(100 * tick / span_s, tick) for tick in axis.ticks if tick < 0.88 * span_s]


def _line(  # noqa: PLR0917 - each line gets the same
    job: Job, result: Result | None, metric: str, begun: datetime, span_s: float, now: datetime
) -> JobLine:
    started, ended = job.started_at, job.ended_at or now
    took_s = (ended - started).total_seconds() if started else None
    return JobLine(
        job=job,
        result=result,
        score=result.metrics.get(metric) if result else None,
        took_s=took_s,
        bars=_bars(job, result, begun, span_s, ended),
    )


def _bars(job: Job, result: Result | None, begun: datetime, span_s: float, ended: datetime) -> list[Bar]:
    def place(at: datetime) -> float:
        return min(max((at - begun).total_seconds() / span_s, 0.0), 1.0)

    if job.started_at is None:
        return [] if job.state.has_ended else [_bar(place(job.created_at), place(ended), "wait")]
    start, end = place(job.started_at), max(place(ended), place(job.started_at) + _LEAST_SHARE)
    waited = _bar(place(job.created_at), start, "wait")
    if result is None:
        return [waited, _bar(start, end, str(job.state))]
    known_s = result.cost.fit_s + result.cost.predict_s
    fitted = start + (end - start) * (result.cost.fit_s / known_s if known_s else 1.0)
    return [waited, _bar(start, fitted, "fit"), _bar(fitted, end, "predict")]


def _bar(start: float, end: float, kind: str) -> Bar:
    return Bar(x=100 * min(start, 1 - _LEAST_SHARE), width=100 * max(end - start, 0.0), kind=kind)


def failure_groups(jobs: Sequence[Job]) -> list[FailureGroup]:
    """The largest group first. Alike are those of the same kind of error, in the same phase."""
    groups: dict[tuple[str, str, JobState], list[Job]] = {}
    for job in jobs:
        if job.error is not None:
            groups.setdefault((job.error.type, job.error.phase, job.state), []).append(job)
    found = [
        FailureGroup(error=alike[0].error, state=state, jobs=alike)
        for (_, _, state), alike in groups.items()
        if alike[0].error is not None
    ]
    return sorted(found, key=lambda group: -len(group.jobs))


def job_table(lines: Sequence[JobLine], metric: str) -> ShownTable:
    columns = (
        "jobId", "modelId", "modelVersion", "status", "attempt", "node", "seconds", "fitSeconds",
        "predictSeconds", metric, "reusedFrom", "errorType", "errorPhase", "errorMessage",
    )  # fmt: skip
    rows = []
    for line in lines:
        job, result, error = line.job, line.result, line.job.error
        named = [job.id, job.candidate.id, job.candidate.version, str(job.state), job.attempt, job.node]
        times = [
            line.took_s,
            result.cost.fit_s if result else None,
            result.cost.predict_s if result else None,
        ]
        failed = [error.type, str(error.phase), error.message] if error else [None, None, None]
        rows.append([*named, *times, line.score, result.reused_from if result else None, *failed])
    return ShownTable(name="jobs", columns=columns, rows=rows)
