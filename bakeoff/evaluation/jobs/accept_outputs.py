"""What the supervisor accepts of a cell's outputs: predictions, which it scores, and the fitted model.

Untrusted code may have written anything into these files and into the report. The supervisor checks them,
unpickles nothing, and hashes the files of the model. A model that it does not understand is not saved; the
result stands without it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.job import Job
from bakeoff.domain.runs.result import Fit, FittedModel, NotKept
from bakeoff.domain.runs.run import Run
from bakeoff.evaluation.datasets import snapshot
from bakeoff.evaluation.jobs.evaluation_under_way import EvaluationUnderWay, JobPaths
from bakeoff.evaluation.metrics.score_folds import FoldedRows, score_fold, score_folds
from bakeoff.evaluation.metrics.score_predictions import Scores, score
from bakeoff.evaluation.metrics.score_seeds import over_seeds
from bakeoff.evaluation.reuse.audit_check import sha256
from registry.columns.predictions import Predictions
from registry.columns.signature import Signature

_LONGEST_PROBLEM = 500
_DESCRIPTION = {
    "type": str,
    "hyperparameters": dict,
    "signature": dict,
    "input_example": dict,
    "feature_names": list,
    "libraries": dict,
}


class ForgedReportError(Exception):
    """The report or an output of a cell holds what our own code in the cell never writes."""


def score_outputs(evaluation: EvaluationUnderWay) -> Scores:
    run, job, paths = evaluation.run, evaluation.job, evaluation.paths
    if evaluation.refit:
        return Scores(metrics={}, details={"warnings": []}, sketches={}, curves={})
    if evaluation.fold is None:
        return score_files(run, job, paths, sketched=not evaluation.is_part)
    return score_fold(
        _folded_rows(run, paths.snapshot),
        evaluation.fold,
        load_predictions(job, paths),
        rules=run.rules,
        target_kind=run.dataset.target_kind,
        classes=snapshot.classes(paths.snapshot),
    )


def score_files(
    run: Run, job: Job, paths: JobPaths, *, sealed: bool = False, sketched: bool = True
) -> Scores:
    """Scores the predictions at these paths by the rules of the run; `sealed`: on the sealed rows only.

    With folds, the predictions are those of all folds; with seeds, those of one seed after another.
    """
    predictions = load_predictions(job, paths)
    rows = len(snapshot.sealed_labels(paths.snapshot))
    seeds = max(1, len(predictions.values) // rows) if run.dataset.design.seeds > 1 else 1
    of_seed = (
        predictions.of(np.arange(seed * rows, (seed + 1) * rows)) if seeds > 1 else predictions
        for seed in range(seeds)
    )
    return over_seeds(
        [_score_once(run, paths.snapshot, one, sealed=sealed, sketched=sketched) for one in of_seed]
    )


def _score_once(run: Run, folder: Path, predictions: Predictions, *, sealed: bool, sketched: bool) -> Scores:
    if run.dataset.design.has_folds:
        return score_folds(
            _folded_rows(run, folder),
            predictions,
            rules=run.rules,
            target_kind=run.dataset.target_kind,
            classes=snapshot.classes(folder),
            split=run.dataset.split_id,
        )
    return score(
        snapshot.sealed_labels(folder),
        predictions,
        rules=run.rules,
        target_kind=run.dataset.target_kind,
        classes=snapshot.classes(folder),
        split=run.dataset.split_id,
        groups=snapshot.sealed_groups(folder),
        weights=snapshot.sealed_weights(folder),
        sealed=sealed,
        sketched=sketched,
    )


def score_constant_answer(run: Run, folder: Path, label: Any) -> Scores:
    """By the metric that ranks the run: whoever answers this label for every row of the snapshot."""
    true = snapshot.sealed_labels(folder)
    answers = Predictions(values=np.full(len(true), label, dtype=true.dtype), output_kind=OutputKind.LABELS)
    by_labels = replace(run, rules=replace(run.rules, metrics=run.rules.metrics[:1], threshold=None))
    return over_seeds([_score_once(by_labels, folder, answers, sealed=False, sketched=True)])


def _folded_rows(run: Run, folder: Path) -> FoldedRows:
    return FoldedRows(
        design=run.dataset.design,
        true=snapshot.sealed_labels(folder),
        rows=snapshot.sealed_rows(folder),
        sizes=snapshot.fold_sizes(folder),
        groups=snapshot.sealed_groups(folder),
        weights=snapshot.sealed_weights(folder),
    )


def load_predictions(job: Job, paths: JobPaths) -> Predictions:
    """With the probabilities or scores beside them, if there are any. The files are mapped, not checked."""
    return Predictions(
        values=load_array(paths.predictions),
        output_kind=job.candidate.output_kind,
        probabilities=load_array(paths.probabilities) if paths.probabilities.exists() else None,
        scores=load_array(paths.scores) if paths.scores.exists() else None,
    )


def load_array(file: Path) -> NDArray[Any]:
    """Maps the file, so that a huge array takes no memory before its shape is checked."""
    try:
        loaded: NDArray[Any] = np.lib.format.open_memmap(file, mode="r")
    except Exception as exc:  # untrusted code wrote the file, and numpy's reader raises almost anything
        raise ForgedReportError(f"the predictions cannot be read: {type(exc).__name__}: {exc}") from exc
    if not loaded.ndim:
        raise ForgedReportError("the predictions are a single value")
    return loaded


def has_predictions_of(fit: Fit, paths: JobPaths) -> bool:
    """Whether the files at these paths are, byte for byte, what that fit predicted."""
    expected = (
        (paths.predictions, fit.provenance.predictions),
        (paths.beside, fit.provenance.probabilities),
    )
    return all(
        file is not None and file.is_file() and sha256(file) == digest
        for file, digest in expected
        if digest is not None
    )


def accept_model(
    report: Any, evaluation: EvaluationUnderWay, *, classes: Sequence[str | int | float | bool]
) -> FittedModel | NotKept | None:
    """None when the run wants no model. `report` is what the cell returned; `classes` are in sort order."""
    model, preprocessor = evaluation.paths.model, evaluation.paths.preprocessor
    if model is None or preprocessor is None:
        return None
    fitted = report.get("fitted") if isinstance(report, Mapping) else None
    claims = fitted if isinstance(fitted, Mapping) else {}
    if isinstance(claims.get("problem"), str):
        return NotKept(problem=claims["problem"][:_LONGEST_PROBLEM])
    if not (model.exists() and _is_description(claims.get("description"))):
        return NotKept(problem="what its cell says of it cannot be understood")
    return FittedModel(
        file=model.name,
        digest=sha256(model),
        preprocessor=preprocessor.name if preprocessor.exists() else None,
        preprocessor_digest=sha256(preprocessor) if preprocessor.exists() else None,
        description=claims["description"],
        metadata=_metadata(evaluation, classes),
    )


def _is_description(claimed: Any) -> bool:
    if not isinstance(claimed, Mapping) or claimed.keys() != _DESCRIPTION.keys():
        return False
    if not all(isinstance(claimed[key], kind) for key, kind in _DESCRIPTION.items()):
        return False
    texts = [*claimed["feature_names"], *claimed["libraries"], *claimed["libraries"].values()]
    return all(isinstance(text, str) for text in texts) and _is_signature(claimed["signature"])


def _is_signature(claimed: Mapping[str, Any]) -> bool:
    try:
        Signature.from_json(claimed)
    except (InvalidInputError, KeyError, TypeError, ValueError):
        return False
    return True


def _metadata(
    evaluation: EvaluationUnderWay, classes: Sequence[str | int | float | bool]
) -> Mapping[str, Any]:
    """How the predictions of the model are read, and on what it was fitted."""
    run = evaluation.run
    return {
        "outputKind": evaluation.job.candidate.output_kind,
        "threshold": run.rules.threshold,
        "positiveLabel": run.rules.positive_label,
        "average": run.rules.average,
        "classes": list(classes),
        "target": run.dataset.target,
        "targetKind": run.dataset.target_kind,
        "seed": run.seed,
    }
