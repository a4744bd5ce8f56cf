"""Constructs signal models, calls them, and checks the signals that they return.

The check runs in the cell, and again in the host on what the cell wrote, which untrusted code may have
forged.
"""

import asyncio
import inspect
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import BadAnswerError
from bakeoff.domain.runs.job import Phase
from bakeoff.domain.signal import (
    ConfidenceMeaning,
    ModelConfig,
    ModelOutput,
    SignalType,
    as_probability,
    contradicting_sells,
    ranked,
)
from registry.code.model_building import ARTEFACT_VERSION, SignalClass, find_signal_class
from registry.columns.json_values import jsonable

if TYPE_CHECKING:
    from registry.interface import ModelPlugin

#: How far sums of 32-bit floats may be below 0 or above 1.
_ROUNDING = 1e-6


class BadSignalsError(BadAnswerError):
    """The signals of a model cannot be used, and its author can mend that."""


def config_of(candidate: Candidate) -> ModelConfig:
    weight = 1.0 if candidate.weight is None else candidate.weight
    return ModelConfig(model_id=candidate.id, version=candidate.version, weight_in_ensemble=weight)


def artefact_version_of(candidate: Candidate) -> str | None:
    """The version of its saved models that the catalog names; None: the newest that all of them have."""
    version = candidate.params.get(ARTEFACT_VERSION)
    return None if version is None else str(version)


def construct(
    candidate: Candidate,
    data: Mapping[str, Any],
    artefacts: Mapping[str, Any],
    *,
    root: Path,
    entering: Callable[[Phase], None] = lambda _: None,
) -> "ModelPlugin":
    """Constructs the model. `entering` is called with each phase, before plugin code runs in it."""
    found = find_signal_class(candidate, root=root, entering=entering)
    plugin: ModelPlugin = found.construct(data, artefacts)
    plugin.config = config_of(candidate)
    return plugin


def checked_signals(plugin: "ModelPlugin", symbols: Sequence[str], as_of: date) -> tuple[ModelOutput, ...]:
    """The signals of the plugin, checked and ranked. What the plugin raises is not caught."""
    return ranked(_checked(await_if_needed(plugin.generate_signals(list(symbols), as_of)), symbols))


def in_probabilities(candidate: Candidate, answers: Iterable[ModelOutput]) -> tuple[ModelOutput, ...]:
    """The answers, ranked, with the probability of a positive return as their confidence."""
    if candidate.confidence is ConfidenceMeaning.SURENESS:
        answers = as_probability(answers)
    return ranked(answers)


def sell_remark(candidate: Candidate, answers: Sequence[ModelOutput]) -> tuple[str, str] | None:
    """What is odd about the sell answers of a model and the cure, if most say that a rise is probable.

    `answers` are `in_probabilities`. None: nothing is odd.
    """
    sold, contradicting = contradicting_sells(answers)
    if 2 * contradicting <= sold:
        return None
    if candidate.confidence is ConfidenceMeaning.SURENESS:
        seen = f"{contradicting} of {sold} sell answers come with a sureness below 0.5"
        return seen, "a confidence is its sureness in the catalog: leave that out if it is the probability"
    seen = f"{contradicting} of {sold} sell answers come with a confidence above 0.5"
    cure = "a confidence is the probability of a positive return: if it is how sure the model is, write "
    return seen, f"{cure}`confidence: sureness` into its entry of the catalog"


def trained_every_artefact(trained: Any, found: SignalClass) -> bool:
    """Whether `train` returned a model for each name in `artefacts`, and no other."""
    models = getattr(trained, "models", None)
    return isinstance(models, Mapping) and models.keys() == set(found.artefacts)


def await_if_needed(result: Any) -> Any:
    """The result of an `async def` method; any other value as it is."""
    return asyncio.run(_finish(result)) if inspect.isawaitable(result) else result


async def _finish(result: Any) -> Any:
    return await result


def answers_to_json(answers: Iterable[ModelOutput]) -> list[dict[str, Any]]:
    return [
        {
            "symbol": answer.symbol,
            "signal": answer.signal,
            "confidence": answer.confidence,
            "expected_return": answer.expected_return,
            "metadata": dict(answer.metadata),
        }
        for answer in answers
    ]


def answers_from_json(data: Any, symbols: Sequence[str]) -> tuple[ModelOutput, ...]:
    """The answers, checked and ranked: the cell may have written anything."""
    try:
        answers = [ModelOutput(**one) for one in data]
    except TypeError as exc:
        raise BadSignalsError(f"what the cell wrote is no list of signals: {exc}") from exc
    return ranked(_checked(answers, symbols))


def _checked(raw: Any, symbols: Sequence[str]) -> list[ModelOutput]:
    if isinstance(raw, (str, bytes, Mapping)) or not isinstance(raw, Iterable):
        raise BadSignalsError(
            f"generate_signals returned {_a(raw)}, where a list of ModelOutput is due",
            "return one ModelOutput for each symbol that the model has a signal for",
        )
    given, seen = frozenset(symbols), set[str]()
    answers = [_checked_output(one, index, given) for index, one in enumerate(raw)]
    for answer in answers:
        if answer.symbol in seen:
            raise BadSignalsError(
                f"generate_signals returned two signals for {answer.symbol}",
                "return one signal for each symbol",
            )
        seen.add(answer.symbol)
    return answers


def _checked_output(raw: Any, index: int, given: Collection[str]) -> ModelOutput:
    if not isinstance(raw, ModelOutput):
        raise BadSignalsError(
            f"generate_signals returned {_a(raw)} at entry {index}, where a ModelOutput is due",
            "return ModelOutput(symbol=..., signal=..., confidence=..., expected_return=...)",
        )
    if not isinstance(raw.symbol, str) or raw.symbol not in given:
        raise BadSignalsError(
            f"generate_signals returned a signal for {raw.symbol!r:.60} at entry {index}, "
            "which is none of those given",
            "return signals only for the symbols that it is given",
        )
    return ModelOutput(
        symbol=raw.symbol,
        signal=_signal(raw),
        confidence=_within_0_and_1(_number(raw, "confidence"), raw.symbol),
        expected_return=_number(raw, "expected_return"),
        metadata=_metadata(raw),
    )


def _signal(raw: ModelOutput) -> SignalType:
    try:
        return SignalType(raw.signal)
    except ValueError as exc:
        raise BadSignalsError(
            f"the signal for {raw.symbol} is {raw.signal!r:.60}", f"return one of {', '.join(SignalType)}"
        ) from exc


def _number(raw: ModelOutput, name: str) -> float:
    value = getattr(raw, name)
    with suppress(OverflowError):  # JSON allows whole numbers of any length
        if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    raise BadSignalsError(
        f"the {name} for {raw.symbol} is {value!r:.60}, where a finite number is due",
        "leave out a symbol that the model has no signal for",
    )


def _within_0_and_1(confidence: float, symbol: str) -> float:
    if not -_ROUNDING <= confidence <= 1 + _ROUNDING:
        raise BadSignalsError(f"the confidence for {symbol} is {confidence:g}", "return a number from 0 to 1")
    return min(max(confidence, 0.0), 1.0)


def _metadata(raw: ModelOutput) -> dict[str, Any]:
    if not isinstance(raw.metadata, Mapping):
        raise BadSignalsError(
            f"the metadata for {raw.symbol} are {_a(raw.metadata)}", "return a mapping, or leave them out"
        )
    known: dict[str, Any] = jsonable(raw.metadata)
    return known


def _a(value: Any) -> str:
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
