"""What the voices of the signal models weigh, from what the catalog declares: absent means 1.0."""

from collections.abc import Iterable, Mapping
from math import inf

from bakeoff.domain.candidate import Candidate, CandidateKind
from bakeoff.domain.errors import InvalidInputError

_ABOUT_ONE = 0.01


def declared(candidates: Iterable[Candidate]) -> dict[str, float | None]:
    """Of the enabled signal models among them, by id."""
    return {c.id: c.weight for c in candidates if c.enabled and c.kind is CandidateKind.SIGNAL}


def check(given: Mapping[str, float | None]) -> str:
    """What is odd about them, or nothing; what cannot be used is an error."""
    for model_id, weight in given.items():
        if weight is not None and not _is_weight(weight):
            raise InvalidInputError(f"the weight of {model_id} is {weight!r}: write a number of at least 0")
    if given and not sum(_known(given).values()):
        raise InvalidInputError(
            f"the weights of {', '.join(given)} are all 0: give one of them a weight above 0, or disable them"
        )
    return _remark(given)


def normalised(given: Mapping[str, float | None]) -> dict[str, float]:
    """Those of all together are 1."""
    check(given)
    weights = _known(given)
    whole = sum(weights.values())
    return {model_id: weight / whole for model_id, weight in weights.items()}


def _is_weight(weight: object) -> bool:
    return isinstance(weight, int | float) and not isinstance(weight, bool) and 0 <= weight < inf


def _known(given: Mapping[str, float | None]) -> dict[str, float]:
    return {model_id: 1.0 if weight is None else weight for model_id, weight in given.items()}


def _remark(given: Mapping[str, float | None]) -> str:
    """Who declares none wants equal ones, and knows that they are normalised."""
    whole = sum(_known(given).values())
    if set(given.values()) <= {None} or abs(whole - 1) <= _ABOUT_ONE:
        return ""
    return f"the weights of {', '.join(given)} add up to {whole:g}, not to 1: they are normalised"
