"""`bakeoff.tuned`: one estimator that searches its parameters itself, in its cell, on training rows alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.tuning import ChoosingRules, Sampler, Tuning
from bakeoff.domain.wording import listed, nearest, quoted
from registry.catalog.search_space import check_range, is_kind, which_kind

_ENDS = 2


@dataclass(frozen=True, kw_only=True)
class TunedEstimator:
    """A candidate that is fitted with the best parameters that its search finds."""

    estimator: Any
    tuning: Tuning


def tuned(
    estimator: Any,
    space: Mapping[str, Any],
    *,
    trials: int = 50,
    seconds: float | None = None,
    folds: int = 3,
    metric: str | None = None,
    sampler: Literal["tpe", "random"] = "tpe",
    prune: bool = True,
) -> TunedEstimator:
    """The estimator as a candidate that is tuned by Optuna (`pip install 'bakeoff[tune]'`).

    It is one candidate: its score is that of the whole recipe, search and fit. The search sees no test row.

    >>> from sklearn.tree import DecisionTreeClassifier
    >>> bakeoff.tuned(DecisionTreeClassifier(), {"max_depth": (1, 12)}, trials=20).tuning.trials
    20

    Args:
        estimator: what is fitted; parameters that the space does not name stay as they are.
        space: by parameter, those of inner estimators as `step__parameter`: a list of values; `(low, high)`,
            whole numbers or any between; `("log_uniform", low, high)`, or "log" for short; or a frozen
            `randint`, `uniform` or `loguniform` of scipy.stats.
        trials: how many are tried in each fit.
        seconds: for all of them; None: half of the time of the fit.
        folds: into which the training rows are divided.
        metric: what decides; None: the metric that ranks.
        sampler: "tpe" tries near what did well, "random" anywhere.
        prune: give up trials that do worse than the median.

    Raises:
        InvalidInputError: the estimator has no such parameter, or a range is none.
    """
    if not hasattr(estimator, "get_params") or isinstance(estimator, type):
        raise InvalidInputError(
            f"{quoted(estimator)} is no estimator with get_params, by which parameters are known: give an "
            "object, whose class is derived from sklearn.base.BaseEstimator"
        )
    title, known = type(estimator).__name__, estimator.get_params(deep=True)
    if not isinstance(space, Mapping) or not space:
        raise InvalidInputError(f"the space of {title} is {quoted(space)}: give {{parameter: values}}")
    params = {}
    for name, values in space.items():
        if name not in known:
            cure = nearest(str(name), known) or f"; there are {listed(sorted(known))}"
            raise InvalidInputError(f"{title} has no parameter {name!r}{cure}")
        params[name] = _range(values)
        check_range(f"the search of {title} takes {name}", params[name])
    if sampler not in list(Sampler):
        raise InvalidInputError(f"sampler is {quoted(sampler)}: give {' or '.join(Sampler)}")
    for what, number, least in (("trials", trials, 1), ("folds", folds, 2)):
        if type(number) is not int or number < least:
            raise InvalidInputError(f"{what} is {quoted(number)}: give a whole number, {least} at least")
    if seconds is not None and not (isinstance(seconds, Real) and seconds > 0):
        raise InvalidInputError(f"seconds is {quoted(seconds)}: give a number above 0")
    tuning = Tuning(
        params=params,
        trials=trials,
        seconds=seconds,
        folds=folds,
        sampler=Sampler(sampler),
        prune=prune,
        rules=ChoosingRules(metric=metric),
    )
    return TunedEstimator(estimator=estimator, tuning=tuning)


def _range(values: Any) -> Any:
    """As the catalog writes it. What is none is left to its check."""
    if hasattr(values, "dist"):
        return _frozen(values)
    if isinstance(values, str) or not isinstance(values, Sequence):
        return values
    if isinstance(values, tuple) and len(values) == _ENDS + 1 and _is_range(values):
        kind = "log_uniform" if values[0] == "log" else values[0]
        if not is_kind(kind):
            raise InvalidInputError(
                f"{quoted(values)} begins with {quoted(kind)}, which is no kind of range: {which_kind(kind)} "
                "Choices are a list"
            )
        return {kind: list(values[1:])}
    kinds = {type(value) for value in values}
    if isinstance(values, tuple) and len(values) == _ENDS and kinds <= {int, float}:
        return {"integers" if kinds == {int} else "uniform": list(values)}
    return list(values)


def _is_range(values: tuple[Any, ...]) -> bool:
    """Whether a word and two numbers are meant as a range, and not as three choices."""
    word, *ends = values
    return isinstance(word, str) and all(isinstance(end, Real) and not isinstance(end, bool) for end in ends)


def _frozen(distribution: Any) -> Any:
    """A frozen distribution of scipy.stats; the upper end of `randint` is not among its numbers."""
    name = distribution.dist.name
    if name not in {"randint", "uniform", "loguniform", "reciprocal"}:
        raise InvalidInputError(
            f"{name} of scipy.stats is no range: give randint, uniform or loguniform, or a list of values"
        )
    low, high = (float(end) for end in distribution.support())
    if name == "randint":
        return {"integers": [int(low), int(high)]}
    return {"uniform" if name == "uniform" else "log_uniform": [low, high]}
