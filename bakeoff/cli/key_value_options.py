"""Options that are given as KEY=VALUE."""

import json
from collections.abc import Sequence
from typing import Any


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
