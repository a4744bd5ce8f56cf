"""What is logged of a run to a tracking server. All of it follows from what is stored of the run."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.experiment_tracking import TrackedEnd, TrackedEntry, TrackedRun, TrackedValue
from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.result import Cost, Part, Provenance, Result
from bakeoff.domain.runs.run import Run, RunState
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.operations.runs.read_stopped_candidates import StoppedCandidate
from bakeoff.operations.runs.run_report import (
    RunReport,
    failure_record,
    folds_of_failed,
    read_report,
    standing_record,
)
from bakeoff.store.bakeoffs import job_queries, run_label_rows
from bakeoff.store.bakeoffs.results import curve_rows, earlier_fits

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from bakeoff.operations.context import Context

_RUN_ENDS: Mapping[RunState, TrackedEnd] = {
    RunState.COMPLETED: TrackedEnd.FINISHED,
    RunState.PARTIAL: TrackedEnd.FINISHED,
    RunState.FAILED: TrackedEnd.FAILED,
    RunState.CANCELLED: TrackedEnd.KILLED,
}
_JOB_ENDS: Mapping[JobState, TrackedEnd] = {
    JobState.COMPLETED: TrackedEnd.FINISHED,
    JobState.FAILED: TrackedEnd.FAILED,
    JobState.TIMED_OUT: TrackedEnd.FAILED,
    JobState.CANCELLED: TrackedEnd.KILLED,
    JobState.STOPPED: TrackedEnd.KILLED,
}


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What is stored of one candidate in a run that has ended."""

    job: Job
    result: Result | None  #: None for one that did not complete
    provenance: Provenance | None  #: None for one without a result, or of an old version
    stopped: StoppedCandidate | None  #: None for one that its race has not stopped
    curves: Mapping[str, Any]
    record: Mapping[str, Any]  #: its row of the leaderboard, or its failure, or when its race stopped it


def read_contents_to_track(context: "Context", run_id: str, *, report_html: str | None) -> TrackedRun:
    """InvalidInputError for a run that has not ended, or that asked signal models.

    `report_html`: the report of the run; with None no file is logged, neither of the run nor of candidates.
    """
    engine = context.engine
    report = read_report(engine, run_id)
    run = report.run
    if run.signals is not None:
        raise InvalidInputError(f"run {run.title} asked signal models, and has no scores to log")
    if not run.state.has_ended:
        raise InvalidInputError(f"run {run.title} is {run.state}: it is logged when it has ended")
    with_files = report_html is not None
    return TrackedRun(
        run=_run_entry(engine, report, {"report.html": report_html} if report_html is not None else {}),
        candidates=[
            _candidate_entry(run, report.verdict, known, with_files=with_files)
            for known in _all_known(engine, report)
        ],
        dataset=run.dataset.name,
        dataset_id=run.dataset.dataset_id,
        split_id=run.dataset.split_id,
    )


def _all_known(engine: "Engine", report: RunReport) -> Iterator[_Known]:
    run_id = report.run.id
    rows = {row.result.evaluation_id: row for row in report.standings}
    stopped = {one.job.id: one for one in report.stopped}
    curves = curve_rows.of_run(engine, run_id)
    for job in job_queries.of_run(engine, run_id):
        row = rows.get(job.id)
        fit = row and earlier_fits.of_evaluation(engine, row.result.reused_from or job.id)
        yield _Known(
            job=job,
            result=None if row is None else row.result,
            provenance=fit.provenance if fit else None,
            stopped=stopped.get(job.id),
            curves=curves.get(job.id, {}),
            record=_without_result(report, job, stopped.get(job.id))
            if row is None
            else {
                **standing_record(row, report.verdict, family=job.candidate.family),
                "details": dict(row.result.details),
            },
        )


def _without_result(report: RunReport, job: Job, stopped: StoppedCandidate | None) -> dict[str, Any]:
    return stopped.to_record(report.verdict) if stopped else failure_record(job, folds_of_failed(report, job))


def _run_entry(engine: "Engine", report: RunReport, files: Mapping[str, str]) -> TrackedEntry:
    run, verdict = report.run, report.verdict
    labels = run_label_rows.of_runs(engine, [run.id]).get(run.id, [])
    best = next((row.result for row in report.standings if row.result.model_id == _taken(verdict)), None)
    return TrackedEntry(
        id=run.id,
        name=run.name,
        status=_RUN_ENDS[run.state],
        started_at=run.started_at or run.created_at,
        ended_at=run.ended_at or run.created_at,
        params={
            **_data_params(run),
            "metrics": ", ".join(run.rules.metrics),
            "baseline": run.baseline_id or "none",
            "candidates": str(sum(report.summary.jobs.values())),
        },
        metrics=_scores(best) if best else [],
        tags={
            **_run_tags(run),
            "bakeoff.status": str(run.state),
            **({"bakeoff.labels": ", ".join(labels)} if labels else {}),
            **(_verdict_tags(verdict) if verdict else {}),
            **{f"bakeoff.saved.{one.candidate}": one.uri for one in _saved(report)},
        },
        note=verdict.sentence if verdict else f"The run is {run.state}, and has no verdict.",
        files=files,
    )


def _candidate_entry(
    run: Run, verdict: RunVerdict | None, known: _Known, *, with_files: bool
) -> TrackedEntry:
    job, result = known.job, known.result
    return TrackedEntry(
        id=job.id,
        name=job.candidate.id,
        status=_JOB_ENDS[job.state],
        started_at=job.started_at or job.created_at,
        ended_at=job.ended_at or job.created_at,
        params={**_data_params(run), **_candidate_params(job.candidate), **_chosen(result)},
        metrics=[*_scores(result), *_costs(result), *_folds(result.details.get("folds", []))]
        if result
        else _folds(known.record["folds"]),
        tags={
            **_run_tags(run),
            "bakeoff.candidate": job.candidate.id,
            "bakeoff.candidate_version": job.candidate.version,
            "bakeoff.status": str(job.state),
            **({"bakeoff.tags": ", ".join(job.candidate.tags)} if job.candidate.tags else {}),
            **_result_tags(run, result, verdict),
            **({"bakeoff.standing": "stopped"} if known.stopped else {}),
            **_code_tags(known.provenance),
            **({"bakeoff.error": f"{job.error.type}: {job.error.message}"} if job.error else {}),
        },
        note=_note(known, verdict),
        files=_files(known) if with_files else {},
    )


def _taken(verdict: RunVerdict | None) -> str | None:
    return verdict.recommended if verdict else None


def _saved(report: RunReport) -> Sequence[Any]:
    return report.saving.outcome.saved if report.saving and report.saving.outcome else ()


def _data_params(run: Run) -> dict[str, str]:
    """The same for all candidates of a run: so tables of MLflow can be grouped and filtered by them."""
    dataset = run.dataset
    return {
        "dataset": dataset.name,
        "target": dataset.target,
        "train_rows": str(dataset.train_rows),
        "test_rows": str(dataset.test_rows),
        "columns": str(dataset.columns),
        "design": dataset.design.title or f"one split, test size {run.test_size:g}",
        "seed": str(run.seed),
    }


def _candidate_params(candidate: Candidate) -> dict[str, str]:
    """The class and parameters of a candidate; of a pipeline, with the number of the step before the name."""
    said = {"class": candidate.path or " | ".join(step.path for step in candidate.steps)}
    said |= {f"params.{name}": _text(value) for name, value in candidate.params.items()}
    for number, step in enumerate(candidate.steps, start=1):
        said |= {f"step{number}.{name}": _text(value) for name, value in step.params.items()}
    if candidate.features is not None:
        said["features"] = ", ".join(candidate.features)
    return said


def _chosen(result: Result | None) -> dict[str, str]:
    """What the candidate chose itself on its training rows; of several folds, what it chose in each."""
    details: Mapping[str, Any] = result.details if result else {}
    chosen = {"tuned.threshold": _text(details["thresholds"])} if "thresholds" in details else {}
    searches = details.get("tuning", [])
    for name in searches[0]["params"] if searches else ():
        values = [one["params"][name] for one in searches]
        chosen[f"tuned.{name}"] = _text(values[0] if len(values) == 1 else values)
    return chosen


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _scores(result: Result) -> list[TrackedValue]:
    """Each metric, and the ends of its interval as `f1.low` and `f1.high`."""
    found = []
    for metric, value in result.metrics.items():
        if value is not None:
            found.append(TrackedValue(metric=metric, value=value))
        interval = result.intervals.get(metric)
        if interval is not None:
            found.append(TrackedValue(metric=f"{metric}.low", value=interval.low))
            found.append(TrackedValue(metric=f"{metric}.high", value=interval.high))
    return found


def _costs(result: Result) -> list[TrackedValue]:
    cost: Cost = result.cost
    values = {
        "fit_seconds": cost.fit_s,
        "predict_seconds": cost.predict_s,
        "cpu_seconds": cost.cpu_s,
        "peak_memory_mb": cost.peak_memory_mb,
        "duration_seconds": result.duration_s,
    }
    return [TrackedValue(metric=name, value=float(value)) for name, value in values.items()]


def _folds(folds: Sequence[Mapping[str, Any]]) -> list[TrackedValue]:
    """The scores of folds and seeds as steps of `fold.f1`, from 1."""
    return [
        TrackedValue(metric=f"fold.{metric}", value=value, step=step)
        for step, fold in enumerate(folds, start=1)
        for metric, value in fold["metrics"].items()
        if value is not None
    ]


def _run_tags(run: Run) -> dict[str, str]:
    return {
        "mlflow.source.name": "bakeoff",
        "bakeoff.run": run.name,
        "bakeoff.dataset_id": run.dataset.dataset_id,
        "bakeoff.split_id": run.dataset.split_id,
    }


def _verdict_tags(verdict: RunVerdict) -> dict[str, str]:
    return {
        "bakeoff.verdict": verdict.sentence,
        "bakeoff.metric": verdict.metric,
        **({"bakeoff.best": verdict.best} if verdict.best else {}),
        **({"bakeoff.recommended": verdict.recommended} if verdict.recommended else {}),
        **({"bakeoff.tied": ", ".join(verdict.tied)} if verdict.tied else {}),
        **(
            {"bakeoff.findings": ", ".join(dict.fromkeys(one.slug for one in verdict.findings))}
            if verdict.findings
            else {}
        ),
    }


def _result_tags(run: Run, result: Result | None, verdict: RunVerdict | None) -> dict[str, str]:
    if result is None:
        return {}
    tags = {"bakeoff.reused_from": result.reused_from} if result.reused_from else {}
    if verdict is None:
        return tags
    told = verdict.record_of(result.model_id)
    beats = verdict.beats_baselines(result.model_id)
    is_baseline = result.model_id == run.baseline_id
    return {
        **tags,
        "bakeoff.standing": told["standing"],
        **({"bakeoff.places": "{} to {}".format(*told["band"])} if told["band"] else {}),
        **({} if is_baseline or beats is None else {"bakeoff.beats_baseline": str(beats).lower()}),
        **({"bakeoff.recommended": "true"} if verdict.recommended == result.model_id else {}),
        **({"bakeoff.findings": ", ".join(told["findings"])} if told["findings"] else {}),
    }


def _code_tags(provenance: Provenance | None) -> dict[str, str]:
    if provenance is None:
        return {}
    commit = provenance.manifest.commit
    return {
        "bakeoff.code_digest": provenance.parts[Part.CODE],
        "bakeoff.fingerprint": provenance.fingerprint,
        **({"mlflow.source.git.commit": commit} if commit else {}),
    }


def _note(known: _Known, verdict: RunVerdict | None) -> str:
    if known.job.error is not None:
        hint = f"\n\n{known.job.error.hint}" if known.job.error.hint else ""
        return f"{known.job.error.type}: {known.job.error.message}{hint}"
    said = known.job.candidate.description
    if known.stopped is not None:
        return f"Its race stopped it after {known.stopped.after}."
    if verdict is None or known.result is None:
        return said
    standing = f"Its standing is *{verdict.record_of(known.result.model_id)['standing']}*. {verdict.sentence}"
    return "\n\n".join(filter(None, [said, standing]))


def _files(known: _Known) -> dict[str, str]:
    error = known.job.error
    manifest = {"environment": known.provenance.manifest.to_record()} if known.provenance else {}
    return {
        "result.json": _json({**known.record, **manifest}),
        **({"curves.json": _json(known.curves)} if known.curves else {}),
        **({"error.txt": f"{error.traceback}\n{error.log_tail}"} if error else {}),
    }


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"
