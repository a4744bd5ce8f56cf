"""Scores of several fits as one: a metric is the mean of theirs, and its sketch is made of all of them.

Over folds, the details behind the metrics (per class, confusion, residuals) are those of all tested rows
together, of the first repeat: each row is in them once. Over seeds, they are those of the first seed; the
sketch counts how much the seeds differ, and beside the details stands what each of them scored.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.runs.result import fold_record
from bakeoff.domain.snapshot_reference_and_split_design import Design, TargetKind
from bakeoff.evaluation.metrics.custom_metric_function import NO_FUNCTIONS, MetricFunction
from bakeoff.evaluation.metrics.result_details import bounded
from bakeoff.evaluation.metrics.score_predictions import Scores, block_map_of, score_rows
from bakeoff.evaluation.statistics import compare_across_seeds
from bakeoff.evaluation.statistics.cross_validated_scores import out_of_fold
from bakeoff.evaluation.statistics.sketches.row_blocks import BlockMap
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from registry.columns.check_predictions import BadPredictionsError, Predictions
from registry.columns.classes_from_predictions import Label


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldedRows:
    """The test rows of one fold after another, repeat by repeat."""

    design: Design
    true: NDArray[Any]  #: their labels
    rows: NDArray[np.intp]  #: which rows of the dataset they are
    sizes: Sequence[tuple[int, int]]  #: training and test rows of each fold
    groups: NDArray[Any] | None = None
    weights: NDArray[Any] | None = None

    def rows_of(self, place: int) -> NDArray[np.intp]:
        """The places of the rows of a fold among all these rows."""
        return np.arange(*self._edges[place])

    @property
    def of_first_repeat(self) -> NDArray[np.intp]:
        """The places of each tested row once."""
        return np.arange(self._edges[self.design.folds - 1][1])

    def whole_blocks(self, split: str) -> BlockMap:
        """The blocks of all tested rows. `split`: the address of the split, with its folds."""
        first = self.of_first_repeat
        return block_map_of(
            len(first),
            split=split,
            groups=None if self.groups is None else self.groups[first],
            weights=None if self.weights is None else self.weights[first],
        )

    def blocks_of(self, place: int, whole: BlockMap) -> BlockMap:
        """The rows of a fold, in the blocks of the whole."""
        first = self.of_first_repeat
        place_of = np.zeros(int(self.rows.max()) + 1, dtype=np.intp)
        place_of[self.rows[first]] = first
        return whole.fold(place_of[self.rows[self.rows_of(place)]])

    @property
    def _edges(self) -> list[tuple[int, int]]:
        return list(pairwise(accumulate((tested for _, tested in self.sizes), initial=0)))


def score_fold(
    data: FoldedRows,
    place: int,
    predictions: Predictions,
    *,
    rules: ScoringRules,
    target_kind: TargetKind,
    classes: Sequence[Label],
    split: str | None = None,
    functions: Mapping[str, MetricFunction] = NO_FUNCTIONS,
) -> Scores:
    """The metrics of one fold. `predictions`: of its rows alone.

    `split`: its address, for sketches in the blocks of the whole; None: no sketches are made.
    """
    rows = data.rows_of(place)
    true = data.true[rows]
    _require_as_many(predictions, len(true))
    if split is None:
        block_map = block_map_of(len(true), weights=None if data.weights is None else data.weights[rows])
    else:
        block_map = data.blocks_of(place, data.whole_blocks(split))
    return score_rows(
        true,
        predictions,
        block_map,
        rules=rules,
        target_kind=target_kind,
        classes=classes,
        sketched=split is not None,
        curved=False,
        functions=functions,
    )


def score_folds(
    data: FoldedRows,
    predictions: Predictions,
    *,
    rules: ScoringRules,
    target_kind: TargetKind,
    classes: Sequence[Label],
    split: str,
    sketched: bool = True,
    functions: Mapping[str, MetricFunction] = NO_FUNCTIONS,
) -> Scores:
    """`predictions`: of all folds, as the rows stand. `split`: the address of the split, with its folds."""
    _require_as_many(predictions, len(data.true))
    whole = data.whole_blocks(split)

    def scored(rows: NDArray[np.intp], block_map: BlockMap, *, fold: bool) -> Scores:
        return score_rows(
            data.true[rows],
            predictions.of(rows),
            block_map,
            rules=rules,
            target_kind=target_kind,
            classes=classes,
            sketched=fold and sketched,
            curved=not fold,
            functions=functions,
        )

    together = scored(data.of_first_repeat, whole, fold=False)
    folds = [
        scored(data.rows_of(place), data.blocks_of(place, whole), fold=True)
        for place in range(data.design.splits)
    ]
    metrics = {name: _mean([fold.metrics[name] for fold in folds]) for name in rules.metrics}
    warnings = [*together.details["warnings"], *_undefined(data.design, metrics, folds)]
    return Scores(
        metrics=metrics,
        details={
            **together.details,
            "warnings": bounded(warnings),
            "folds": [
                {
                    **fold_record(data.design, place, fold.metrics),
                    "trainRows": data.sizes[place][0],
                    "testRows": data.sizes[place][1],
                }
                for place, fold in enumerate(folds)
            ],
        },
        sketches=_sketches(data.design, metrics, folds),
        curves=together.curves,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return math.fsum(defined) / len(defined) if len(defined) == len(values) else None


def _undefined(design: Design, metrics: Mapping[str, float | None], folds: Sequence[Scores]) -> list[str]:
    warnings = []
    for name, value in metrics.items():
        places = [place for place, fold in enumerate(folds) if fold.metrics[name] is None]
        if value is None and len(places) < len(folds):
            warnings.append(
                f"{name} is undefined in {design.fold_title(places[0])}, so it has no mean: "
                "ask for fewer folds, or rank by another metric"
            )
    return warnings


def _sketches(
    design: Design, metrics: Mapping[str, float | None], folds: Sequence[Scores]
) -> dict[str, Sketch]:
    found = {}
    for name, value in metrics.items():
        sketches = [fold.sketches[name] for fold in folds if name in fold.sketches]
        if value is not None and len(sketches) == len(folds):
            repeats = [sketches[at : at + design.folds] for at in range(0, len(sketches), design.folds)]
            found[name] = out_of_fold(repeats)
    return found


def _require_as_many(predictions: Predictions, rows: int) -> None:
    if len(predictions.values) != rows:
        raise BadPredictionsError(f"there are {len(predictions.values)} predictions for {rows} rows")


def over_seeds(scored: Sequence[Scores]) -> Scores:
    """Of a single seed, its own scores."""
    first = scored[0]
    if len(scored) == 1:
        return first
    values = {name: [one.metrics[name] for one in scored] for name in first.metrics}
    metrics = {name: _mean_of_seeds(of_seeds) for name, of_seeds in values.items()}
    undefined = [name for name, value in metrics.items() if value is None and first.metrics[name] is not None]
    warnings = [
        *first.details["warnings"],
        *(f"{name} is undefined with one of the seeds, so it has no mean" for name in undefined),
    ]
    details: dict[str, Any] = {
        **first.details,
        "warnings": bounded(warnings),
        "seeds": [{"seed": place + 1, "metrics": dict(one.metrics)} for place, one in enumerate(scored)],
    }
    if "folds" in first.details:
        details["folds"] = [
            {**fold, "seed": place + 1} for place, one in enumerate(scored) for fold in one.details["folds"]
        ]
    sketched = {
        name: compare_across_seeds.over_seeds([one.sketches[name] for one in scored])
        for name, value in metrics.items()
        if value is not None and all(name in one.sketches for one in scored)
    }
    return replace(first, metrics=metrics, details=details, sketches=sketched)


def _mean_of_seeds(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if len(defined) == len(values) else None
