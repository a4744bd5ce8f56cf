"""Using saved models: predictor, files, scores of items, ensemble. Names are imported on first use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bakeoff.inference.ensemble_service import EnsembleService
    from bakeoff.inference.item_scores_from_model import score
    from bakeoff.inference.predictor import ModelPredictor

__all__ = ["EnsembleService", "ModelPredictor", "score"]

_MODULES = {
    "EnsembleService": "bakeoff.inference.ensemble_service",
    "ModelPredictor": "bakeoff.inference.predictor",
    "score": "bakeoff.inference.item_scores_from_model",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
