"""In the cell of a check: check by check, whether a signal model keeps its contract.

The model is trained on a synthetic market and asked for signals. This shows whether it breaks its contract,
and not whether its signals are any good.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.cell.inside.cell_api import CellApi
from bakeoff.domain.candidate import Candidate
from bakeoff.domain.signal import ModelOutput, contradicting_sells
from bakeoff.domain.wording import counted
from bakeoff.evaluation.conformance.conformance_check_runner import (
    Check,
    CheckFailedError,
    NotApplicableError,
    run_checks,
)
from bakeoff.evaluation.market.market_snapshot import open_market
from bakeoff.evaluation.signals.answer_in_cell import seed_random
from bakeoff.settings import log_setup
from registry.code.call_signal_model import (
    await_if_needed,
    checked_signals,
    construct,
    in_probabilities,
    sell_remark,
    trained_every_artefact,
)
from registry.code.model_building import SignalClass, find_signal_class

if TYPE_CHECKING:
    from registry.interface import ModelPlugin

_ALONE = 5  #: how many symbols are also asked for one by one
_ROUNDING = 1e-9


def check(payload: Mapping[str, Any], inside: CellApi) -> list[dict[str, Any]]:
    """For each check: whether it passed, what was seen, and what to do about it."""
    candidate = Candidate.from_json(payload["candidate"])
    log_setup.set_ids(**payload["about"], modelId=candidate.id)
    checked = _CheckedModel(
        candidate=candidate,
        root=Path(payload["root"]),
        data=open_market(Path(payload["market"])),
        symbols=payload["symbols"],
        as_of=date.fromisoformat(payload["asOf"]),
    )
    return run_checks(_CHECKS, checked, inside, left_out={}, deadline=math.inf, before=seed_random)


@dataclass(kw_only=True)
class _CheckedModel:
    """The model, and what earlier claims leave for later ones: its class, its saved models, its answers."""

    candidate: Candidate
    root: Path
    data: Mapping[str, Any]
    symbols: Sequence[str]
    as_of: date

    def loads(self) -> None:
        self.found: SignalClass = find_signal_class(self.candidate, root=self.root)
        self.saved: Mapping[str, Any] = {}

    def learns(self) -> None:
        if not self.found.artefacts:
            raise NotApplicableError("it works without saved models")
        trained = await_if_needed(self.found.cls.train(self.data, self.as_of, seed=0, **self.found.params))
        if not trained_every_artefact(trained, self.found):
            raise CheckFailedError(
                f"train returned a {type(trained).__name__} without exactly the models "
                f"{', '.join(self.found.artefacts)}",
                "return registry.interface.Trained(models=..., metrics=..., feature_names=...)",
            )
        self.saved = trained.models

    def is_constructed(self) -> None:
        self.plugin = self._construct()

    def answers(self) -> None:
        self.first_answers = _by_symbol(checked_signals(self.plugin, self.symbols, self.as_of))

    def answers_the_same_again(self) -> None:
        self._require_opinions()
        _compare(
            self.first_answers,
            checked_signals(self._construct(), self.symbols, self.as_of),
            "the next time",
            _CHANCE,
        )

    def answers_the_same_in_any_order(self) -> None:
        self._require_opinions()
        backwards = checked_signals(self.plugin, self.symbols[::-1], self.as_of)
        _compare(self.first_answers, backwards, "in another order", _OTHERS)

    def answers_the_same_for_one_alone(self) -> None:
        self._require_opinions()
        for symbol in list(self.first_answers)[:_ALONE]:
            alone = checked_signals(self.plugin, [symbol], self.as_of)
            _compare({symbol: self.first_answers[symbol]}, alone, "alone", _OTHERS)

    def explains(self) -> None:
        self._require_opinions()
        explanation = await_if_needed(self.plugin.explain(next(iter(self.first_answers))))
        if not isinstance(explanation, Mapping) or not isinstance(
            explanation.get("feature_importance"), Mapping
        ):
            raise CheckFailedError(
                f"explain returned {explanation!r:.100}",
                "return a mapping with `feature_importance`, which is a mapping of numbers by name",
            )

    def sells_with_a_low_probability(self) -> str:
        self._require_opinions()
        answers = in_probabilities(self.candidate, self.first_answers.values())
        sold, _ = contradicting_sells(answers)
        if not sold:
            raise NotApplicableError("it sells nothing on this market")
        if (remark := sell_remark(self.candidate, answers)) is not None:
            raise CheckFailedError(*remark)
        return counted(sold, "sell answer")

    def _construct(self) -> "ModelPlugin":
        return construct(self.candidate, self.data, self.saved, root=self.root)

    def _require_opinions(self) -> None:
        if not self.first_answers:
            raise NotApplicableError("it has no opinion on any symbol of this market")


_CHANCE = "seed random numbers in the constructor, and keep no state from one call to the next"
_OTHERS = "compare a symbol with all of the data, not with the other symbols of the call"

_CHECKS = (
    Check(slug="loads", test=_CheckedModel.loads),
    Check(slug="learns", test=_CheckedModel.learns, needs=("loads",)),
    Check(slug="constructs", test=_CheckedModel.is_constructed, needs=("loads",), fails_without=("learns",)),
    Check(slug="answers", test=_CheckedModel.answers, needs=("constructs",)),
    Check(slug="deterministic", test=_CheckedModel.answers_the_same_again, needs=("answers",)),
    Check(slug="row-order", test=_CheckedModel.answers_the_same_in_any_order, needs=("answers",)),
    Check(slug="batch-split", test=_CheckedModel.answers_the_same_for_one_alone, needs=("answers",)),
    Check(slug="explains", test=_CheckedModel.explains, needs=("answers",)),
    Check(slug="sell-confidence", test=_CheckedModel.sells_with_a_low_probability, needs=("answers",)),
)


def _by_symbol(answers: Iterable[ModelOutput]) -> dict[str, ModelOutput]:
    return {answer.symbol: answer for answer in answers}


def _compare(first: Mapping[str, ModelOutput], answers: Iterable[ModelOutput], when: str, cure: str) -> None:
    again = _by_symbol(answers)
    for symbol in sorted(first.keys() | again.keys()):
        one, other = first.get(symbol), again.get(symbol)
        if one is None or other is None or not _alike(one, other):
            raise CheckFailedError(
                f"for {symbol} it answered {_words(one)}, and {_words(other)} {when}", cure
            )


def _alike(one: ModelOutput, other: ModelOutput) -> bool:
    return (
        one.signal is other.signal
        and isclose(one.confidence, other.confidence, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
        and isclose(one.expected_return, other.expected_return, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
    )


def _words(answer: ModelOutput | None) -> str:
    if answer is None:
        return "nothing"
    return f"{answer.signal}, confidence {answer.confidence:.6g}, return {answer.expected_return:.6g}"
