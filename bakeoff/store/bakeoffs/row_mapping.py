"""Converts rows to the types of `bakeoff.domain`, and back: runs, jobs, results, provenances.

The rows of runs and jobs may be any objects with the columns as attributes.
"""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.finding import Finding
from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.runs.job import Job, JobError, JobKind, JobState
from bakeoff.domain.runs.model_saving import SaveRequest
from bakeoff.domain.runs.result import CodeManifest, Cost, Part, Provenance, Result
from bakeoff.domain.runs.run import Run, RunState
from bakeoff.domain.runs.verdict import Interval
from bakeoff.domain.signal import SignalJobInputs, SignalOrder
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef

_MOST_OF_A_NAME = 80


def run_to_row(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "name": run.name,
        "state": run.state,
        "dataset_id": run.dataset.dataset_id,
        "split_id": run.dataset.split_id,
        "dataset": asdict(run.dataset),
        "rules": run.rules.to_json(),
        "seed": run.seed,
        "test_size": run.test_size,
        "baseline_id": run.baseline_id,
        "repeat_check": run.repeat_check,
        "save": run.save.to_json() if run.save else None,
        "signals": run.signals.to_json() if run.signals else None,
        "priority": run.priority,
        "options": dict(run.options) or None,
        "findings": [finding.to_record() for finding in run.findings] or None,
        "retry_of": run.retry_of,
        "request_digest": run.request_digest,
        "created_at": run.created_at,
    }


def run_from_row(row: Any) -> Run:
    return Run(
        id=row.id,
        name=row.name,
        state=RunState(row.state),
        dataset=DatasetRef.from_json(row.dataset),
        rules=ScoringRules.from_json(row.rules),
        seed=row.seed,
        test_size=row.test_size,
        baseline_id=row.baseline_id,
        repeat_check=row.repeat_check,
        save=None if row.save is None else SaveRequest.from_json(row.save),
        signals=None if row.signals is None else SignalOrder.from_json(row.signals),
        priority=row.priority,
        options=row.options or {},
        findings=tuple(map(Finding.from_record, row.findings or ())),
        retry_of=row.retry_of,
        request_digest=row.request_digest,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def job_to_row(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "run_id": job.run_id,
        "kind": job.kind,
        "model_id": job.candidate.id if job.place is None else _name_of_part(job, job.place),
        # No two candidates of a run have the same id and version, and no two parts.
        "model_version": job.candidate.version if job.part_of is None else job.part_of,
        "candidate": job.candidate.to_json(),
        "state": job.state,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "timeout_s": job.timeout_s,
        "position": job.position,
        "reuses": job.reuses,
        "part_of": job.part_of,
        "place": job.place,
        "commission": job.signal_inputs.to_json() if job.signal_inputs else None,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
    }


def _name_of_part(job: Job, place: int) -> str:
    """For the queue and for Flower."""
    return f"{job.candidate.id[:_MOST_OF_A_NAME]}, fit {place + 1}"


def job_from_row(row: Any) -> Job:
    return Job(
        id=row.id,
        run_id=row.run_id,
        kind=JobKind(row.kind),
        candidate=Candidate.from_json(row.candidate),
        state=JobState(row.state),
        attempt=row.attempt,
        max_attempts=row.max_attempts,
        timeout_s=row.timeout_s,
        position=row.position,
        reuses=row.reuses,
        part_of=row.part_of,
        place=row.place,
        signal_inputs=None if row.commission is None else SignalJobInputs.from_json(row.commission),
        worker=row.worker,
        node=row.node,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        cancel_requested_at=row.cancel_requested_at,
        error=None if row.error is None else JobError.from_json(row.error),
    )


def provenance_to_row(result: Result, provenance: Provenance) -> dict[str, Any]:
    return {
        "evaluation_id": result.evaluation_id,
        "model_id": result.model_id,
        "fingerprint": provenance.fingerprint,
        "parts": dict(provenance.parts),
        "seen": dict(provenance.seen),
        "obstacle": provenance.obstacle,
        "predictions": provenance.predictions,
        "probabilities": provenance.probabilities,
        "manifest": asdict(provenance.manifest),
        "made_at": result.timestamp,
    }


def provenance_from_row(row: Row[Any]) -> Provenance:
    return Provenance(
        parts={part: row.parts[part] for part in Part},
        seen=row.seen,
        obstacle=row.obstacle,
        predictions=row.predictions,
        probabilities=row.probabilities,
        manifest=CodeManifest(**row.manifest),
    )


def name_in_events(row: Row[Any]) -> dict[str, Any]:
    """The keys that each event about a job has."""
    return {
        "evaluationId": row.id,
        "modelId": row.model_id,
        "modelVersion": row.model_version,
        "attempt": row.attempt,
    }


def result_to_row(result: Result) -> dict[str, Any]:
    return {
        **{name: getattr(result, name) for name in _RESULT_COLUMNS},
        "metrics": dict(result.metrics),
        "details": dict(result.details),
        "intervals": {metric: asdict(interval) for metric, interval in result.intervals.items()},
        "cost": _cost_to_json(result.cost),
    }


def _cost_to_json(cost: Cost) -> dict[str, Any]:
    """As `asdict` does, which copies each number by itself and takes as long as all else about a row."""
    return {**vars(cost), "latency": None if cost.latency is None else asdict(cost.latency)}


def result_from_row(row: Row[Any]) -> Result:
    return Result(
        **{name: getattr(row, name) for name in _RESULT_COLUMNS},
        metrics=row.metrics,
        details=row.details,
        intervals={metric: Interval(**interval) for metric, interval in row.intervals.items()},
        cost=Cost.from_json(row.cost),
    )


_RESULT_COLUMNS = (
    "evaluation_id",
    "run_id",
    "model_id",
    "model_version",
    "dataset_id",
    "dataset_name",
    "split_id",
    "seed",
    "timestamp",
    "duration_s",
    "attempt",
    "reused_from",
)
