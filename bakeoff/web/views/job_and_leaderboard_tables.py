"""The jobs of a run and its leaderboard as plain tables, and the jobs that failed alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.domain.runs.job import Job, JobError, JobState
from bakeoff.domain.runs.result import Result
from bakeoff.web.table_downloads import Cell, ShownTable


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


def job_table(jobs: Sequence[Job], results: Mapping[str, Result], metric: str) -> ShownTable:
    """`results`: by id of the job."""
    columns = (
        "jobId", "modelId", "modelVersion", "status", "attempt", "node", "seconds", "fitSeconds",
        "predictSeconds", metric, "reusedFrom", "errorType", "errorPhase", "errorMessage",
    )  # fmt: skip
    rows = []
    for job in jobs:
        result, error = results.get(job.id), job.error
        took_s = (job.ended_at - job.started_at).total_seconds() if job.started_at and job.ended_at else None
        named = [job.id, job.candidate.id, job.candidate.version, str(job.state), job.attempt, job.node]
        costs = (
            [result.cost.fit_s, result.cost.predict_s, result.metrics.get(metric)] if result else [None] * 3
        )
        failed = [error.type, str(error.phase), error.message] if error else [None] * 3
        rows.append([*named, took_s, *costs, result.reused_from if result else None, *failed])
    return ShownTable(name="jobs", columns=columns, rows=rows)


def board_table(record: Mapping[str, Any]) -> ShownTable:
    """`record`: of a run's report. Those without a result stand last, with the reason."""
    metrics = record["run"]["metrics"]
    columns = ["place", "modelId", "modelVersion", "family", "status", "standing"]
    for metric in metrics:
        columns += [metric, f"{metric} low", f"{metric} high"]
    columns += ["fitSeconds", "predictSeconds", "peakMemoryMb", "evaluationId", "error"]
    rows = [_row(row, metrics) for row in record["leaderboard"]]
    blank: list[Cell] = [None] * (3 * len(metrics) + 3)
    scores = [one["metrics"] for one in record["stopped"]]
    stopped: list[list[Cell]] = [
        [
            one["band"][0] if one["band"] else None,
            one["modelId"],
            one["modelVersion"],
            one["family"],
            str(one["status"]),
            one["standing"],
            *(cell for metric in metrics for cell in (its.get(metric), None, None)),
            *[None] * 3,
            one["evaluationId"],
            f"stopped after {one['afterFolds']} of {one['ofFolds']} folds",
        ]
        for one, its in zip(record["stopped"], scores, strict=True)
    ]
    failed: list[list[Cell]] = [
        [
            None,
            one["modelId"],
            one["modelVersion"],
            one["family"],
            str(one["status"]),
            None,
            *blank,
            one["evaluationId"],
            _why(one),
        ]
        for one in record["failed"]
    ]
    return ShownTable(name="leaderboard", columns=columns, rows=[*rows, *stopped, *failed])


def _row(row: Mapping[str, Any], metrics: list[str]) -> list[Cell]:
    scores: list[Cell] = []
    for metric in metrics:
        low, high = row["intervals"].get(metric) or (None, None)
        scores += [row["metrics"].get(metric), low, high]
    band = row.get("band")
    costs = [row["fitSeconds"], row["predictSeconds"], row["peakMemoryMb"]]
    place = band[0] if band else row["rank"]
    named = [row["modelId"], row["modelVersion"], row["family"], "completed", row.get("standing")]
    return [place, *named, *scores, *costs, row["evaluationId"], None]


def _why(record: Mapping[str, Any]) -> str | None:
    error = record["error"]
    return f"{error['type']}: {error['message']}" if error else None
