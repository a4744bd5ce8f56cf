"""The built-in metrics of regression. They need numpy alone; both arrays are 1-d, of 64-bit floats."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def r2(true: Values, predicted: Values) -> float:
    """As scikit-learn's: NaN for one row; where the truth is constant, 1 if all are right, else 0."""
    if len(true) < 2:  # noqa: PLR2004 - a variance needs two rows
        return float("nan")
    unexplained = float(np.sum((true - predicted) ** 2))
    total = float(np.sum((true - true.mean()) ** 2))
    if total == 0:
        return 1.0 if unexplained == 0 else 0.0
    return 1 - unexplained / total


def mae(true: Values, predicted: Values) -> float:
    return float(np.abs(true - predicted).mean())


def rmse(true: Values, predicted: Values) -> float:
    return float(np.sqrt(((true - predicted) ** 2).mean()))


def residuals(true: Values, predicted: Values) -> dict[str, Any]:
    """Mean, spread and quantiles of true minus predicted."""
    errors = true - predicted
    quantiles = np.quantile(errors, _QUANTILES)
    return {
        "mean": float(errors.mean()),
        "std": float(errors.std()),
        "quantiles": {f"{share:g}": float(value) for share, value in zip(_QUANTILES, quantiles, strict=True)},
    }
