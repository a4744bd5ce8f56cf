"""The supervisor's side of one evaluation: order a cell, wait for it, and score its predictions.

A candidate is fitted in a cell (`evaluate_in_cell`), or the predictions of an earlier evaluation are scored
by the rules of another run (`rescore`), and nothing is fitted.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from bakeoff.cell.host.cell_client import WarmParent
from bakeoff.cell.host.cell_order import Limits, Order
from bakeoff.cell.host.cell_outcome import CellOutcome, End
from bakeoff.cell.host.open_and_place_output_files import wait_for_disk
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.machine.work_in_thread import StoppedError, TooLongError, run_in_thread
from bakeoff.domain.runs.job import JobError, JobState, Phase
from bakeoff.domain.runs.result import Cost, Fit, FittedModel, NotKept, Parts, Provenance, Result
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef, TargetKind
from bakeoff.evaluation.datasets import read_snapshot, snapshot_layout
from bakeoff.evaluation.jobs.accept_outputs import (
    about_preparation,
    about_weights,
    accept_cost,
    accept_model,
    predicted_files,
    score_outputs,
    uses_seed,
)
from bakeoff.evaluation.jobs.cell_failure import Faulty, Killed, Stopped, failure_of
from bakeoff.evaluation.jobs.choosing.accept_choices import (
    accept_choices,
    choices_in,
    ran_out_of_time,
    warnings_about,
)
from bakeoff.evaluation.jobs.choosing.trial_deaths import (
    kept_trials,
    searched,
    too_many_deaths,
    was_a_trial,
)
from bakeoff.evaluation.jobs.fit_and_predict import TRIALS
from bakeoff.evaluation.jobs.importance.score_importance import (
    MOST_MB,
    accept_importance,
    importance_order,
)
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import EvaluationUnderWay, may_share_cell
from bakeoff.evaluation.jobs.pickle_fitted_model import MODEL, PREPROCESSOR
from bakeoff.evaluation.metrics.metric_names import need_more_than_labels
from bakeoff.evaluation.metrics.score_predictions import Scores
from bakeoff.evaluation.metrics.score_snapshot import ForgedReportError
from bakeoff.evaluation.reuse.job_provenance import Before, look_before, parts_of, provenance_of, seed_at
from bakeoff.evaluation.reuse.used_files_unchanged import sha256
from bakeoff.evaluation.user_functions.custom_metric_scores import CustomScoring, with_custom_metrics
from registry.code.candidate_code import Code
from registry.code.cell_import_and_readable_paths import import_path, readable_paths
from registry.code.permitted_environment_and_files import below_home, variables_of
from registry.columns.check_predictions import BadPredictionsError

log = logging.getLogger(__name__)

_SPARE_MB = 16
_ROW_BYTES = 1024
_FLOAT_BYTES = 8
_LETTER_BYTES = 4
_MOST_PROBABILITIES = 2_000_000  #: that are kept although no metric asks for them


@dataclass(frozen=True, kw_only=True)
class Scored:
    scores: Scores
    cost: Cost
    fitted: FittedModel | NotKept | None = None  #: None when the run wants no model
    provenance: Provenance | None = None  #: None when nothing was fitted
    reused_from: str | None = None  #: id of the evaluation whose predictions were scored
    uses_seed: bool = True  #: false: the cell saw that another seed would change nothing
    earlier_s: float = 0.0  #: what others took for folds that are not fitted here, less the wait for them


@dataclass(frozen=True, kw_only=True)
class RoundDone:
    """Of a race: it has the folds of this round, and waits for those that have not."""

    folds: int  #: that it has


EvaluationEnd = Scored | Faulty | Killed | Stopped


def evaluate_in_cell(evaluation: EvaluationUnderWay, warm: WarmParent) -> EvaluationEnd:
    """Fits once; with `repeat_check` twice, and then the details say whether both predict the same.

    If the second fit fails, its failure is the end of the job.
    """
    for file in evaluation.paths.outputs.values():
        file.parent.mkdir(parents=True, exist_ok=True)
    first = _fit_once(evaluation, warm)
    if not (evaluation.run.repeat_check and isinstance(first, Scored)):
        return first
    predictions = evaluation.paths.predictions
    again = replace(evaluation.paths, predictions=predictions.with_suffix(".again.npy"), model=None)
    try:
        second = _fit_once(replace(evaluation, paths=again), warm)
        if not isinstance(second, Scored):
            return second
        is_same = predictions.read_bytes() == again.predictions.read_bytes()
    finally:
        for file in (*again.outputs.values(), again.trials):
            file.unlink(missing_ok=True)
    return _with_details(first, deterministic=is_same)


def _fit_once(evaluation: EvaluationUnderWay, warm: WarmParent) -> EvaluationEnd:
    """In one cell; or in several, if trials of its search end theirs."""
    job, permission = evaluation.job, evaluation.permission
    began, took_s = time.monotonic(), 0.0
    while True:
        before = look_before(job.candidate, evaluation.paths.root)
        shared = may_share_cell(evaluation, before.code)
        order = order_of(evaluation, wall_s=job.timeout_s - took_s, shared=shared)
        outcome = warm.run(order, keep_going=permission.may_go_on, may_keep=permission.may_keep)
        if outcome.left:
            log.debug("the cell of %s ends: it left %s", job.candidate.id, ", ".join(outcome.left))
        if outcome.end is End.RETURNED:
            return score_within_time(
                partial(_scored, evaluation, outcome, before),
                evaluation,
                log_tail=outcome.end_of_log,
                meanwhile=partial(_wait_for_disk, evaluation),  # the result is written when both have ended
            )
        failure = failure_of(outcome, attempt=job.attempt, writes_to=evaluation.paths.predictions.parent)
        took_s = time.monotonic() - began
        if not was_a_trial(evaluation, outcome) or took_s >= job.timeout_s:
            return failure
        if (too_many := too_many_deaths(evaluation, outcome)) is not None:
            return too_many
        # A cell asks only once per tick, so a row of cells shorter than a tick would never renew the lease.
        if not permission.may_go_on():
            return Stopped()


def _wait_for_disk(evaluation: EvaluationUnderWay) -> None:
    """A power failure leaves no result whose files are lost.

    A part waits for no disk: it counts only if its files have the digests that are kept of it.
    """
    if not evaluation.is_part:
        wait_for_disk(evaluation.paths.outputs.values())


def rescore(evaluation: EvaluationUnderWay, fit: Fit) -> EvaluationEnd:
    """Scores the predictions of `fit`, which `evaluation.paths` name. The caller has checked the digests."""

    def score() -> Scored:
        scored = Scored(
            scores=score_outputs(evaluation), cost=fit.result.cost, reused_from=fit.result.evaluation_id
        )
        known = fit.is_deterministic
        choices = choices_in(fit.result.details)
        scored = _with_details(scored, **choices)
        for warning in warnings_about(choices):
            scored = with_warning(scored, warning)
        return scored if known is None else _with_details(scored, deterministic=known)

    return score_within_time(score, evaluation)


def with_own_metrics(
    end: EvaluationEnd, evaluation: EvaluationUnderWay, warm_parent: Callable[[], WarmParent]
) -> EvaluationEnd:
    """Computes the custom metrics of the run, if there are any, in cells of the same warm parent.

    `evaluation.paths` name the predictions, which the other metrics have shown to be sound.
    """
    run, paths = evaluation.run, evaluation.paths
    if not isinstance(end, Scored) or not run.rules.custom:
        return end

    def run_cell(order: Order) -> CellOutcome:
        # A cell asks only once per tick, so a row of cells shorter than a tick would never renew the lease.
        if not evaluation.permission.may_go_on():
            raise StoppedError
        return warm_parent().run(order, keep_going=evaluation.permission.may_go_on)

    scoring = CustomScoring(
        rules=run.rules,
        dataset=run.dataset,
        snapshot=paths.snapshot,
        predicted=predicted_files(evaluation.job, paths),
        root=paths.root,
        closed=paths.closed,
        log=paths.log,
        longest_s=min(evaluation.metric_timeout_s, evaluation.job.timeout_s),
        threads=evaluation.grant.threads,
        memory_mb=evaluation.grant.memory_mb,
    )
    try:
        return replace(end, scores=with_custom_metrics(end.scores, scoring, run_cell))
    except StoppedError:
        return Stopped()


def order_of(evaluation: EvaluationUnderWay, *, wall_s: float, shared: bool = False) -> Order:
    job, dataset, paths = evaluation.job, evaluation.run.dataset, evaluation.paths
    return Order(
        entry="bakeoff.evaluation.jobs.fit_and_predict:run",
        payload=payload_of(evaluation, audited=True),
        limits=Limits(
            wall_s=wall_s,
            threads=evaluation.grant.threads,
            memory_mb=evaluation.grant.memory_mb,
            output_mb=predictions_mb(dataset),
            outputs_mb={
                **dict.fromkeys((MODEL, PREPROCESSOR), paths.model_limit_mb),
                **dict.fromkeys(paths.permuted, MOST_MB),
            },
            processes=evaluation.grant.processes,
            mapped_bytes=read_snapshot.mapped_bytes(paths.snapshot),
        ),
        log=paths.log,
        readable=(
            paths.snapshot / snapshot_layout.OPEN,
            # The files that the dataset was read from hold the test labels: they stay closed.
            *readable_paths(
                paths.root,
                candidates=[job.candidate],
                closed=(*paths.closed, *map(Path, dataset.files)),
            ),
        ),
        import_path=import_path(paths.root),
        environment=variables_of([job.candidate]),
        in_home=below_home([job.candidate], paths.root, (*paths.closed, *map(Path, dataset.files))),
        outputs=evaluation.outputs,
        inputs=evaluation.inputs,
        growing=(TRIALS,) if job.candidate.tune else (),
        synced=False,  # see `_wait_for_disk`
        shared=shared,
    )


def predictions_mb(dataset: DatasetRef) -> int:
    """The limit of the predictions: a long label, or a probability of each class, for each row."""
    longest = max((len(name) for name in dataset.classes), default=0)
    row = max(_ROW_BYTES, _FLOAT_BYTES * len(dataset.classes), _LETTER_BYTES * longest)
    return _SPARE_MB + dataset.test_rows * row // 2**20


def payload_of(evaluation: EvaluationUnderWay, *, audited: bool) -> dict[str, Any]:
    """What the cell is given as JSON.

    `audited`: record which files are used. The audit cannot be switched off again, so only in a process that
    ends with the evaluation.
    """
    job, run, paths = evaluation.job, evaluation.run, evaluation.paths
    seed = seed_at(job.candidate, run.seed, evaluation.seed_place)
    is_shuffled = evaluation.shuffled is not None
    kept = kept_trials(evaluation)
    return {
        "about": {"runId": run.id, "jobId": job.id, "attempt": job.attempt},
        "audited": audited,
        "candidate": job.candidate.to_json(),
        "snapshot": str(paths.snapshot / snapshot_layout.OPEN),
        "isPart": evaluation.part is not None,
        "root": str(paths.root),
        "seed": seed,
        "shuffled": evaluation.shuffled,
        "moreThanLabels": need_more_than_labels(run.rules, run.dataset.target_kind),
        # Of several fits, the first one is measured.
        "wantsLatency": not (evaluation.fold or evaluation.seed_place or evaluation.refit or is_shuffled),
        "wantsCurves": _wants_curves(run.dataset) and not is_shuffled,
        "threshold": run.rules.threshold,
        "trials": [trial.to_json() for trial in kept.trials],
        "trialsGoOn": kept.has_begun,
        "trialsOf": searched(evaluation) if job.candidate.tune else "",
        "timeoutSeconds": job.timeout_s,
        "tuneSeconds": evaluation.tune_s,
        "saveAs": None if paths.model is None or run.save is None else run.save.name,
        "modelLimitMb": paths.model_limit_mb,
        "importance": order.to_json() if (order := importance_order(evaluation)) else None,
    }


def _wants_curves(dataset: DatasetRef) -> bool:
    """Of many classes the probabilities would take more room, and more time, than a picture is worth."""
    numbers = dataset.target_kind is TargetKind.REGRESSION
    return not numbers and dataset.test_rows * len(dataset.classes) <= _MOST_PROBABILITIES


def _scored(evaluation: EvaluationUnderWay, outcome: CellOutcome, before: Before) -> Scored:
    job, run, paths = evaluation.job, evaluation.run, evaluation.paths

    def parts(code: Code, surroundings: Mapping[str, str]) -> Parts:
        return parts_of(
            job.candidate, dataset=run.dataset, seed=run.seed, code=code, surroundings=surroundings
        )

    # First of all: what is no record of a choice is nothing that a model could be saved with.
    choices = accept_choices(outcome.value, job.candidate)
    [threshold] = choices.get("thresholds", [run.rules.threshold])
    scored = Scored(
        cost=accept_cost(outcome, evaluation),
        uses_seed=uses_seed(outcome.value),
        scores=score_outputs(evaluation),
        fitted=accept_model(
            outcome.value, evaluation, classes=read_snapshot.classes(paths.snapshot), threshold=threshold
        ),
        provenance=provenance_of(
            job.candidate,
            before,
            root=paths.root,
            report=outcome.value,
            parts=parts,
            obstacle="its search ran out of time" if ran_out_of_time(choices) else "",
            predictions=sha256(paths.predictions),
            probabilities=None if (beside := paths.beside) is None else sha256(beside),
        ),
    )
    importance, without_importance = accept_importance(outcome.value, evaluation)
    scored = _with_details(scored, **choices, **importance, **about_preparation(outcome.value))
    lingered = ["its process did not end after its result was written, and was ended"]
    warnings = [
        *warnings_about(choices),
        *about_weights(outcome.value),
        *without_importance,
        *(lingered if outcome.lingered else []),
        *([outcome.log_gap] if outcome.log_gap else []),
    ]
    for warning in warnings:
        scored = with_warning(scored, warning)
    return scored


def score_within_time(
    score: Callable[[], Scored],
    evaluation: EvaluationUnderWay,
    *,
    log_tail: str = "",
    meanwhile: Callable[[], None] = lambda: None,
) -> EvaluationEnd:
    """Scores within the time limit of the job, because metrics of many rows may take long."""
    job, metrics = evaluation.job, evaluation.run.rules.metrics
    try:
        keep_going = evaluation.permission.may_go_on
        return run_in_thread(score, keep_going=keep_going, longest_s=job.timeout_s, meanwhile=meanwhile)
    except StoppedError:
        return Stopped()
    except TooLongError:
        error = JobError(
            type="Timeout",
            message=f"its metrics, {', '.join(metrics)}, took longer than {job.timeout_s:g} seconds",
            phase=Phase.SCORE,
            hint="name fewer metrics or faster ones with `--metrics`",
        )
        return Faulty(state=JobState.TIMED_OUT, error=error)
    except (BadPredictionsError, ForgedReportError) as exc:
        error = JobError(type="BadPredictions", message=str(exc), phase=Phase.SCORE, log_tail=log_tail)
        return Faulty(state=JobState.FAILED, error=error)


def result_of(evaluation: EvaluationUnderWay, scored: Scored, *, duration_s: float) -> Result:
    job, run = evaluation.job, evaluation.run
    if isinstance(scored.fitted, NotKept):
        scored = with_warning(scored, f"not saved: {scored.fitted.problem}")
    return Result(
        evaluation_id=job.id,
        run_id=run.id,
        model_id=job.candidate.id,
        model_version=job.candidate.version,
        dataset_id=run.dataset.dataset_id,
        dataset_name=run.dataset.name,
        split_id=run.dataset.split_id,
        seed=run.seed,
        metrics=scored.scores.metrics,
        details=scored.scores.details,
        intervals=scored.scores.intervals,
        timestamp=utc_now(),
        duration_s=duration_s + scored.earlier_s,
        cost=scored.cost,
        attempt=job.attempt,
        reused_from=scored.reused_from,
    )


def with_warning(scored: Scored, warning: str) -> Scored:
    return _with_details(scored, warnings=[*scored.scores.details["warnings"], warning])


def with_choices(scored: Scored, choices: Mapping[str, Any]) -> Scored:
    return _with_details(scored, **choices)


def _with_details(scored: Scored, **details: Any) -> Scored:
    return replace(scored, scores=replace(scored.scores, details={**scored.scores.details, **details}))
