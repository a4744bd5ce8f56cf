"""What happens in the cell in which a signal model is checked: claim by claim, whether it keeps its contract.

It is asked about a market that is made up, and learns from it what it works with. That shows what a model
does wrong, and nothing of whether it is any good.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bakeoff.cell.inside.cell_api import CellApi
from bakeoff.domain.candidate import Candidate
from bakeoff.domain.signal import ModelOutput
from bakeoff.evaluation.market.open_market import open_market
from bakeoff.evaluation.signals.answer_in_cell import sow
from bakeoff.settings import log_setup
from registry.code.class_import import in_words
from registry.code.model_building import LoadError, SignalClass, find_signal_class
from registry.code.signal_models import BadSignalsError, ask, awaited, construct, has_learned_all

if TYPE_CHECKING:
    from registry.interface import ModelPlugin

_ALONE = 5  #: symbols that are asked for one by one
_ROUNDING = 1e-9


class Verdict(StrEnum):
    HELD = "held"
    FAILED = "failed"
    SKIPPED = "skipped"  #: it does not concern the model, or what it takes has failed


class _NotSoError(Exception):
    """A claim does not hold: why, and what to do."""

    def __init__(self, why: str, cure: str) -> None:
        super().__init__(why, cure)
        self.why = why
        self.cure = cure


class _NoConcernError(Exception):
    """A claim does not concern the model."""


def check(payload: Mapping[str, Any], inside: CellApi) -> list[dict[str, str]]:
    """For each claim its verdict, why, and the cure."""
    candidate = Candidate.from_json(payload["candidate"])
    log_setup.begin(**payload["about"], modelId=candidate.id)
    trial = _Trial(
        candidate=candidate,
        root=Path(payload["root"]),
        data=open_market(Path(payload["market"])),
        symbols=payload["symbols"],
        as_of=date.fromisoformat(payload["asOf"]),
    )
    return list(_findings(trial, inside))


class _Claim(NamedTuple):
    text: str
    test: Callable[["_Trial"], None]
    is_needed: bool = False  #: by all that follow


def _findings(trial: "_Trial", inside: CellApi) -> Iterator[dict[str, str]]:
    missing = ""
    for claim in _CLAIMS:
        if missing:
            yield _finding(claim, Verdict.SKIPPED, f"it takes that {missing}")
            continue
        inside.phase(claim.text)
        found = _try(claim, trial)
        if found["verdict"] is Verdict.FAILED and claim.is_needed:
            missing = claim.text
        yield found


def _try(claim: _Claim, trial: "_Trial") -> dict[str, str]:
    sow()
    try:
        claim.test(trial)
    except _NoConcernError as exc:
        return _finding(claim, Verdict.SKIPPED, str(exc))
    except _NotSoError as exc:
        return _finding(claim, Verdict.FAILED, exc.why, exc.cure)
    except LoadError as exc:
        return _finding(claim, Verdict.FAILED, exc.cause, exc.fix, exc.traceback)
    except BadSignalsError as exc:
        return _finding(claim, Verdict.FAILED, exc.message, exc.hint)
    except MemoryError:
        raise
    except (Exception, SystemExit) as exc:  # noqa: BLE001 - strangers' code may raise anything
        return _finding(claim, Verdict.FAILED, f"it raised {in_words(exc)}", "mend what it raises")
    return _finding(claim, Verdict.HELD)


def _finding(
    claim: _Claim, verdict: Verdict, why: str = "", cure: str = "", traceback: str = ""
) -> dict[str, str]:
    return {"claim": claim.text, "verdict": verdict, "why": why, "cure": cure, "traceback": traceback}


@dataclass(kw_only=True)
class _Trial:
    """What the claims leave for those that follow."""

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
            raise _NoConcernError("it works without saved models")
        trained = awaited(self.found.cls.train(self.data, self.as_of, seed=0, **self.found.params))
        if not has_learned_all(trained, self.found):
            raise _NotSoError(
                f"train returned a {type(trained).__name__} without exactly the models "
                f"{', '.join(self.found.artefacts)}",
                "return registry.interface.Trained(models=..., metrics=..., feature_names=...)",
            )
        self.saved = trained.models

    def is_constructed(self) -> None:
        self.plugin = self._construct()

    def answers(self) -> None:
        self.said = _by_symbol(ask(self.plugin, self.symbols, self.as_of))

    def answers_the_same_again(self) -> None:
        self._require_opinions()
        _compare(self.said, ask(self._construct(), self.symbols, self.as_of), "the next time", _CHANCE)

    def answers_the_same_in_any_order(self) -> None:
        self._require_opinions()
        backwards = ask(self.plugin, self.symbols[::-1], self.as_of)
        _compare(self.said, backwards, "in another order", _OTHERS)

    def answers_the_same_for_one_alone(self) -> None:
        self._require_opinions()
        for symbol in list(self.said)[:_ALONE]:
            alone = ask(self.plugin, [symbol], self.as_of)
            _compare({symbol: self.said[symbol]}, alone, "alone", _OTHERS)

    def explains(self) -> None:
        self._require_opinions()
        told = awaited(self.plugin.explain(next(iter(self.said))))
        if not isinstance(told, Mapping) or not isinstance(told.get("feature_importance"), Mapping):
            raise _NotSoError(
                f"explain returned {told!r:.100}",
                "return a mapping with `feature_importance`, which is a mapping of numbers by name",
            )

    def _construct(self) -> "ModelPlugin":
        return construct(self.candidate, self.data, self.saved, root=self.root)

    def _require_opinions(self) -> None:
        if not self.said:
            raise _NoConcernError("it has no opinion on any symbol of this market")


_CHANCE = "seed what is left to chance in the constructor, and keep nothing between two questions"
_OTHERS = "compare a symbol with all of the data, and not with those that are asked for"

_CLAIMS = (
    _Claim("its class loads, and has what the contract asks for", _Trial.loads, is_needed=True),
    _Claim("it learns the saved models that it names", _Trial.learns, is_needed=True),
    _Claim("it is constructed with data and artefacts", _Trial.is_constructed, is_needed=True),
    _Claim("it answers what can be used", _Trial.answers, is_needed=True),
    _Claim("the same question gets the same answer", _Trial.answers_the_same_again),
    _Claim("the order of the symbols changes nothing", _Trial.answers_the_same_in_any_order),
    _Claim("a symbol alone gets the same answer as among others", _Trial.answers_the_same_for_one_alone),
    _Claim("it explains what it says", _Trial.explains),
)


def _by_symbol(answers: Iterable[ModelOutput]) -> dict[str, ModelOutput]:
    return {answer.symbol: answer for answer in answers}


def _compare(first: Mapping[str, ModelOutput], answers: Iterable[ModelOutput], when: str, cure: str) -> None:
    again = _by_symbol(answers)
    for symbol in sorted(first.keys() | again.keys()):
        one, other = first.get(symbol), again.get(symbol)
        if one is None or other is None or not _alike(one, other):
            raise _NotSoError(f"of {symbol} it said {_words(one)}, and {_words(other)} {when}", cure)


def _alike(one: ModelOutput, other: ModelOutput) -> bool:
    return (
        one.signal is other.signal
        and isclose(one.confidence, other.confidence, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
        and isclose(one.expected_return, other.expected_return, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
    )


def _words(said: ModelOutput | None) -> str:
    if said is None:
        return "nothing"
    return f"{said.signal}, confidence {said.confidence:.6g}, return {said.expected_return:.6g}"
