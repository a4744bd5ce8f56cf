"""Grids: one candidate becomes many, one for each combination of the values of some parameters.

    forest with {max_depth: [4, null], criterion: [gini]}
    becomes forest.max_depth-4 and forest.max_depth-none

The members are named by what differs between them, and belong to the family of the candidate that they are
made of. Each is a candidate like any other: it has a job, a result, and a place among the candidates that a
verdict counts.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any

from bakeoff.domain.candidate import Candidate, PipelineStep
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import quoted
from registry.code.class_import import nearest
from registry.code.model_building import parameters_if_loaded

Grid = Mapping[str, Sequence[Any]]

#: Members of one family.
MOST_MEMBERS = 1000

_LONGEST_ID = 100
_DIGEST_CHARS = 8
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9._-]+")


def members_of(candidate: Candidate, grid: Grid) -> tuple[Candidate, ...]:
    """The first parameter changes slowest. InvalidInputError says what is wrong with the grid."""
    _check(candidate, grid)
    differing = [name for name, values in grid.items() if len(values) > 1]
    found: dict[str, Candidate] = {}
    for combination in product(*grid.values()):
        values = dict(zip(grid, combination, strict=True))
        member = candidate
        for name, value in values.items():
            member = with_parameter(member, name, value)
        said = {name: values[name] for name in differing}
        id_ = member_id(candidate.id, said)
        if id_ in found:  # values that differ in what no id may hold
            id_ = _short_id(candidate.id, said)
        described = ", ".join(f"{name}={word(value)}" for name, value in values.items())
        found[id_] = replace(member, id=id_, family=candidate.id, description=described)
    return tuple(found.values())


def _check(candidate: Candidate, grid: Grid) -> None:
    if candidate.tune is not None:
        raise InvalidInputError(f"{candidate.id} has `tune`, and gets a grid: leave one out")
    if not grid:
        raise InvalidInputError(f"the grid of {candidate.id} is empty: name a parameter and its values")
    for name, values in grid.items():
        if not values:
            raise InvalidInputError(f"the grid of {candidate.id} has no values for {name}")
        if len({json.dumps(value, sort_keys=True, default=str) for value in values}) < len(values):
            raise InvalidInputError(f"the grid of {candidate.id} has a value of {name} twice: {list(values)}")
    number = prod(len(values) for values in grid.values())
    if number > MOST_MEMBERS:
        raise InvalidInputError(
            f"the grid of {candidate.id} has {number:,} combinations: {MOST_MEMBERS:,} are the most"
        )


def with_parameter(candidate: Candidate, name: str, value: Any, *, what: str = "grid") -> Candidate:
    """Of steps, a plain name is a parameter of the last one; of another step it is `class__name`, as in
    scikit-learn's `make_pipeline`. `what`: where an error says that the name stands.
    """
    if not candidate.steps:
        _require_parameter(candidate, candidate.path, name, what)
        return replace(candidate, params={**candidate.params, name: value})
    of_step, _, own = name.rpartition("__")
    names = [step.path.rpartition(":")[2].lower() for step in candidate.steps]
    if of_step and of_step not in names:
        raise InvalidInputError(
            f"the {what} of {candidate.id} names {quoted(name)}, and there is no step {quoted(of_step)}: "
            f"{nearest(of_step, names) or 'there are ' + ', '.join(names)}"
        )
    place = names.index(of_step) if of_step else len(names) - 1
    steps = list(candidate.steps)
    _require_parameter(candidate, steps[place].path, own, what)
    steps[place] = PipelineStep(path=steps[place].path, params={**steps[place].params, own: value})
    return replace(candidate, steps=tuple(steps))


def _require_parameter(candidate: Candidate, path: str | None, name: str, what: str) -> None:
    """Of a class that is loaded here. Of others, and of inner estimators, the cell says it."""
    known = parameters_if_loaded(path) if path and "__" not in name else None
    if known is not None and name not in known:
        cure = nearest(name, known) or f"it takes {', '.join(known) or 'none'}"
        raise InvalidInputError(
            f"the {what} of {candidate.id} names {quoted(name)}, and {path} has no such parameter: {cure}"
        )


def member_id(family: str, said: Mapping[str, Any]) -> str:
    """`said`: the parameters that differ within the family."""
    words = (f"{name}-{word(value)}" for name, value in said.items())
    whole = ".".join([family, *(_NOT_IN_IDS.sub("_", word) for word in words)])
    return whole if len(whole) <= _LONGEST_ID else _short_id(family, said)


def _short_id(family: str, said: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
    return f"{family[: _LONGEST_ID - _DIGEST_CHARS - 1]}.{digest[:_DIGEST_CHARS]}"


def word(value: Any) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
