"""Settings from the environment: `BAKEOFF_` and the key in capitals, such as `BAKEOFF_EVAL_WORKERS`.

With `_FILE` at its end, a variable names a file with the value. Secrets are safer in a file, because all
processes of the same user can read the environment of a process.
"""

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic.alias_generators import to_camel

from bakeoff.domain.errors import InvalidInputError
from bakeoff.settings import FILE_VARIABLE
from bakeoff.settings.setting_definitions import ClientRight, Settings

_PREFIX = "BAKEOFF_"
_TOKEN = "BAKEOFF_API_TOKEN"  # noqa: S105 - the name of a variable
_IN_A_FILE = "_FILE"
_SHORTEST_TOKEN = 16


def variable_of(name: str) -> str:
    """The variable of a setting, by the name of its field."""
    return _PREFIX + name.upper()


_KEYS = {variable_of(name): to_camel(name) for name in Settings.model_fields}
_LISTS = {
    variable_of(name)
    for name, field in Settings.model_fields.items()
    if field.annotation in {list[str], list[str] | None, list[ClientRight]}
}


def settings_in(environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings that the environment gives, by camelCase key."""
    given = {name: text for name, text in environment.items() if name.startswith(_PREFIX)}
    names = {_without_file(name) for name in given} - {FILE_VARIABLE, _TOKEN}
    for name in names - _KEYS.keys():
        raise InvalidInputError(
            f"the environment sets {name}, which is no setting{did_you_mean(name, _KEYS)}"
        )
    return {_KEYS[name]: _parse(name, _text(name, given) or "") for name in names}


def token_digest_in(environment: Mapping[str, str]) -> str | None:
    """The digest of the token. The token itself is not kept, so that it cannot be printed."""
    token = _text(_TOKEN, environment)
    if not token:
        return None
    if len(token) < _SHORTEST_TOKEN:
        raise InvalidInputError(
            f"the environment sets {_TOKEN} to fewer than {_SHORTEST_TOKEN} characters, which can be "
            "guessed: `openssl rand -hex 32` makes a good one"
        )
    return hashlib.sha256(token.encode()).hexdigest()


def _without_file(name: str) -> str:
    """The variable without `_FILE`, unless that belongs to its name, as in BAKEOFF_API_TOKENS_FILE."""
    base = name.removesuffix(_IN_A_FILE)
    return name if name in _KEYS or base == FILE_VARIABLE else base


def _text(name: str, environment: Mapping[str, str]) -> str | None:
    given, file = environment.get(name), environment.get(name + _IN_A_FILE)
    if not file:
        return given
    if given:
        raise InvalidInputError(f"the environment sets {name} and {name}{_IN_A_FILE}: leave one of them out")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidInputError(
            f"the environment sets {name}{_IN_A_FILE} to {file}, which cannot be read: {exc}"
        ) from None


def _parse(name: str, text: str) -> Any:
    """Lists and mappings are read as JSON, a list of words also as `a,b`; pydantic reads all other texts."""
    if text in {"", "null"}:
        return None
    if not text.startswith(("[", "{")):
        return text.split(",") if name in _LISTS else text
    try:
        return json.loads(text)
    except ValueError as exc:
        raise InvalidInputError(f"the environment sets {name} to {text!r}, which is no JSON: {exc}") from None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f": did you mean {near[0]}?" if near else f": there are {', '.join(sorted(known))}"
