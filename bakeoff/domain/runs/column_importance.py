"""Permutation importance: how much worse the score of a fitted model becomes when one column is shuffled.

A fit leaves a record in the details of its result: the score on some test rows, and for each column one loss
for each time that it was shuffled. With folds and seeds there is a record for each fit; what is shown is the
mean over all of them, and how much the losses differ among each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.runs.result import digest_of

#: The key in the details of a result: a list with one record for each fit.
IMPORTANCE = "importance"

#: Seconds that it may take in each fit, and the share of the time limit that these are at most.
LONGEST_S = 60.0
SHARE_OF_LIMIT = 0.25


@dataclass(frozen=True, kw_only=True)
class ColumnImportance:
    column: str
    loss: float  #: mean; 0: the score stays the same; negative: it becomes better
    spread: float | None  #: standard deviation of the single losses; None of a single one
    times: int  #: how often it was shuffled

    @property
    def low(self) -> float:
        return self.loss - (self.spread or 0.0)

    @property
    def high(self) -> float:
        return self.loss + (self.spread or 0.0)

    def to_record(self) -> dict[str, Any]:
        return {"column": self.column, "loss": self.loss, "spread": self.spread, "times": self.times}


@dataclass(frozen=True, kw_only=True)
class Importance:
    metric: str
    greater_is_better: bool
    score: float  #: with all columns as they are, on the same rows; of several fits, their mean
    rows: int  #: test rows that were shuffled, in each fit
    fits: int
    columns: Sequence[ColumnImportance]  #: the greatest loss first
    missing: Sequence[str]  #: columns for which there was no time

    def to_record(self) -> dict[str, Any]:
        """The importance as JSON, over HTTP and in `--json`."""
        return {
            "metric": self.metric,
            "greaterIsBetter": self.greater_is_better,
            "score": self.score,
            "rows": self.rows,
            "fits": self.fits,
            "columns": [column.to_record() for column in self.columns],
            "missing": list(self.missing),
        }


def fit_record(
    rules: ScoringRules,
    *,
    greater_is_better: bool,
    score: float,
    rows: int,
    losses: Mapping[str, Sequence[float]],
) -> dict[str, Any]:
    """What one fit leaves. `rules`: by which it was scored, with one metric.

    `losses`: by column, in the order of the data; none where there was no time.
    """
    return {
        "metric": rules.metrics[0],
        "rules": digest_of(rules.to_json()),
        "greaterIsBetter": greater_is_better,
        "score": score,
        "rows": rows,
        "losses": {column: list(values) for column, values in losses.items()},
    }


def was_measured_by(rules: ScoringRules, details: Mapping[str, Any]) -> bool:
    """Whether importance is there, and all of it by these rules: by others, another column may matter."""
    records: Sequence[Mapping[str, Any]] = details.get(IMPORTANCE) or ()
    wanted = digest_of(rules.to_json())
    return bool(records) and all(record.get("rules") == wanted for record in records)


def importance_in(details: Mapping[str, Any]) -> Importance | None:
    """The importance over all fits of a result; None where it was not asked for, or could not be measured."""
    records: Sequence[Mapping[str, Any]] = details.get(IMPORTANCE) or ()
    if not records:
        return None
    losses: dict[str, list[float]] = {}
    for record in records:
        for column, values in record["losses"].items():
            losses.setdefault(column, []).extend(values)
    measured = [
        ColumnImportance(
            column=column,
            loss=fmean(values),
            spread=stdev(values) if len(values) > 1 else None,
            times=len(values),
        )
        for column, values in losses.items()
        if values
    ]
    first = records[0]
    return Importance(
        metric=first["metric"],
        greater_is_better=first["greaterIsBetter"],
        score=fmean(record["score"] for record in records),
        rows=min(record["rows"] for record in records),
        fits=len(records),
        columns=sorted(measured, key=lambda one: -one.loss),
        missing=[column for column, values in losses.items() if not values],
    )
