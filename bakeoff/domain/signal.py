"""A signal is the opinion of a model on one symbol as of one date; the ensemble combines several into one.

Other programs rely on the names of the signals and strategies, and on the keys of a record.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self

from bakeoff.domain.ids_and_times import iso

LONGEST_SYMBOL = 32
_MERIT_PLACES = 9


class Side(StrEnum):
    """The direction of a signal."""

    BUY = "buy"
    HOLD = "hold"
    SELL = "sell"


class SignalType(StrEnum):
    STRONG_BUY = "STRONG_BUY"
    BUY = "BUY"
    HOLD = "HOLD"
    SELL = "SELL"
    STRONG_SELL = "STRONG_SELL"

    @property
    def side(self) -> Side:
        return _SIDES[self]


_SIDES = {
    SignalType.STRONG_BUY: Side.BUY,
    SignalType.BUY: Side.BUY,
    SignalType.HOLD: Side.HOLD,
    SignalType.SELL: Side.SELL,
    SignalType.STRONG_SELL: Side.SELL,
}


@dataclass(frozen=True)
class ModelConfig:
    """A signal model as the catalog names it."""

    model_id: str
    version: str
    weight_in_ensemble: float = 1.0  #: as declared; the ensemble normalises it


@dataclass(frozen=True)
class ModelOutput:
    """The answer of one model for one symbol."""

    symbol: str
    signal: SignalType
    confidence: float  #: 0 to 1: how probable it is that the return is positive, of a SELL too
    expected_return: float  #: over the horizon of the model, 0.05 is five per cent
    rank: int | None = None  #: 1 is the best of the symbols that were predicted together
    metadata: Mapping[str, Any] = field(default_factory=dict)  #: JSON


class ConfidenceMeaning(StrEnum):
    """What a signal model gives as its confidence."""

    PROBABILITY = "probability"  #: that the return is positive: low for a SELL
    SURENESS = "sureness"  #: of its signal, whichever it is: high for a SELL that it is sure of


def as_probability(answers: Iterable[ModelOutput]) -> tuple[ModelOutput, ...]:
    """The answers of a model that gives its sureness, with the probability of a positive return instead."""
    return tuple(replace(one, confidence=_PROBABILITY[one.signal.side](one.confidence)) for one in answers)


_PROBABILITY: Mapping[Side, Callable[[float], float]] = {
    Side.BUY: lambda sureness: sureness,
    Side.HOLD: lambda _: 0.5,  # it says nothing of the direction
    Side.SELL: lambda sureness: round(1 - sureness, _MERIT_PLACES),
}


def contradicting_sells(answers: Sequence[ModelOutput]) -> tuple[int, int]:
    """How many sell-side answers there are, and how many of them say that a positive return is probable."""
    sold = [one for one in answers if one.signal.side is Side.SELL]
    return len(sold), sum(one.confidence > _EVEN for one in sold)


_EVEN = 0.5


def ranked(answers: Iterable[ModelOutput]) -> tuple[ModelOutput, ...]:
    """The answers in order, the best first: by merit, ties by symbol."""
    best_first = sorted(answers, key=lambda one: (-merit(one.confidence, one.expected_return), one.symbol))
    return tuple(replace(one, rank=rank) for rank, one in enumerate(best_first, start=1))


class Strategy(StrEnum):
    """How the ensemble decides; docs/reference/ensemble-rules.md has the truth tables."""

    WEIGHTED_MAJORITY = "weighted_majority"
    CONFIDENCE_BASED = "confidence_based"
    CONSERVATIVE = "conservative"


@dataclass(frozen=True, kw_only=True)
class EnsembleRules:
    conflict_strategy: Strategy = Strategy.WEIGHTED_MAJORITY
    min_agreement: float = 0.5  #: weight share of the winning side below which it is HOLD
    min_confidence: float = 0.6  #: sureness of the winning side below which it is HOLD
    flag_conflicts: bool = True  #: false: a conflict is resolved in the same way, but not reported

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        known = dict(data)
        if "strategy" in known:  # as it was called before it had the name that catalogs use
            known["conflict_strategy"] = known.pop("strategy")
        return cls(**{**known, "conflict_strategy": Strategy(known["conflict_strategy"])})

    def to_record(self) -> dict[str, Any]:
        return {
            "conflictStrategy": self.conflict_strategy,
            "minAgreement": self.min_agreement,
            "minConfidence": self.min_confidence,
            "flagConflicts": self.flag_conflicts,
        }


#: Used where the catalog has no rules.
DEFAULT_RULES = EnsembleRules()


def merit(confidence: float, expected_return: float) -> float:
    """What answers and ensembles are ranked by. Rounded, so that values that are equal in decimals tie."""
    return round(confidence * expected_return, _MERIT_PLACES)


@dataclass(frozen=True, kw_only=True)
class EnsembleSignal:
    symbol: str
    as_of: date
    signal: SignalType
    ensemble_score: float  #: sum of weight times confidence: how probable a positive return is
    expected_return: float  #: sum of weight times what the models expect
    model_signals: Mapping[str, SignalType]  #: by model, in the order of the catalog
    model_confidences: Mapping[str, float]
    conflict_reason: str | None  #: `model_a=BUY, model_b=SELL`; None: no conflict, or none to be reported
    rank: int

    @property
    def confidence(self) -> float:
        return self.ensemble_score

    @property
    def conflict(self) -> bool:
        return self.conflict_reason is not None

    @property
    def signals_agree(self) -> bool:
        """Whether all models gave the same of the five signals."""
        return len(set(self.model_signals.values())) == 1

    @property
    def models_contributing(self) -> tuple[str, ...]:
        return tuple(self.model_signals)

    @property
    def merit(self) -> float:
        """What the signal is ranked by."""
        return merit(self.ensemble_score, self.expected_return)

    def to_record(self) -> dict[str, Any]:
        """The signal as JSON, over HTTP and in `--json`."""
        return {
            "symbol": self.symbol,
            "asOf": self.as_of.isoformat(),
            "signal": self.signal,
            "ensembleScore": self.ensemble_score,
            "confidence": self.confidence,
            "expectedReturn": self.expected_return,
            "modelSignals": dict(self.model_signals),
            "modelConfidences": dict(self.model_confidences),
            "conflict": self.conflict,
            "conflictReason": self.conflict_reason,
            "signalsAgree": self.signals_agree,
            "rank": self.rank,
            "modelsContributing": list(self.models_contributing),
        }


@dataclass(frozen=True, kw_only=True)
class KeptSignal:
    """The latest signal of the ensemble for a symbol as of a date."""

    signal: EnsembleSignal
    run_id: str | None  #: None: it was generated without a run
    generated_at: datetime

    def to_record(self) -> dict[str, Any]:
        return {
            **self.signal.to_record(),
            "runId": self.run_id,
            "generatedAt": iso(self.generated_at),
        }


@dataclass(frozen=True, kw_only=True)
class SignalOrder:
    """What a run of signals predicts. It is fixed when the run begins, so that the run can be repeated."""

    symbols: tuple[str, ...]
    as_of: date
    weights: Mapping[str, float]  #: of each model, as declared; normalised over those that answer
    rules: EnsembleRules
    persist: bool = True  #: whether the ensemble is kept when the run ends
    fresh: bool = False  #: whether answers that are known already are predicted again

    def to_json(self) -> dict[str, Any]:
        return {
            "symbols": list(self.symbols),
            "as_of": self.as_of.isoformat(),
            "weights": dict(self.weights),
            "rules": self.rules.to_json(),
            "persist": self.persist,
            "fresh": self.fresh,
        }

    def to_record(self) -> dict[str, Any]:
        """The order as JSON, as a part of its run. Symbols are counted: there may be thousands."""
        return {
            "asOf": self.as_of.isoformat(),
            "symbols": len(self.symbols),
            "weights": dict(self.weights),
            **self.rules.to_record(),
            "persist": self.persist,
            "fresh": self.fresh,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            symbols=tuple(data["symbols"]),
            as_of=date.fromisoformat(data["as_of"]),
            weights=data["weights"],
            rules=EnsembleRules.from_json(data["rules"]),
            persist=data["persist"],
            fresh=data["fresh"],
        )


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """A saved model that a signal model needs."""

    name: str  #: in the registry of trained models
    version: str
    uri: str
    digest: str | None = None  #: SHA-256 of its file; None where the backend knows none
    learned_as_of: str | None = (
        None  #: the last day of its training data, ISO 8601; None where it is not known
    )


@dataclass(frozen=True, kw_only=True)
class SignalJobInputs:
    """What the answers of one model of a run depend on. It is fixed when the run begins."""

    fingerprint: str  #: of all that its answers depend on: under the same one they are not predicted again
    artefacts: tuple[Artefact, ...] = ()
    obstacle: str = (
        ""  #: why it cannot answer, such as a model that was never trained; empty: nothing is in the way
    )

    @property
    def learned_as_of(self) -> str | None:
        """The last day in the training data of its saved models."""
        return max((one.learned_as_of for one in self.artefacts if one.learned_as_of), default=None)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{**data, "artefacts": tuple(Artefact(**one) for one in data["artefacts"])})
