"""A candidate of your own: any class with fit and predict. Its parameters stand in config/models.yaml."""

from typing import Any

from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class MyModel:
    def __init__(self, neighbours: int = 5) -> None:
        self.model = make_pipeline(StandardScaler(), KNeighborsClassifier(n_neighbors=neighbours))

    def fit(self, X: Any, y: Any) -> None:
        self.model.fit(X, y)

    def predict(self, X: Any) -> Any:
        return self.model.predict(X)
