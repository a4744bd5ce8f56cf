"""Metrics of a shop."""

import numpy as np

NUMBER = 7


def profit(y_true, y_pred):
    """Ten for each row that is right, minus one for each that is not."""
    right = np.asarray(y_true) == np.asarray(y_pred)
    return 10 * right.sum() - (~right).sum()


def sureness(y_true, y_pred):
    """The mean probability of the true class."""
    return y_pred[np.arange(len(y_true)), y_true].mean()


sureness.needs = "probabilities"
sureness.target_kinds = ("binary", "multiclass")


def gap(y_true, y_pred):
    """The largest distance."""
    return np.abs(y_true - y_pred).max()


gap.greater_is_better = False
gap.target_kinds = ("regression",)


def demanding(y_true, y_pred):
    return 0.0


demanding.needs = "everything"
