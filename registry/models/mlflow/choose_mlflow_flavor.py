"""The MLflow flavor of a model, which decides what loads it and in which files it is kept."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.models.mlflow.bakeoff_model import MODEL

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

SKLEARN, _PYTORCH, _CATBOOST = "sklearn", "pytorch", "catboost"

#: The flavor by the package of the class, or of its first base class from one of these packages.
_BY_PACKAGE = {
    "sklearn": SKLEARN,
    "lightgbm": "lightgbm",
    "xgboost": "xgboost",
    _CATBOOST: _CATBOOST,  # this flavor loads only its own classes, no derived ones
    "torch": _PYTORCH,
}
#: MLflow's own default for LightGBM needs skops, and its list of trusted types.
_OPTIONS = {"lightgbm": {"serialization_format": "pickle"}, _PYTORCH: {"serialization_format": "pickle"}}
_FILES = (MODEL, "model.lgb", "model.ubj", "model.cb", "data/model.pth")


def flavor_of(model: Any) -> str | None:
    """The flavor of a model; None if MLflow knows it only as a Python function."""
    packages = [base.__module__.partition(".")[0] for base in type(model).__mro__]
    found = next((_BY_PACKAGE[package] for package in packages if package in _BY_PACKAGE), None)
    return None if found == _CATBOOST and packages[0] != _CATBOOST else found


def needs_our_predict(model: Any) -> bool:
    """MLflow calls a PyTorch module itself and ignores a `predict` method of its own."""
    return flavor_of(model) == _PYTORCH and hasattr(model, "predict")


def is_a_pickle(flavor: str | None) -> bool:
    """Whether we pickle it ourselves. MLflow saves the others, in the formats of their libraries."""
    return flavor in {None, SKLEARN}


def save(
    flavor: str, model: Any, folder: Path, *, signature: "ModelSignature | None", requirements: Sequence[str]
) -> None:
    module = import_module(f"mlflow.{flavor}")
    named = {requirement.partition("==")[0] for requirement in requirements}
    needed = [own for own in module.get_default_pip_requirements() if own.partition("==")[0] not in named]
    module.save_model(
        model,
        str(folder),
        signature=signature,
        pip_requirements=[*requirements, *needed],
        **_OPTIONS.get(flavor, {}),
    )


def model_file(folder: Path) -> str:
    """The path, within the folder, of the file that is the model."""
    return next(name for name in _FILES if (folder / name).is_file())
