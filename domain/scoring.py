"""How a run turns predictions into numbers. It is part of the run and shown with it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import isnan, nan
from typing import Any, Self

CLASSIFICATION_METRICS = ("f1", "precision", "recall", "accuracy")
REGRESSION_METRICS = ("r2", "mae", "rmse")


class Average(StrEnum):
    BINARY = "binary"
    MACRO = "macro"
    MICRO = "micro"
    WEIGHTED = "weighted"


@dataclass(frozen=True, kw_only=True)
class ScoringRules:
    metrics: tuple[str, ...]  #: names; the first one ranks the leaderboard
    positive_label: str | None = None  #: as text; None for regression and for more than two classes
    threshold: float | None = None  #: None means 0.5 for probabilities and 0 for scores
    average: Average | None = None  #: None for regression
    zero_division: float = 0.0

    def treat_alike(self, other: "ScoringRules") -> bool:
        """Whether a metric of both is the same number for the same predictions."""
        mine, theirs = (
            (rules.positive_label, rules.threshold, rules.average, str(rules.zero_division))
            for rules in (self, other)
        )
        return mine == theirs

    def to_json(self) -> dict[str, Any]:
        """JSON has no NaN: it is written as null."""
        return {**asdict(self), "zero_division": None if isnan(self.zero_division) else self.zero_division}

    def to_record(self) -> dict[str, Any]:
        """The rules as they leave the system, with their run."""
        return {
            "metrics": list(self.metrics),
            "positiveLabel": self.positive_label,
            "threshold": self.threshold,
            "average": self.average,
            "zeroDivision": None if isnan(self.zero_division) else self.zero_division,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        average, zero_division = data["average"], data["zero_division"]
        return cls(
            **{
                **data,
                "metrics": tuple(data["metrics"]),
                "average": None if average is None else Average(average),
                "zero_division": nan if zero_division is None else zero_division,
            }
        )
