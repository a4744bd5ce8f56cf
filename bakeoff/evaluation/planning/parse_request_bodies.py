"""Bodies of requests. Each is checked as a whole, and one error names everything that is wrong.

Also here: how a field of a body is given on the command line.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import cut, listed, nearest, quoted

_MOST_OF_A_KEY = 120  #: characters, quoted in errors

#: For names, which go into lists, logs and databases. Some of these end a text at a NUL.
PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


class HelpPanel(StrEnum):
    """Where `bakeoff run --help` lists an option."""

    DATA = "Data"
    DESIGN = "Design"
    CANDIDATES = "Candidates"
    SCORING = "Scoring"
    SAVING = "Saving"
    RUNNING = "Running"


@dataclass(frozen=True, kw_only=True)
class OnCommandLine:
    """Its name there is that of the field, with hyphens.

    A list is given as `A,B`. A flag that is on by default becomes `--no-…`.
    """

    panel: HelpPanel
    metavar: str | None = None
    flag: str | None = None  #: what is typed, if that is not the name
    help: str | None = None  #: None: the description of the field
    in_plan: bool = True  #: whether `bakeoff plan` has it, too
    needs_cells: bool = False  #: it has no effect with `--in-process`, without worker and cells


class Body(BaseModel):
    """Base class of requests, which have the same keys over HTTP and in a message."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
    )


_QUOTED = re.compile(r"'([^']*)'")

B = TypeVar("B", bound=Body)


def parse(
    kind: type[B],
    body: Mapping[str, Any],
    what: str,
    *,
    written: Callable[[str], str | None] = lambda _: None,
) -> B:
    """Parses a body. `what` names the request in errors.

    `written`: how the user wrote a key, such as `design.folds`, if not as it is; the error then names that.
    """
    try:
        return kind.model_validate(body)
    except ValidationError as exc:
        problems: dict[str, list[str]] = {}
        for error in exc.errors():
            what_it_is, expected = _explain(error, kind, written)
            problems.setdefault(what_it_is, []).append(expected)
    told = [what_it_is + " or ".join(dict.fromkeys(expected)) for what_it_is, expected in problems.items()]
    raise InvalidInputError(f"this is no {what}: " + "; ".join(told))


def no_key(place: tuple[str | int, ...], kind: type[Body], *, all_keys: str | None = None) -> str:
    """What is said of an unknown key at this place of a body: the one that is meant, or all that there are.

    `all_keys`: where they stand, to be named instead of them.
    """
    path, within = _path(place, kind)
    known = _keys(within)
    owner = next((key for key in known if path[-1] in _keys(_body_at(within, key) or Body)), None)
    if owner is not None:
        return f"is no key of it, but of {owner}: write `{owner}: {{{path[-1]}: …}}`"
    others = all_keys or f"there are {listed(known)}"
    return f"is no key of it{nearest(path[-1], known) or f'; {others}'}"


def _explain(error: Any, kind: type[Body], written: Callable[[str], str | None]) -> tuple[str, str]:
    """What the value is, and what was expected. A key of several types has an error for each of them."""
    if not error["loc"]:
        return f"it is {quoted(error['input'])}, not a mapping of keys to values", ""
    path, _ = _path(error["loc"], kind)
    key = cut(".".join(path), _MOST_OF_A_KEY)
    key = written(key) or key
    if error["type"] == "missing":
        return f"{key} is missing", ""
    if error["type"] == "extra_forbidden":
        return f"{key} {no_key(error['loc'], kind)}", ""
    message = f"{error['msg'][0].lower()}{error['msg'][1:]}"
    if error["type"] == "literal_error" and isinstance(error["input"], str):
        message += nearest(error["input"], _QUOTED.findall(error["ctx"]["expected"]))
    return f"{key} is {quoted(error['input'])}: ", message


def _path(place: tuple[str | int, ...], kind: type[Body]) -> tuple[list[str], type[Body]]:
    """The keys down to the place, and the body that has the last one.

    Left out are the names of types, which the place holds for a key of several types: they say nothing.
    """
    path, within, below = [str(place[0])], kind, _body_at(kind, place[0])
    values = _values_at(kind, place[0])
    for part in place[1:]:
        if isinstance(part, int):
            path.append(str(part))
        elif values is not None:  # a key of the client's own, such as the id of a candidate
            path.append(part)
            below, values = values, None
        elif below is not None:
            path.append(part)
            within, below = below, _body_at(below, part)
    return path, within


def _keys(kind: type[Body]) -> list[str]:
    return [field.alias for field in kind.model_fields.values() if field.alias]


def _body_at(kind: type[Body], key: str | int) -> type[Body] | None:
    """The body that is the value of a key."""
    return _body_among(_kinds_at(kind, key))


def _values_at(kind: type[Body], key: str | int) -> type[Body] | None:
    """The bodies that are the values of the mapping that is the value of a key."""
    mappings = [get_args(one) for one in _kinds_at(kind, key) if get_origin(one) is dict]
    return _body_among([one for arguments in mappings for one in arguments])


def _kinds_at(kind: type[Body], key: str | int) -> list[Any]:
    field = next((one for one in kind.model_fields.values() if one.alias == key), None)
    return [] if field is None else [field.annotation, *get_args(field.annotation)]


def _body_among(kinds: Sequence[Any]) -> type[Body] | None:
    return next((one for one in kinds if isinstance(one, type) and issubclass(one, Body)), None)
