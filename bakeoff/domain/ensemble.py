"""How the ensemble combines the answers of several models; docs/reference/ensemble-rules.md has truth tables.

A model of weight 0 has no vote. Weights are normalised over the models that answered for the symbol, and a
symbol with fewer than two answers gets no signal. A confidence is the probability of a positive return.

Sums are rounded before they are compared with a threshold, so that a sum that equals it in decimals does
here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from math import fsum

from bakeoff.domain.signal import (
    EnsembleRules,
    EnsembleSignal,
    ModelOutput,
    Side,
    SignalType,
    Strategy,
    merit,
)

FEWEST_ANSWERS = 2
_PLACES = 9


def combine(
    answers: Mapping[str, Iterable[ModelOutput]],
    *,
    as_of: date,
    weights: Mapping[str, float],
    rules: EnsembleRules,
) -> tuple[EnsembleSignal, ...]:
    """The signals of all symbols, the best first.

    `answers` are by model; a model that failed has none. `weights` are as declared, in the order in which the
    models are named.
    """
    decided = [
        _decide(symbol, votes, rules)
        for symbol, votes in _votes_by_symbol(answers, weights).items()
        if len(votes) >= FEWEST_ANSWERS
    ]
    decided.sort(key=lambda one: (-merit(one.score, one.expected_return), -one.score, one.symbol))
    return tuple(one.signal(as_of, rank) for rank, one in enumerate(decided, start=1))


@dataclass(frozen=True)
class _Vote:
    model_id: str
    share: float
    answer: ModelOutput


@dataclass(frozen=True, kw_only=True)
class _Decision:
    symbol: str
    votes: Sequence[_Vote]
    outcome: SignalType
    score: float
    expected_return: float
    conflict_reason: str | None  #: None: no conflict, or none to be reported

    def signal(self, as_of: date, rank: int) -> EnsembleSignal:
        model_signals = {vote.model_id: vote.answer.signal for vote in self.votes}
        return EnsembleSignal(
            symbol=self.symbol,
            as_of=as_of,
            signal=self.outcome,
            ensemble_score=self.score,
            expected_return=self.expected_return,
            model_signals=model_signals,
            model_confidences={vote.model_id: vote.answer.confidence for vote in self.votes},
            conflict_reason=self.conflict_reason,
            rank=rank,
        )


def _votes_by_symbol(
    answers: Mapping[str, Iterable[ModelOutput]], weights: Mapping[str, float]
) -> dict[str, list[_Vote]]:
    by_symbol: dict[str, list[tuple[str, ModelOutput]]] = {}
    for model_id, weight in weights.items():
        if weight > 0:
            for answer in answers.get(model_id, ()):
                by_symbol.setdefault(answer.symbol, []).append((model_id, answer))
    return {symbol: _with_shares(given, weights) for symbol, given in by_symbol.items()}


def _with_shares(given: Sequence[tuple[str, ModelOutput]], weights: Mapping[str, float]) -> list[_Vote]:
    whole = fsum(weights[model_id] for model_id, _ in given)
    return [_Vote(model_id, weights[model_id] / whole, answer) for model_id, answer in given]


def _decide(symbol: str, votes: Sequence[_Vote], rules: EnsembleRules) -> _Decision:
    score = _sum(map(_weight, votes))
    conflict = _conflict(votes)
    return _Decision(
        symbol=symbol,
        votes=votes,
        outcome=_outcome(votes, score, rules, in_conflict=conflict is not None),
        score=score,
        expected_return=fsum(vote.share * vote.answer.expected_return for vote in votes),
        conflict_reason=conflict if rules.flag_conflicts else None,
    )


def _conflict(votes: Sequence[_Vote]) -> str | None:
    """The models on the buy side and those on the sell side; None unless there are both."""
    not_hold = [vote for vote in votes if vote.answer.signal.side is not Side.HOLD]
    if len({vote.answer.signal.side for vote in not_hold}) < len(_OPPOSED):
        return None
    return ", ".join(f"{vote.model_id}={vote.answer.signal}" for vote in not_hold)


_OPPOSED = (Side.BUY, Side.SELL)


def _outcome(votes: Sequence[_Vote], score: float, rules: EnsembleRules, *, in_conflict: bool) -> SignalType:
    if rules.conflict_strategy is Strategy.CONFIDENCE_BASED:
        outcome = _by_score(score)
        agreement = max(_share_of(side, votes) for side in Side)
        return outcome if agreement >= _round(rules.min_agreement) else SignalType.HOLD
    if in_conflict:
        return SignalType.HOLD
    winner = _most(_tally(votes, _POINTS[rules.conflict_strategy]))
    is_sure = _round(_sureness(winner.side, score)) >= _round(rules.min_confidence)
    is_agreed = _share_of(winner.side, votes) >= _round(rules.min_agreement)
    return winner if is_sure and is_agreed else SignalType.HOLD


def _sureness(side: Side, probability: float) -> float:
    """How sure a probability of a positive return makes of a side; of HOLD, the surer of the other two."""
    if side is Side.HOLD:
        return max(probability, 1 - probability)
    return probability if side is Side.BUY else 1 - probability


def _by_score(score: float) -> SignalType:
    """The signal of the first threshold that the score reaches."""
    bought = (signal for threshold, signal in _FROM if score >= threshold)
    sold = (signal for threshold, signal in _UP_TO if score <= threshold)
    return next(chain(bought, sold), SignalType.HOLD)


_FROM = ((0.65, SignalType.STRONG_BUY), (0.55, SignalType.BUY))
_UP_TO = ((0.35, SignalType.STRONG_SELL), (0.45, SignalType.SELL))


def _tally(votes: Sequence[_Vote], points: Callable[[_Vote], float]) -> Mapping[SignalType, float]:
    given: dict[SignalType, list[float]] = {}
    for vote in votes:
        given.setdefault(vote.answer.signal, []).append(points(vote))
    return {signal: _sum(points) for signal, points in given.items()}


def _weight(vote: _Vote) -> float:
    return vote.share * vote.answer.confidence


def _weight_of_side(vote: _Vote) -> float:
    return vote.share * _sureness(vote.answer.signal.side, vote.answer.confidence)


def _one_each(_: _Vote) -> float:
    return 1.0


_POINTS = {Strategy.WEIGHTED_MAJORITY: _weight_of_side, Strategy.CONSERVATIVE: _one_each}


def _most(tally: Mapping[SignalType, float]) -> SignalType:
    """The signal with the most weight; of a tie, HOLD."""
    most = max(tally.values())
    first, *others = [signal for signal, number in tally.items() if number == most]
    return SignalType.HOLD if others else first


def _share_of(side: Side, votes: Sequence[_Vote]) -> float:
    return _sum(vote.share for vote in votes if vote.answer.signal.side is side)


def _sum(numbers: Iterable[float]) -> float:
    return _round(fsum(numbers))


def _round(number: float) -> float:
    return round(number, _PLACES)
