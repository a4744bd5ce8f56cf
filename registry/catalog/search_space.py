"""Search spaces: ranges and lists from which parameters are drawn.

From random trials, one candidate becomes many, each with parameters of its own:

    {trials: 30, params: {C: {log_uniform: [0.001, 100]}, depth: {integers: [2, 12]}, way: [gini, entropy]}}

    uniform: [low, high]        any number between
    log_uniform: [low, high]    any number between, each order of magnitude as likely as another
    integers: [low, high]       a whole number, both ends among them
    [a, b, c]                   one of these

Trials are drawn one after another from one stream, so that more trials leave the first ones as they are. Only
`random()` is called, whose numbers Python promises to keep.

The space that a candidate searches itself, inside its cell (`tune`), is written in the same way.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.tuning import Tuning
from bakeoff.domain.wording import quoted
from registry.catalog.parameter_grid import MOST_MEMBERS, with_parameter, word
from registry.code.class_import import nearest

_KINDS = ("uniform", "log_uniform", "integers")
_ALSO_SAID = {"log": "log_uniform", "loguniform": "log_uniform", "int": "integers", "range": "integers"}
_ENDS = 2
_DIGITS = 4  #: of a drawn number, in the description


@dataclass(frozen=True, kw_only=True)
class RandomTrials:
    trials: int
    params: Mapping[str, Any]  #: a list of values, or a range, by name
    seed: int = 0


def members_drawn(candidate: Candidate, drawn: RandomTrials) -> tuple[Candidate, ...]:
    """`forest.trial-01` and so on. InvalidInputError says which range is none."""
    if not 1 <= drawn.trials <= MOST_MEMBERS:
        raise InvalidInputError(
            f"the random trials of {candidate.id} are {drawn.trials}: 1 to {MOST_MEMBERS:,} are allowed"
        )
    for name, values in drawn.params.items():
        check_range(f"the random trials of {candidate.id} draw {name}", values)
    chance = random.Random(drawn.seed)  # noqa: S311 - nothing secret is drawn
    width = len(str(drawn.trials))
    return tuple(_member(candidate, drawn, trial, chance, width) for trial in range(1, drawn.trials + 1))


def _member(
    candidate: Candidate, drawn: RandomTrials, trial: int, chance: random.Random, width: int
) -> Candidate:
    member, said = candidate, []
    for name, values in drawn.params.items():
        value = _draw(values, chance.random())
        member = with_parameter(member, name, value, what="random draw")
        said.append(f"{name}={value:.{_DIGITS}g}" if isinstance(value, float) else f"{name}={word(value)}")
    id_ = f"{candidate.id}.trial-{trial:0{max(2, width)}d}"
    return replace(member, id=id_, family=candidate.id, description=", ".join(said))


def _draw(values: Any, share: float) -> Any:
    if isinstance(values, Sequence):
        return values[int(share * len(values))]
    [(kind, (low, high))] = values.items()
    if kind == "integers":
        return low + int(share * (high - low + 1))
    if kind == "log_uniform":
        return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    return low + share * (high - low)


def check_range(what: str, values: Any) -> None:
    """InvalidInputError if it is neither a list of values nor a range. `what` begins the message."""
    place = f"{what} from {quoted(values)}"
    if isinstance(values, list | tuple):
        if not values:
            raise InvalidInputError(f"{place}: give it values")
        return
    if not (isinstance(values, Mapping) and len(values) == 1):
        raise InvalidInputError(f"{place}: write a list of values, or a range such as {{uniform: [0, 1]}}")
    [(kind, ends)] = values.items()
    if kind not in _KINDS:
        raise InvalidInputError(f"{place}, which is no kind of range: {which_kind(str(kind))}")
    are_numbers = isinstance(ends, list | tuple) and all(
        isinstance(end, int | float) and not isinstance(end, bool) for end in ends
    )
    if not (are_numbers and len(ends) == _ENDS and ends[0] < ends[1]):
        raise InvalidInputError(f"{place}: write two numbers, the lower one first")
    if kind == "integers" and not all(isinstance(end, int) for end in ends):
        raise InvalidInputError(f"{place}: whole numbers lie between whole numbers")
    if kind == "log_uniform" and ends[0] <= 0:
        raise InvalidInputError(f"{place}: both ends are above 0")


def is_kind(word: str) -> bool:
    return word in _KINDS


def which_kind(word: str) -> str:
    """The cure of a word that names no kind of range."""
    if meant := _ALSO_SAID.get(word.lower()):
        return f"did you mean '{meant}'?"
    return nearest(word, _KINDS) or f"there are {', '.join(_KINDS)}"


def with_tuning(candidate: Candidate, tuning: Tuning) -> Candidate:
    """The candidate with its search. InvalidInputError says which parameter or range is none."""
    if not tuning.params:
        raise InvalidInputError(f"the search of {candidate.id} has no params: name one, and its values")
    for name, values in tuning.params.items():
        check_range(f"the search of {candidate.id} takes {name}", values)
        with_parameter(candidate, name, None, what="search")  # refuses a step that is not there
    return replace(candidate, tune=tuning)


def with_parameters(candidate: Candidate, params: Mapping[str, Any]) -> Candidate:
    """The candidate with these values, and nothing left to search."""
    for name, value in params.items():
        candidate = with_parameter(candidate, name, value, what="search")
    return replace(candidate, tune=None)


def with_first_values(candidate: Candidate) -> Candidate:
    """The candidate as one of its trials might make it: a constructor may need what only the search gives.

    Parameters that are given stay, but for those of steps; and nothing is left to search.
    """
    if candidate.tune is None:
        return candidate
    missing = {
        name: _first(values) for name, values in candidate.tune.params.items() if name not in candidate.params
    }
    return with_parameters(candidate, missing)


def _first(values: Any) -> Any:
    if isinstance(values, Mapping):
        [(low, _)] = values.values()
        return low
    return values[0]
