"""The shortest correct candidate: it predicts the label that is most frequent in training."""

from typing import Any

import numpy as np


class Stub:
    def fit(self, X: Any, y: Any) -> None:
        labels, counts = np.unique(y, return_counts=True)
        self.answer = labels[counts.argmax()]

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.answer)
