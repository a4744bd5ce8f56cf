"""`bakeoff.grid`: one estimator with many settings, each of them a candidate of its own."""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import listed, nearest, quoted

_MOST = 500
_LONGEST = 100  #: of the name of a candidate


def grid(estimator: Any, name: str | None = None, /, **values: Sequence[Any]) -> dict[str, Any]:
    """The estimator once for each combination of the values, in a dict, named by what differs.

    The verdict counts every one of them: the best of many is not taken at its face value.

    >>> from sklearn.tree import DecisionTreeClassifier
    >>> list(bakeoff.grid(DecisionTreeClassifier(), "tree", max_depth=[2, 4], criterion=["gini", "entropy"]))
    ['tree-2-gini', 'tree-2-entropy', 'tree-4-gini', 'tree-4-entropy']

    Args:
        estimator: is cloned for each combination.
        name: how the names begin; None: like its class.
        values: lists of values by parameter, those of inner estimators as `step__parameter`.

    Raises:
        InvalidInputError: the estimator has no such parameter, or no value is given.
    """
    from sklearn.base import clone

    if not hasattr(estimator, "get_params"):
        raise InvalidInputError(
            f"{quoted(estimator)} has no get_params, by which parameters are set: derive its class from "
            "sklearn.base.BaseEstimator, or give a dict of objects"
        )
    _check(values, estimator.get_params(deep=True))
    begins = name or type(estimator).__name__
    varying = [key for key, several in values.items() if len(several) > 1]
    found: dict[str, Any] = {}
    for combination in product(*values.values()):
        chosen = dict(zip(values, combination, strict=True))
        title = _title(begins, [chosen[key] for key in varying], taken=found)
        found[title] = clone(estimator).set_params(**chosen)
    return found


def _check(values: Mapping[str, Sequence[Any]], known: Mapping[str, Any]) -> None:
    size = 1
    for key, several in values.items():
        if key not in known:
            cure = nearest(key, known) or f"; there are {listed(sorted(known))}"
            raise InvalidInputError(f"the estimator has no parameter {key!r}{cure}")
        if isinstance(several, str) or not isinstance(several, Sequence) or not several:
            raise InvalidInputError(f"{key} is {quoted(several)}: give a list of values")
        size *= len(several)
    if size > _MOST:
        raise InvalidInputError(f"these are {size:,} combinations, and {_MOST} are the most: leave some out")


def _title(begins: str, values: Sequence[Any], *, taken: Mapping[str, Any]) -> str:
    words = [_word(value) for value in values]
    title = "-".join([begins, *words])
    if len(title) <= _LONGEST and all(words) and title not in taken:
        return title
    return f"{begins[:80]}-{len(taken) + 1}"


def _word(value: Any) -> str:
    """As a part of a name: short values as they are, objects by their class."""
    plain = value is None or isinstance(value, (str, int, float, tuple))
    return re.sub(r"[^A-Za-z0-9.]+", "_", str(value) if plain else type(value).__name__).strip("_.")[:30]
