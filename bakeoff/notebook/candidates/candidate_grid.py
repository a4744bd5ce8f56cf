"""`bakeoff.grid`: one estimator with many settings, each of them a candidate of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import listed, nearest, quoted


@dataclass(frozen=True, kw_only=True)
class GridMember:
    """One combination: an estimator that has a family, with which the leaderboard shows it."""

    estimator: Any
    family: str


def grid(estimator: Any, name: str | None = None, /, **values: Sequence[Any]) -> dict[str, GridMember]:
    """The estimator once for each combination of the values, in a dict, named by what differs.

    The verdict counts every one of them: the best of many is not taken at its face value.

    >>> from sklearn.tree import DecisionTreeClassifier
    >>> list(bakeoff.grid(DecisionTreeClassifier(), "tree", max_depth=[2, None]))
    ['tree.max_depth-2', 'tree.max_depth-none']

    Args:
        estimator: is cloned for each combination.
        name: how the names begin; None: like its class.
        values: lists of values by parameter, those of inner estimators as `step__parameter`.

    Raises:
        InvalidInputError: the estimator has no such parameter, or no value is given.
    """
    from sklearn.base import clone

    from registry.catalog.parameter_grid import member_id

    if not hasattr(estimator, "get_params"):
        raise InvalidInputError(
            f"{quoted(estimator)} has no get_params, by which parameters are set: derive its class from "
            "sklearn.base.BaseEstimator, or give a dict of objects"
        )
    family = name or type(estimator).__name__
    _check(family, values, estimator.get_params(deep=True))
    varying = [key for key, several in values.items() if len(several) > 1]
    found: dict[str, GridMember] = {}
    for combination in product(*values.values()):
        chosen = dict(zip(values, combination, strict=True))
        title = member_id(family, {key: chosen[key] for key in varying})
        if title in found:
            raise InvalidInputError(
                f"two combinations would be called {title}: give a dict with your own names"
            )
        found[title] = GridMember(estimator=clone(estimator).set_params(**chosen), family=family)
    return found


def _check(family: str, values: Mapping[str, Sequence[Any]], known: Mapping[str, Any]) -> None:
    from registry.catalog.parameter_grid import MOST_MEMBERS

    size = 1
    for key, several in values.items():
        if key not in known:
            cure = nearest(key, known) or f"; there are {listed(sorted(known))}"
            raise InvalidInputError(f"{family} has no parameter {key!r}{cure}")
        if isinstance(several, str) or not isinstance(several, Sequence) or not several:
            raise InvalidInputError(f"{key} is {quoted(several)}: give a list of values")
        size *= len(several)
    if size > MOST_MEMBERS:
        raise InvalidInputError(f"these are {size:,} combinations: {MOST_MEMBERS:,} are the most")
