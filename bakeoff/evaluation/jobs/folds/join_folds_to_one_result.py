"""The folds of an evaluation as one: where the files of each lie, and the result that they make together."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from bakeoff.domain.runs.result import Cost, FittedModel, FoldResult, NotKept, Provenance
from bakeoff.evaluation.jobs.accept_outputs import score_outputs
from bakeoff.evaluation.jobs.choosing.accept_choices import CHOICES, warnings_about
from bakeoff.evaluation.jobs.evaluation_job import Scored
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import EvaluationUnderWay, JobPaths
from bakeoff.evaluation.metrics.custom_metric_function import NO_FUNCTIONS, MetricFunction
from bakeoff.evaluation.metrics.score_predictions import Scores
from bakeoff.evaluation.metrics.score_snapshot import load_array
from bakeoff.evaluation.reuse.used_files_unchanged import sha256
from registry.columns.check_predictions import BadPredictionsError


def fold_paths(paths: JobPaths, name: str) -> JobPaths:
    """Where the predictions of one part lie until the job ends, beside those of the whole."""
    return replace(paths, predictions=paths.predictions.with_suffix(f".{name}.npy"), model=None)


def paths_at(evaluation: EvaluationUnderWay, place: int) -> JobPaths:
    return fold_paths(evaluation.paths, f"fold-{place:03d}")


def together(
    evaluation: EvaluationUnderWay,
    folds: Sequence[FoldResult],
    refit: Scored | NotKept | None = None,
    earlier_s: float = 0.0,
    functions: Mapping[str, MetricFunction] = NO_FUNCTIONS,
) -> Scored:
    """The evaluation as a whole: all predictions in one file, scored fold by fold."""
    parts = [paths_at(evaluation, fold.place) for fold in folds]
    whole = evaluation.paths
    _join([part.predictions for part in parts], whole.predictions)
    _join([part.probabilities for part in parts], whole.probabilities)
    _join([part.scores for part in parts], whole.scores)
    fitted: FittedModel | NotKept | None = refit.fitted if isinstance(refit, Scored) else refit
    costs = [*(fold.cost for fold in folds), *([refit.cost] if isinstance(refit, Scored) else [])]
    return Scored(
        scores=_with_folds(score_outputs(evaluation, functions), folds),
        cost=_sum(costs),
        fitted=fitted,
        provenance=_provenance([fold.provenance for fold in folds], whole),
        earlier_s=earlier_s,
    )


def _join(files: Sequence[Path], whole: Path) -> None:
    """One file of all folds. It appears by a rename, so that a kill leaves no half of it."""
    if not all(file.is_file() for file in files):
        whole.unlink(missing_ok=True)
        return
    arrays = [load_array(file) for file in files]
    if len({array.shape[1:] for array in arrays}) > 1:
        raise BadPredictionsError(
            "its predictions have another number of columns in one fold than in another: "
            f"{sorted({array.shape[1:] for array in arrays})}"
        )
    draft = whole.with_suffix(f".{uuid4().hex}.part")
    with draft.open("wb") as file:
        np.save(file, np.concatenate(arrays), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(whole)


def _with_folds(scores: Scores, folds: Sequence[FoldResult]) -> Scores:
    """With what the folds cost, and whether each predicted the same twice."""
    details: dict[str, Any] = dict(scores.details)
    if "folds" in details:
        details["folds"] = [
            {**record, "fitSeconds": fold.cost.fit_s, "predictSeconds": fold.cost.predict_s}
            for record, fold in zip(details["folds"], folds, strict=True)
        ]
    for key in CHOICES:
        chosen = [one for fold in folds for one in fold.choices.get(key, ())]
        if chosen:
            details[key] = chosen
    shared = [
        warning
        for warning in folds[0].warnings
        if all(warning in fold.warnings for fold in folds) and warning not in warnings_about(folds[0].choices)
    ]
    details["warnings"] = list(dict.fromkeys([*details["warnings"], *shared, *warnings_about(details)]))
    known = [fold.deterministic for fold in folds if fold.deterministic is not None]
    if known:
        details["deterministic"] = all(known)
    return replace(scores, details=details)


def _sum(costs: Sequence[Cost]) -> Cost:
    return replace(
        costs[0],
        fit_s=sum(cost.fit_s for cost in costs),
        predict_s=sum(cost.predict_s for cost in costs),
        cpu_s=sum(cost.cpu_s for cost in costs),
        peak_memory_mb=max(cost.peak_memory_mb for cost in costs),
        model_bytes=next((cost.model_bytes for cost in costs if cost.model_bytes), None),
    )


def _provenance(made: Sequence[Provenance | None], whole: JobPaths) -> Provenance | None:
    """What all folds depend on. Nothing is known where one of them differs from the others."""
    known = [one for one in made if one is not None]
    if len(known) < len(made):
        return None
    first, obstacle = known[0], next((one.obstacle for one in known if one.obstacle), "")
    seen: dict[str, str] = {}
    for one in known:
        if one.fingerprint != first.fingerprint or any(
            seen.get(what, state) != state for what, state in one.seen.items()
        ):
            obstacle = obstacle or "it, or what it uses, was changed between two folds"
        seen |= one.seen
    return replace(
        first,
        seen=seen,
        obstacle=obstacle,
        predictions=sha256(whole.predictions),
        probabilities=None if (beside := whole.beside) is None else sha256(beside),
    )
