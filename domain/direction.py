"""Whether more or less of a metric is better, told by its name.

roc_auc, neg_log_loss      scorers of scikit-learn carry their sign: more is always better
mae, log_loss, max_error   errors and losses are better when they are less
package.module:function    somebody's own may say so itself
"""

import logging

from domain import custom_metric
from domain.errors import InvalidInputError

log = logging.getLogger(__name__)

#: Less is better, though they do not end in error or loss. Mostly stored by others.
_COSTS = frozenset({"mae", "rmse", "mse", "mape", "smape", "msle", "rmsle", "deviance"})


def greater_is_better(metric: str) -> bool:
    """A custom function may say so itself; otherwise errors and losses are better when they are less."""
    if custom_metric.is_custom(metric):
        said = _said_by_function(metric)
        return _told_by_name(metric) if said is None else said
    return _told_by_name(metric)


def _told_by_name(metric: str) -> bool:
    """`val_rmse` and `RMSE` are what `rmse` is."""
    name = metric.lower()
    if name.startswith("neg_"):
        return True
    return name.rpartition("_")[2] not in _COSTS and not name.endswith(("error", "loss"))


def _said_by_function(metric: str) -> bool | None:
    try:
        said = getattr(custom_metric.load(metric), "greater_is_better", None)
    except InvalidInputError as exc:
        log.warning("direction told by name alone: %s", exc, extra={"metric": metric})
        return None
    return None if said is None else bool(said)
