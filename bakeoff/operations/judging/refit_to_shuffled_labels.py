"""Refits a candidate to shuffled labels, once and in a cell, and says how far above chance it scores.

The shuffle check (see `shuffle_check`) asks for several. The cell is that of any evaluation, with the same
limits, and sees no test label. With folds, it has the rows of the first one.
"""

from dataclasses import replace

from bakeoff.cell.host.cell_outcome import End
from bakeoff.evaluation.checks.shuffled_labels import above_chance
from bakeoff.evaluation.datasets import read_snapshot
from bakeoff.evaluation.jobs.accept_outputs import load_predictions
from bakeoff.evaluation.jobs.cell_failure import Killed, Stopped, failure_of
from bakeoff.evaluation.jobs.evaluation_job import order_of
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import EvaluationUnderWay
from bakeoff.evaluation.metrics import run_scoring_options
from bakeoff.evaluation.metrics.score_snapshot import ForgedReportError, folded_rows
from bakeoff.evaluation.temporary_oven import RunCell
from registry.columns.check_predictions import BadPredictionsError

#: More than labels are asked of a candidate whose scores are read: an area tells more than labels do.
_ASKS_FOR_SCORES = "roc_auc"


class RefitError(Exception):
    """The refit gave no predictions that can be scored; the message says why."""


def refit_to_shuffled_labels(evaluation: EvaluationUnderWay, run_cell: RunCell) -> float:
    """How far above chance it predicts the test rows. `evaluation.shuffled` is the number of the refit."""
    run = evaluation.run
    rules = replace(run.rules, metrics=(_ASKS_FOR_SCORES,), facts=(), threshold=None, tuned=False, costs=None)
    has_folds = run.dataset.design.has_folds
    evaluation = replace(evaluation, run=replace(run, rules=rules, save=None), fold=0 if has_folds else None)
    for file in evaluation.outputs.values():
        file.parent.mkdir(parents=True, exist_ok=True)
    outcome = run_cell(order_of(evaluation, wall_s=evaluation.job.timeout_s))
    if outcome.end is not End.RETURNED:
        failure = failure_of(
            outcome, attempt=evaluation.job.attempt, writes_to=evaluation.paths.predictions.parent
        )
        assert not isinstance(failure, Stopped)  # noqa: S101 - nobody stops this cell
        error = failure.error
        if isinstance(failure, Killed):
            raise RefitError("its cell was killed, out of memory?")
        raise RefitError(f"{error.type} in {error.phase}: {error.message}")
    try:
        return _scored(evaluation)
    except (BadPredictionsError, ForgedReportError) as exc:
        raise RefitError(str(exc)) from exc


def _scored(evaluation: EvaluationUnderWay) -> float:
    run, folder = evaluation.run, evaluation.paths.snapshot
    predictions = load_predictions(evaluation.job, evaluation.paths)
    if run.dataset.design.has_folds:
        folds = folded_rows(run.dataset, folder)
        true = folds.true[folds.rows_of(0)]
    else:
        true = read_snapshot.sealed_labels(folder)
    if len(predictions.values) != len(true):
        raise BadPredictionsError(f"it predicted {len(predictions.values)} values for {len(true)} rows")
    if run.rules.seal:
        opened = run_scoring_options.rows_to_score(run.dataset.split_id, len(true), run.rules, sealed=False)
        true, predictions = true[opened], predictions.of(opened)
    return above_chance(
        true,
        predictions,
        target_kind=run.dataset.target_kind,
        classes=read_snapshot.classes(folder),
        rules=run.rules,
    )
