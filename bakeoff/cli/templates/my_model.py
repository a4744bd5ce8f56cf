"""A candidate of your own: any class with fit and predict. Its parameters stand in config/models.yaml.

It derives from scikit-learn's BaseEstimator, so with `preprocess: auto`, the default, text, dates and missing
values have become numbers before its `fit`. A class that does not gets the DataFrame as it is.
"""

from typing import Any, Self

from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class MyModel(ClassifierMixin, BaseEstimator):
    def __init__(self, neighbours: int = 5) -> None:
        self.neighbours = neighbours

    def fit(self, X: Any, y: Any) -> Self:
        nearest = KNeighborsClassifier(n_neighbors=min(self.neighbours, len(X)))
        self.model_ = make_pipeline(StandardScaler(), nearest).fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X: Any) -> Any:
        return self.model_.predict(X)

    def predict_proba(self, X: Any) -> Any:
        return self.model_.predict_proba(X)
