"""What the supervisor accepts of a cell's outputs: predictions, which it scores, the fitted model, its costs.

Untrusted code may have written anything into these files and into the report. The supervisor checks them,
unpickles nothing, and hashes the files of the model. A model that it does not understand is not saved; the
result stands without it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.cell.host.cell_outcome import CellOutcome
from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.runs.job import Job
from bakeoff.domain.runs.result import Cost, Fit, FittedModel, NotKept
from bakeoff.domain.runs.run import Run
from bakeoff.evaluation.datasets import read_snapshot
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import EvaluationUnderWay, JobPaths
from bakeoff.evaluation.jobs.prediction_latency import accept_latency
from bakeoff.evaluation.metrics.custom_metric_function import NO_FUNCTIONS, MetricFunction
from bakeoff.evaluation.metrics.score_folds import score_fold
from bakeoff.evaluation.metrics.score_predictions import Scores
from bakeoff.evaluation.metrics.score_snapshot import (
    ForgedReportError,
    PredictedFiles,
    folded_rows,
    score_snapshot,
)
from bakeoff.evaluation.reuse.used_files_unchanged import sha256
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from registry.columns.check_predictions import Predictions
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


def score_outputs(
    evaluation: EvaluationUnderWay, functions: Mapping[str, MetricFunction] = NO_FUNCTIONS
) -> Scores:
    """The metrics of Bakeoff and of scikit-learn; the custom ones follow, in cells of their own.

    `functions`: custom metrics that are computed here, since the evaluation has no cell.
    """
    run, job, paths = evaluation.run, evaluation.job, evaluation.paths
    if evaluation.refit:
        return Scores(metrics={}, details={"warnings": []}, sketches={}, curves={})
    if evaluation.fold is None:
        return score_files(run, job, paths, sketched=not evaluation.is_part, functions=functions)
    return score_fold(
        folded_rows(run.dataset, paths.snapshot),
        evaluation.fold,
        load_predictions(job, paths),
        rules=_scored_by(run, functions),
        target_kind=run.dataset.target_kind,
        classes=read_snapshot.classes(paths.snapshot),
        split=run.dataset.split_id if run.is_race else None,
        functions=functions,
    )


def score_files(
    run: Run,
    job: Job,
    paths: JobPaths,
    *,
    sealed: bool = False,
    sketched: bool = True,
    functions: Mapping[str, MetricFunction] = NO_FUNCTIONS,
) -> Scores:
    """Scores the predictions at these paths by the rules of the run."""
    return score_snapshot(
        load_predictions(job, paths),
        paths.snapshot,
        dataset=run.dataset,
        rules=_scored_by(run, functions),
        functions=functions,
        sealed=sealed,
        sketched=sketched,
    )


def sketch_folds(run: Run, job: Job, paths: JobPaths, number: int) -> list[Sketch]:
    """The sketches of the first folds, by the metric that ranks, from the predictions of all folds.

    Fewer than `number` if the metric has none.
    """
    data = folded_rows(run.dataset, paths.snapshot)
    predictions = load_predictions(job, paths)
    rules = replace(run.rules, metrics=run.rules.metrics[:1])
    scored = [
        score_fold(
            data,
            place,
            predictions.of(data.rows_of(place)),
            rules=rules,
            target_kind=run.dataset.target_kind,
            classes=read_snapshot.classes(paths.snapshot),
            split=run.dataset.split_id,
        )
        for place in range(number)
    ]
    return [one.sketches[rules.metrics[0]] for one in scored if rules.metrics[0] in one.sketches]


def _scored_by(run: Run, functions: Mapping[str, MetricFunction]) -> ScoringRules:
    """The rules of the run; who has no functions leaves its custom metrics out."""
    return run.rules if functions else run.rules.without_custom()


def score_constant_answer(run: Run, folder: Path, label: Any) -> Scores:
    """By the metric that ranks the run: whoever answers this label for every row of the snapshot."""
    true = read_snapshot.sealed_labels(folder)
    answers = Predictions(values=np.full(len(true), label, dtype=true.dtype), output_kind=OutputKind.LABELS)
    rules = replace(run.rules, metrics=run.rules.metrics[:1], threshold=None)
    return score_snapshot(answers, folder, dataset=run.dataset, rules=rules)


def predicted_files(job: Job, paths: JobPaths) -> PredictedFiles:
    """With the probabilities or scores beside them, if there are any."""
    return PredictedFiles(
        values=paths.predictions,
        output_kind=job.candidate.writes,
        probabilities=paths.probabilities if paths.probabilities.exists() else None,
        scores=paths.scores if paths.scores.exists() else None,
    )


def load_predictions(job: Job, paths: JobPaths) -> Predictions:
    return predicted_files(job, paths).load()


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
    report: Any,
    evaluation: EvaluationUnderWay,
    *,
    classes: Sequence[str | int | float | bool],
    threshold: float | None,
) -> FittedModel | NotKept | None:
    """None when the run wants no model. `report` is what the cell returned; `classes` are in sort order.

    `threshold`: that of the run, or of the candidate's own choice.
    """
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
        metadata=_metadata(evaluation, classes, threshold),
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
    evaluation: EvaluationUnderWay, classes: Sequence[str | int | float | bool], threshold: float | None
) -> Mapping[str, Any]:
    """How the predictions of the model are read, and on what it was fitted."""
    run = evaluation.run
    return {
        "outputKind": evaluation.job.candidate.output_kind,
        "threshold": threshold,
        "positiveLabel": run.rules.positive_label,
        "average": run.rules.average,
        "classes": list(classes),
        "target": run.dataset.target,
        "targetKind": run.dataset.target_kind,
        "seed": run.seed,
        **({"greaterIsBetter": run.rules.directions} if run.rules.facts else {}),
    }


def accept_cost(outcome: CellOutcome, evaluation: EvaluationUnderWay) -> Cost:
    grant, paths = evaluation.grant, evaluation.paths
    pickles = [file for file in (paths.model, paths.preprocessor) if file is not None and file.is_file()]
    return Cost(
        fit_s=_seconds(outcome, "fitSeconds"),
        predict_s=_seconds(outcome, "predictSeconds"),
        cpu_s=outcome.usage.cpu_s,
        peak_memory_mb=outcome.usage.peak_memory_mb,
        granted_threads=grant.threads,
        granted_memory_mb=grant.memory_mb,
        latency=accept_latency(outcome.value, wall_s=outcome.usage.wall_s),
        model_bytes=sum(file.stat().st_size for file in pickles) or None,
    )


def _seconds(outcome: CellOutcome, key: str) -> float:
    """The duration that the cell reports. One above the wall time of the cell is forged."""
    value = outcome.value
    seconds = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(seconds, int | float) or not 0 <= seconds <= outcome.usage.wall_s:
        raise ForgedReportError(f"the report of the cell holds no {key}: {value!r:.200}")
    return float(seconds)


def uses_seed(report: Any) -> bool:
    """What the cell says of it. A false answer harms the candidate alone."""
    return not (isinstance(report, Mapping) and report.get("usesSeed") is False)


def about_preparation(report: Any) -> dict[str, Any]:
    """A detail of the result where the frame needs preparing and the candidate does it, or should, itself."""
    does = isinstance(report, Mapping) and report.get("preparesItself") is True
    return {"preparesItself": True} if does else {}


def about_weights(report: Any) -> list[str]:
    ignores = isinstance(report, Mapping) and report.get("ignoresWeights") is True
    return ["its fit takes no sample_weight: it was fitted without the weights"] if ignores else []
