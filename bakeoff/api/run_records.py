"""Runs as the API returns them: their record, with their jobs and their progress."""

from collections.abc import Mapping
from typing import Any

from bakeoff.domain.ids_and_times import iso_or_none, utc_now
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import seconds_left
from bakeoff.store.bakeoffs.run_progress_rows import JobStatus, RunStatus
from bakeoff.store.bakeoffs.run_rows import RunSummary


def started(status: RunStatus) -> dict[str, Any]:
    return {
        "runId": status.run.id,
        "status": status.run.state,
        "jobs": [_job(job) for job in status.jobs],
    }


def run_record(status: RunStatus) -> dict[str, Any]:
    return {
        **status.run.to_record(),
        "progress": {**counts(status), "etaSeconds": _seconds_left(status)},
        "jobs": [_job_of_run(job) for job in status.jobs],
    }


def progress(status: RunStatus) -> dict[str, Any]:
    """The data of the event `progress`, which a client that follows the run gets on each change."""
    return {"status": status.run.state, **counts(status), "etaSeconds": _seconds_left(status)}


def counts(status: RunStatus) -> dict[str, Any]:
    by_state = dict.fromkeys(JobState, 0)
    for job in status.jobs:
        by_state[job.state] += 1
    return _counts(by_state)


def run_in_list(summary: RunSummary) -> dict[str, Any]:
    by_state = {state: summary.jobs.get(state, 0) for state in JobState}
    return {**summary.run.to_record(), "progress": _counts(by_state)}


def _counts(by_state: Mapping[JobState, int]) -> dict[str, Any]:
    return {
        "counts": by_state,
        "done": sum(number for state, number in by_state.items() if state.has_ended),
        "total": sum(by_state.values()),
    }


def _seconds_left(status: RunStatus) -> float | None:
    """An estimate by the pace so far: 0 if the run has ended, None if it has not begun."""
    began = status.run.started_at
    if began is None or status.run.state.has_ended:
        return 0.0 if status.run.state.has_ended else None
    return seconds_left(status.jobs, max(0.0, (utc_now() - began).total_seconds()))


def _job(job: JobStatus) -> dict[str, Any]:
    return {
        "jobId": job.job_id,
        "modelId": job.model_id,
        "modelVersion": job.model_version,
        "status": job.state,
    }


def _job_of_run(job: JobStatus) -> dict[str, Any]:
    return {
        **_job(job),
        "attempt": job.attempt,
        "node": job.node,
        "startedAt": iso_or_none(job.started_at),
        "endedAt": iso_or_none(job.ended_at),
    }
