"""Scores of predictions for the test rows of a snapshot, with the folds and seeds of its design.

`functions`: the custom metrics among the rules. They are given in cells alone: whoever has none computes the
metrics of Bakeoff and of scikit-learn, and rules with a custom metric must not be given without its function.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef
from bakeoff.evaluation.datasets import read_snapshot
from bakeoff.evaluation.metrics.custom_metric_function import NO_FUNCTIONS, MetricFunction
from bakeoff.evaluation.metrics.score_folds import FoldedRows, over_seeds, score_folds
from bakeoff.evaluation.metrics.score_predictions import Scores, score
from registry.columns.check_predictions import Predictions


class ForgedReportError(Exception):
    """The report or an output of a cell holds what our own code in the cell never writes."""


@dataclass(frozen=True, kw_only=True)
class PredictedFiles:
    """Where predictions lie. Untrusted code may have written them."""

    values: Path
    output_kind: OutputKind
    probabilities: Path | None = None
    scores: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(file for file in (self.values, self.probabilities, self.scores) if file is not None)

    def load(self) -> Predictions:
        """The files are mapped, not checked."""
        return Predictions(
            values=load_array(self.values),
            output_kind=self.output_kind,
            probabilities=None if self.probabilities is None else load_array(self.probabilities),
            scores=None if self.scores is None else load_array(self.scores),
        )

    def to_json(self) -> dict[str, str | None]:
        return {
            "values": str(self.values),
            "output_kind": self.output_kind,
            "probabilities": None if self.probabilities is None else str(self.probabilities),
            "scores": None if self.scores is None else str(self.scores),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, str | None]) -> "PredictedFiles":
        paths = {
            name: None if (file := data[name]) is None else Path(file) for name in ("probabilities", "scores")
        }
        return cls(
            values=Path(str(data["values"])), output_kind=OutputKind(str(data["output_kind"])), **paths
        )


def score_snapshot(
    predictions: Predictions,
    folder: Path,
    *,
    dataset: DatasetRef,
    rules: ScoringRules,
    functions: Mapping[str, MetricFunction] = NO_FUNCTIONS,
    sealed: bool = False,
    sketched: bool = True,
) -> Scores:
    """`sealed`: on the sealed rows only.

    With folds, the predictions are those of all folds; with seeds, those of one seed after another.
    """
    rows = len(read_snapshot.sealed_labels(folder))
    seeds = max(1, len(predictions.values) // rows) if dataset.design.seeds > 1 else 1
    of_seed = (
        predictions.of(np.arange(seed * rows, (seed + 1) * rows)) if seeds > 1 else predictions
        for seed in range(seeds)
    )

    def once(answers: Predictions) -> Scores:
        if dataset.design.has_folds:
            return score_folds(
                folded_rows(dataset, folder),
                answers,
                rules=rules,
                target_kind=dataset.target_kind,
                classes=read_snapshot.classes(folder),
                split=dataset.split_id,
                sketched=sketched,
                functions=functions,
            )
        return score(
            read_snapshot.sealed_labels(folder),
            answers,
            rules=rules,
            target_kind=dataset.target_kind,
            classes=read_snapshot.classes(folder),
            split=dataset.split_id,
            groups=read_snapshot.sealed_groups(folder),
            weights=read_snapshot.sealed_weights(folder),
            sealed=sealed,
            sketched=sketched,
            functions=functions,
        )

    return over_seeds([once(answers) for answers in of_seed])


def folded_rows(dataset: DatasetRef, folder: Path) -> FoldedRows:
    return FoldedRows(
        design=dataset.design,
        true=read_snapshot.sealed_labels(folder),
        rows=read_snapshot.sealed_rows(folder),
        sizes=read_snapshot.fold_sizes(folder),
        groups=read_snapshot.sealed_groups(folder),
        weights=read_snapshot.sealed_weights(folder),
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
