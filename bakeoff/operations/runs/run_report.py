"""The report of one run: its leaderboard, and the candidates that are not on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.runs.column_importance import IMPORTANCE, Importance, importance_in
from bakeoff.domain.runs.experiment_tracking import Tracking
from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.model_saving import Saving
from bakeoff.domain.runs.result import FoldResult, Result, fold_record
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.domain.signal import EnsembleSignal
from bakeoff.domain.wording import listed, nearest
from bakeoff.evaluation.reports.leaderboard import LeaderboardRow, in_order_of_bands, rank
from bakeoff.operations.runs.read_stopped_candidates import StoppedCandidate, stopped_candidates
from bakeoff.store.bakeoffs import job_queries, run_rows, saving_rows
from bakeoff.store.bakeoffs.results import curve_rows, fold_rows, tracking_rows, verdict_rows
from bakeoff.store.bakeoffs.run_rows import RunSummary
from bakeoff.store.signals import stored_answers_of_signal_models

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True, kw_only=True)
class RunReport:
    summary: RunSummary
    metrics: tuple[str, ...]  #: the one that ranks, then the others
    standings: Sequence[LeaderboardRow]
    unsuccessful: Sequence[Job]  #: failed, timed out or cancelled
    open: Sequence[Job]  #: queued, running, or in a race waiting for others
    ensemble: Sequence[EnsembleSignal] = ()  #: of a run of signals, as far as models have answered
    verdict: RunVerdict | None = None  #: by the metric that ranks; None until the run is judged
    families: Mapping[str, str] = field(default_factory=dict)  #: by id of the candidate, of members of grids
    folds: Mapping[str, Sequence[FoldResult]] = field(default_factory=dict)  #: by job, of a run with folds
    stopped: Sequence[StoppedCandidate] = ()  #: by its race
    saving: Saving | None = None  #: None before the run has ended, and for one that saves nothing
    tracking: Tracking | None = (
        None  #: None before the run is judged, and for one that is not logged to MLflow
    )

    @property
    def run(self) -> Run:
        return self.summary.run

    @property
    def reused(self) -> int:
        """How many results were reused."""
        return sum(standing.result.reused_from is not None for standing in self.standings)


def scored_nobody(engine: "Engine", run: Run) -> bool:
    """Whether the candidates of an evaluation have results, and none of them a value of what ranks."""
    if run.signals is not None:
        return False
    first = run.rules.metrics[0]
    scored = [
        result.metrics.get(first) is not None
        for result in job_queries.results_of_run(engine, run.id)
        if result.model_id != run.baseline_id
    ]
    return bool(scored) and not any(scored)


def read_report(engine: "Engine", run_id: str, *, metric: str | None = None) -> RunReport:
    """`metric`: rank by this one instead of the run's first."""
    summary = run_rows.summary(engine, run_id)
    run = summary.run
    ranking = metric or run.rules.metrics[0]
    verdict = verdict_rows.of_run(engine, run_id)
    if verdict is not None and verdict.metric != ranking:
        verdict = None
    standings = rank(
        job_queries.results_of_run(engine, run_id),
        metric=ranking,
        baseline_id=run.baseline_id,
        directions=run.rules.directions,
    )
    if verdict is not None and run.baseline_id is not None:
        standings = [
            replace(
                row,
                beats_baseline=verdict.beats_baselines(row.result.model_id),
                baseline_mark=verdict.baseline_mark(row.result.model_id, dummy=run.baseline_id),
            )
            for row in standings
        ]
    if verdict is not None:
        standings = in_order_of_bands(standings, verdict.bands)
    every = job_queries.of_run(engine, run_id)
    ended = [job for job in every if job.state not in {JobState.COMPLETED, JobState.STOPPED}]
    folds = fold_rows.of_run(engine, run_id) if run.dataset.design.fits > 1 else {}
    return RunReport(
        summary=summary,
        metrics=tuple(dict.fromkeys([ranking, *run.rules.metrics])),
        standings=standings,
        unsuccessful=[job for job in ended if job.state.has_ended],
        open=[job for job in ended if not job.state.has_ended],
        ensemble=stored_answers_of_signal_models.ensemble_of_run(engine, run),
        verdict=verdict,
        families={job.candidate.id: job.candidate.family for job in every if job.candidate.family},
        folds=folds,
        stopped=stopped_candidates(
            engine,
            every,
            run.dataset.design,
            folds,
            best_is=1 if run.rules.greater_is_better(ranking) else -1,
            metric=ranking,
        ),
        saving=saving_rows.of_run(engine, run_id) if run.save else None,
        tracking=tracking_rows.of_run(engine, run_id),
    )


#: Curves of more candidates cannot be told apart in one chart.
_CURVES_AT_ONCE = 5


def curve_records(
    engine: "Engine", run_id: str, *, models: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """The curves of these candidates, or of the first on the leaderboard, in its order."""
    shown = [standing.result for standing in read_report(engine, run_id).standings]
    if models is None:
        shown = shown[:_CURVES_AT_ONCE]
    else:
        unknown = sorted(set(models) - {result.model_id for result in shown})
        if unknown:
            raise NotFoundError(f"run {run_id} has no result of {listed(unknown)}")
        shown = [result for result in shown if result.model_id in models]
    stored = curve_rows.of_run(engine, run_id, evaluation_ids=[result.evaluation_id for result in shown])
    return [
        {
            "evaluationId": result.evaluation_id,
            "modelId": result.model_id,
            "modelVersion": result.model_version,
            **stored[result.evaluation_id],
        }
        for result in shown
        if result.evaluation_id in stored
    ]


def require_result(report: RunReport, model_id: str | None) -> Result:
    """The result of a candidate; None: of the one to take, or else of the first on the leaderboard."""
    if model_id is None:
        model_id = report.verdict.recommended if report.verdict else None
        model_id = model_id or next((row.result.model_id for row in report.standings), "")
    found = next((row.result for row in report.standings if row.result.model_id == model_id), None)
    if found is None:
        known = [row.result.model_id for row in report.standings]
        cure = nearest(model_id, known) or f"; there are results of {listed(known) or 'none'}"
        raise NotFoundError(f"run {report.run.title} has no result of {model_id!r}{cure}")
    return found


def importance_of(report: RunReport, model_id: str | None) -> tuple[Result, Importance]:
    """How much a candidate relies on each column. NotFoundError if that was not measured."""
    run = report.run
    found = require_result(report, model_id)
    importance = importance_in(found.details)
    if importance is None:
        is_dummy = found.model_id == run.baseline_id
        why = "it looks at no column" if is_dummy else _why_not_measured(run, found)
        raise NotFoundError(f"the importance of columns for {found.model_id} was not measured: {why}")
    return found, importance


def _why_not_measured(run: Run, result: Result) -> str:
    if not run.options.get(IMPORTANCE):
        return f"start the run with --importance, as in `bakeoff run {run.dataset.name} --importance`"
    warnings = result.details.get("warnings", ())
    return next((one for one in warnings if "importance" in one), "its result does not say why")


def importance_record(result: Result, importance: Importance) -> dict[str, Any]:
    """The importance as JSON, over HTTP and in `--json`."""
    return {
        "runId": result.run_id,
        "evaluationId": result.evaluation_id,
        "modelId": result.model_id,
        **importance.to_record(),
    }


def report_record(report: RunReport) -> dict[str, Any]:
    verdict = report.verdict
    standings = [
        standing_record(standing, verdict, family=report.families.get(standing.result.model_id))
        for standing in report.standings
    ]
    failed = [failure_record(job, folds_of_failed(report, job)) for job in report.unsuccessful]
    if report.run.signals is not None:
        return {
            "run": run_record(report.summary),
            "models": standings,
            "failed": failed,
            "signals": [signal.to_record() for signal in report.ensemble],
        }
    return {
        "run": run_record(report.summary),
        "verdict": verdict.to_record() if verdict else None,
        "leaderboard": standings,
        "stopped": [one.to_record(verdict) for one in report.stopped],
        "failed": failed,
        "saving": report.saving.to_record() if report.saving else None,
        "tracking": report.tracking.to_record() if report.tracking else None,
    }


def run_record(summary: RunSummary) -> dict[str, Any]:
    return {**summary.run.to_record(), "jobs": {state: summary.jobs.get(state, 0) for state in JobState}}


def standing_record(
    standing: LeaderboardRow, verdict: RunVerdict | None = None, *, family: str | None = None
) -> dict[str, Any]:
    judged = verdict.record_of(standing.result.model_id) if verdict else {}
    return {
        "rank": standing.rank,
        **standing.result.to_record(),
        "family": family,
        "beatsBaseline": standing.beats_baseline,
        "baselineMark": standing.baseline_mark or None,
        "folds": standing.result.details.get("folds", []),
        **judged,
    }


def folds_of_failed(report: RunReport, job: Job) -> list[dict[str, Any]]:
    """What the folds gave before one failed."""
    design = report.run.dataset.design
    return [fold_record(design, fold.place, fold.metrics) for fold in report.folds.get(job.id, ())]


def failure_record(job: Job, folds: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """`folds`: what the folds gave before one failed."""
    return {
        "evaluationId": job.id,
        "modelId": job.candidate.id,
        "modelVersion": job.candidate.version,
        "status": job.state,
        "family": job.candidate.family,
        "attempt": job.attempt,
        "worker": job.worker,
        "error": job.error.to_record() if job.error else None,
        "folds": list(folds),
    }
