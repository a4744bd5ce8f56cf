"""A candidate that learns nothing. A candidate that is not better has learned nothing, either."""

from typing import TYPE_CHECKING, Any

import numpy as np

from registry.interface import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Baseline(Model):
    def fit(self, X: Any, y: Any) -> None:
        """Learns nothing."""

    def predict(self, X: Any) -> "NDArray[np.int64]":
        return np.zeros(len(X), dtype=np.int64)
