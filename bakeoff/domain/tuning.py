"""What a candidate chooses for itself, from its training rows alone: parameters, and a threshold.

A catalog entry with `tune` has its parameters searched inside its cell. A run with `threshold: tuned` has
each candidate choose the threshold from which a row is positive. The plan of a run says by which metric and
by which rules, and writes that into the candidate, so that two runs that choose alike share their results.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a wrong answer costs, of two classes; right ones cost nothing."""

    false_positive: float
    false_negative: float

    def to_record(self) -> dict[str, float]:
        return {"falsePositive": self.false_positive, "falseNegative": self.false_negative}


@dataclass(frozen=True, kw_only=True)
class ChoosingRules:
    """How inner predictions are scored where a choice is made. A part of what a result depends on."""

    metric: str | None = None  #: None: the one that ranks, as far as a choice can go by it
    positive_label: str | None = None
    average: str | None = None
    zero_division: float | None = 0.0  #: None stands for NaN, which JSON has not
    costs: Costs | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        costs = data["costs"]
        return cls(**{**data, "costs": None if costs is None else Costs(**costs)})


class Sampler(StrEnum):
    """How the next parameters are chosen."""

    TPE = "tpe"  #: near those that did well
    RANDOM = "random"


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """The search for parameters, inside the cell."""

    params: Mapping[str, Any]  #: a list of values, or a range as in `random`, by name
    trials: int = 50
    seconds: float | None = None  #: for all trials of one fit; None: half of the time limit of the job
    folds: int = 3  #: into which the training rows are divided
    sampler: Sampler = Sampler.TPE
    prune: bool = True  #: give up trials that do worse than the median after some of their folds
    rules: ChoosingRules = ChoosingRules()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        rules = ChoosingRules.from_json(data["rules"])
        return cls(**{**data, "sampler": Sampler(data["sampler"]), "rules": rules})


@dataclass(frozen=True, kw_only=True)
class TunedThreshold:
    """The search for the threshold, inside the cell."""

    rules: ChoosingRules
    folds: int = 5  #: into which the training rows are divided

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{**data, "rules": ChoosingRules.from_json(data["rules"])})


class TrialState(StrEnum):
    COMPLETE = "complete"
    PRUNED = "pruned"  #: given up, since others did better after as many folds
    FAILED = "failed"  #: it raised an exception, or its metric is undefined


@dataclass(frozen=True, kw_only=True)
class Trial:
    number: int  #: from 0
    params: Mapping[str, Any]
    state: TrialState
    value: float | None  #: mean over the inner folds, of those that were fitted; None if it failed
    folds: tuple[float, ...]  #: the value of each inner fold that was fitted
    seconds: float
    error: str = ""  #: one line

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """ValueError, TypeError or KeyError if it is none: untrusted code may have written it."""
        number, seconds, value = data["number"], data["seconds"], data["value"]
        if not (isinstance(number, int) and number >= 0 and isinstance(data["params"], Mapping)):
            raise ValueError(number)
        json.dumps(data["params"], allow_nan=False)  # a database refuses what is no JSON, with all else
        state = TrialState(data["state"])
        if value is None and state is TrialState.COMPLETE:
            raise ValueError(value)
        return cls(
            number=number,
            params=dict(data["params"]),
            state=state,
            value=None if value is None else finite(value),
            folds=tuple(finite(one) for one in data["folds"]),
            seconds=finite(seconds),
            error=str(data["error"])[:MOST_ERROR_CHARS],
        )


MOST_ERROR_CHARS = 300


def finite(value: Any) -> float:
    """ValueError or TypeError if it is no number that JSON can hold."""
    try:
        number = float(value)
    except OverflowError as exc:
        raise ValueError("a number is too large") from exc
    if not math.isfinite(number):
        raise ValueError(number)
    return number


def search_record(
    tuning: Tuning, trials: Sequence[Trial], *, best: Trial, out_of_time: bool
) -> dict[str, Any]:
    """A search as it stands in the report of a cell, and in the details of a result."""
    return {
        "metric": tuning.rules.metric,
        "params": dict(best.params),
        "value": best.value,
        "best": best.number,
        "wanted": tuning.trials,
        "outOfTime": out_of_time,
        "trials": [trial.to_json() for trial in trials],
    }
