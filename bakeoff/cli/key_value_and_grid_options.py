"""Options given as KEY=VALUE, and those of `--grid` and `--tune`: values and ranges of parameters."""

import json
import re
from collections.abc import Sequence
from typing import Any

from bakeoff.domain.errors import InvalidInputError

_WORDS = {"none": None, "null": None, "true": True, "false": False}


def grids_in(options: Sequence[str]) -> dict[str, dict[str, list[Any]]]:
    """`forest.max_depth=4,8,none` and others like it, by candidate, whose id may hold dots."""
    example = "candidate.parameter=value,value, such as forest.max_depth=4,8,none"
    return {
        model_id: {name: _grid_values(f"{model_id}.{name}", values) for name, values in texts.items()}
        for model_id, texts in _by_candidate(options, "--grid", example).items()
    }


def searches_in(options: Sequence[str], *, trials: int | None) -> dict[str, dict[str, Any]]:
    """`svc.C=log:0.01..100` and others like it, by candidate."""
    if trials is not None and not options:
        raise InvalidInputError("--trials says how many there are of a search: add --tune, or leave it out")
    example = (
        "candidate.parameter=range, such as tree.depth=2..12, svc.C=log:0.01..100, svc.kernel=rbf,linear"
    )
    return {
        model_id: {
            "params": {
                name: _values_or_range(f"{model_id}.{name}", values) for name, values in texts.items()
            },
            **({} if trials is None else {"trials": trials}),
        }
        for model_id, texts in _by_candidate(options, "--tune", example).items()
    }


def _by_candidate(options: Sequence[str], flag: str, example: str) -> dict[str, dict[str, str]]:
    """The texts behind `=`, by candidate and parameter."""
    found: dict[str, dict[str, str]] = {}
    for option in options:
        left, equals, values = option.partition("=")
        model_id, dot, name = left.strip().rpartition(".")
        if not (equals and dot and model_id and name.isidentifier() and split(values)):
            raise InvalidInputError(f"{flag} is {option!r}: write {example}")
        if name in found.setdefault(model_id, {}):
            raise InvalidInputError(f"{flag} names {model_id}.{name} twice: give all values at once")
        found[model_id][name] = values
    return found


def _grid_values(name: str, text: str) -> list[Any]:
    """A grid has values alone: a range is no value of any parameter."""
    words = split(text) or []
    for word in words:
        if _LIKE_A_RANGE.fullmatch(word):
            raise InvalidInputError(
                f"--grid {name} is {text!r}, which looks like a range, and a grid has values: write them "
                f"with commas, such as 1,2,5, or let the candidate search it: --tune {name}={_as_range(word)}"
            )
    return [scalar(word) for word in words]


def _values_or_range(name: str, text: str) -> Any:
    """A range with two dots is one of the catalog; what is wrong with its ends is told when it is used."""
    kind, colon, range_ = text.strip().partition(":")
    if not colon or ".." in kind:
        kind, range_ = "", text
    low, dots, high = range_.partition("..")
    if not dots:
        if _LIKE_A_RANGE.fullmatch(text.strip()):
            raise InvalidInputError(
                f"--tune {name} is {text!r}, which is one value: a range is {_as_range(text.strip())}"
            )
        return [scalar(word) for word in split(text) or ()]
    ends = [scalar(low.strip()), scalar(high.strip())]
    if kind:
        return {"log_uniform" if kind == "log" else kind: ends}
    return {"integers" if all(isinstance(end, int) for end in ends) else "uniform": ends}


#: `1..6`, and `1-6`, `1:6` and `log:0.1-10` as others write a range. The number `1e-6` or `-3` is none.
_LIKE_A_RANGE = re.compile(r"([a-z_]+:)?\d+(\.\d+)?\s*(\.\.|-|:)\s*\d+(\.\d+)?")


def _as_range(word: str) -> str:
    """`1..6` for `1-6`."""
    return re.sub(r"(?<=\d)\s*[-:]\s*(?=\d)", "..", word)


def scalar(word: str) -> Any:
    """Read as YAML would read it; `none` is null."""
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def split(text: str | None) -> list[str] | None:
    if text is None:
        return None
    return [part.strip() for part in text.split(",") if part.strip()]


def pairs(given: Sequence[str], option: str) -> dict[str, str]:
    from bakeoff.domain.errors import InvalidInputError

    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise InvalidInputError(f"{option} is {text!r}: expected KEY=VALUE")
        found[key] = value
    return found


def numbers(given: Sequence[str], option: str) -> dict[str, float]:
    from bakeoff.domain.errors import InvalidInputError

    found = {}
    for key, text in pairs(given, option).items():
        try:
            found[key] = float(text)
        except ValueError:
            raise InvalidInputError(f"{option} {key} is {text!r}: expected a number") from None
    return found


def values(given: Sequence[str], option: str) -> dict[str, Any]:
    """A value that is JSON is parsed; any other is text."""
    return {key: _value(text) for key, text in pairs(given, option).items()}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
