"""A classifier that learns codes instead of labels, and answers labels.

It is a part of the saved model, so that whatever loads the model gets labels from it. Saved models name this
module and the class: once released, neither is renamed. This module imports scikit-learn, so it is imported
only where a model needs it.
"""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if

from registry.columns.classes_from_predictions import plain_labels


def _has(method: str) -> Callable[["CodedClassifier"], bool]:
    return lambda coded: hasattr(coded.classifier, method)


class CodedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Fits a classifier, as it is and not a clone, on the codes 0, 1, 2, ... of the sorted labels."""

    def __init__(self, classifier: Any) -> None:
        self.classifier = classifier

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        self.classes_, codes = np.unique(plain_labels(y), return_inverse=True)
        self.classifier.fit(X, codes, **({} if sample_weight is None else {"sample_weight": sample_weight}))
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.classifier, name):
                setattr(self, name, getattr(self.classifier, name))
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        codes = np.asarray(self.classifier.predict(X))
        labels: NDArray[Any] = self.classes_[codes.astype(np.intp).reshape(len(codes))]
        return labels

    @available_if(_has("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        return self.classifier.predict_proba(X)

    @available_if(_has("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Any:
        return self.classifier.decision_function(X)
