"""The names of metrics: which there are, which fit a kind of target, and whether more is better.

f1, rmse, ...              built in, computed with numpy alone
roc_auc, neg_log_loss      any scorer of scikit-learn, with its sign: more is always better
package.module:function    somebody's own, called as function(y_true, y_pred)
"""

import difflib
import logging
from collections.abc import Iterable

from domain.dataset import TargetKind
from domain.errors import InvalidInputError
from domain.scoring import CLASSIFICATION_METRICS, REGRESSION_METRICS
from evaluation.metrics import custom

log = logging.getLogger(__name__)

CLASSIFICATION = (*CLASSIFICATION_METRICS, "balanced_accuracy")
REGRESSION = REGRESSION_METRICS

#: Less is better, though their names do not end in error or loss. The last two are only stored by others.
_COSTS = frozenset({"mae", "rmse", "mse", "mape"})


def built_in(target_kind: TargetKind) -> tuple[str, ...]:
    return REGRESSION if target_kind is TargetKind.REGRESSION else CLASSIFICATION


def check(names: Iterable[str], target_kind: TargetKind) -> None:
    for name in names:
        if custom.is_custom(name):
            custom.load(name)
        elif name not in built_in(target_kind):
            _check_foreign(name, target_kind)


def may_need_probabilities(names: Iterable[str], target_kind: TargetKind) -> bool:
    """Scorers of scikit-learn may; our own and those of users look at answers alone."""
    return any(name not in built_in(target_kind) and not custom.is_custom(name) for name in names)


def greater_is_better(metric: str) -> bool:
    """A custom function may say so itself; otherwise errors and losses are better when they are less."""
    if custom.is_custom(metric):
        said = _said_by_function(metric)
        return _told_by_name(metric) if said is None else said
    return _told_by_name(metric)


def _told_by_name(metric: str) -> bool:
    if metric.startswith("neg_"):
        return True
    return metric not in _COSTS and not metric.endswith(("error", "loss"))


def _said_by_function(metric: str) -> bool | None:
    try:
        said = getattr(custom.load(metric), "greater_is_better", None)
    except InvalidInputError as exc:
        log.warning("direction told by name alone: %s", exc, extra={"metric": metric})
        return None
    return None if said is None else bool(said)


def _check_foreign(name: str, target_kind: TargetKind) -> None:
    from evaluation.metrics import scorers

    if name not in {*CLASSIFICATION, *REGRESSION, *scorers.names()}:
        raise InvalidInputError(
            f"unknown metric {name!r}{_nearest(name, scorers.names())}; expected a built-in metric "
            f"({', '.join(built_in(target_kind))}), a scorer of scikit-learn, or package.module:function"
        )
    if name in {*CLASSIFICATION, *REGRESSION} or not scorers.fits(name, target_kind):
        raise InvalidInputError(
            f"metric {name!r} does not fit a {target_kind} target; these do: "
            f"{', '.join(_fitting(target_kind, scorers.names()))}"
        )


def _nearest(name: str, of_scikit_learn: Iterable[str]) -> str:
    known = list(dict.fromkeys([*CLASSIFICATION, *REGRESSION, *of_scikit_learn]))
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    return f": did you mean {', '.join(near)}?" if near else ""


def _fitting(target_kind: TargetKind, of_scikit_learn: Iterable[str]) -> list[str]:
    from evaluation.metrics import scorers

    fitting = [name for name in of_scikit_learn if scorers.fits(name, target_kind)]
    return list(dict.fromkeys([*built_in(target_kind), *fitting]))
