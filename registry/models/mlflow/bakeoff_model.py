"""Loads what Bakeoff saved, wherever MLflow is installed: a copy of this file is saved with each model.

It is what MLflow calls a loader module, so it imports nothing of Bakeoff. The caller must have verified the
folder, or trust it: loading runs whatever code the files name.
"""

import importlib
from pathlib import Path
from typing import Any

import joblib

MODEL, PREPROCESSOR = "model.pkl", "preprocessor.pkl"
PYFUNC = "python_function"


def load_model(folder: Path) -> Any:
    """Loads the model by its flavor, or as a pickle of joblib or Python."""
    from mlflow.models import Model

    flavors = [flavor for flavor in Model.load(str(folder)).flavors if flavor != PYFUNC]
    if flavors:
        return importlib.import_module(f"mlflow.{flavors[0]}").load_model(str(folder))
    return joblib.load(folder / MODEL)


def load_preprocessor(folder: Path) -> Any:
    """A dict with the transformer as `preprocessor`; None where there is none."""
    file = folder / PREPROCESSOR
    return joblib.load(file) if file.is_file() else None


def _load_pyfunc(path: str) -> "Preprocessed":
    return Preprocessed(load_model(Path(path)), load_preprocessor(Path(path)))


class Preprocessed:
    """Predicts for `mlflow.pyfunc`: with the preprocessor, if there is one, and then with the model."""

    def __init__(self, model: Any, artifact: Any) -> None:
        self.model = model
        self.transformer = None if artifact is None else artifact["preprocessor"]

    def get_raw_model(self) -> Any:
        return self.model

    def predict(self, data: Any, params: Any = None) -> Any:  # noqa: ARG002 - MLflow gives it
        if self.transformer is not None:
            data = self.transformer.transform(data)
        return self.model.predict(data)
