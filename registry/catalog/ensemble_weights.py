"""The weights of the signal models in the ensemble, from what the catalog declares; absent means 1.0."""

from collections.abc import Iterable, Mapping
from math import inf

from bakeoff.domain.candidate import Candidate, CandidateKind
from bakeoff.domain.errors import InvalidInputError

_ABOUT_ONE = 0.01


def declared_weights(candidates: Iterable[Candidate]) -> dict[str, float | None]:
    """The weights of the enabled signal models among the candidates, by id."""
    return {c.id: c.weight for c in candidates if c.enabled and c.kind is CandidateKind.SIGNAL}


def check(given: Mapping[str, float | None]) -> str:
    """A remark, or an empty text. InvalidInputError for weights that cannot be used."""
    for model_id, weight in given.items():
        if weight is not None and not _is_weight(weight):
            raise InvalidInputError(f"the weight of {model_id} is {weight!r}: write a number of at least 0")
    if given and not sum(_with_defaults(given).values()):
        raise InvalidInputError(
            f"the weights of {', '.join(given)} are all 0: give one of them a weight above 0, or disable them"
        )
    return _remark(given)


def normalised(given: Mapping[str, float | None]) -> dict[str, float]:
    """The weights divided by their sum."""
    check(given)
    weights = _with_defaults(given)
    total = sum(weights.values())
    return {model_id: weight / total for model_id, weight in weights.items()}


def _is_weight(weight: object) -> bool:
    return isinstance(weight, int | float) and not isinstance(weight, bool) and 0 <= weight < inf


def _with_defaults(given: Mapping[str, float | None]) -> dict[str, float]:
    return {model_id: 1.0 if weight is None else weight for model_id, weight in given.items()}


def _remark(given: Mapping[str, float | None]) -> str:
    """A remark if the sum is not 1. If no weight is declared, all are meant to be equal: no remark."""
    total = sum(_with_defaults(given).values())
    if set(given.values()) <= {None} or abs(total - 1) <= _ABOUT_ONE:
        return ""
    return f"the weights of {', '.join(given)} add up to {total:g}, not to 1: they are normalised"
