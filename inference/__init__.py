"""Using the winners. The names are imported when they are used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inference.ensemble import EnsembleService
    from inference.predictor import ModelPredictor
    from inference.scoring import score

__all__ = ["EnsembleService", "ModelPredictor", "score"]

_PLACES = {
    "EnsembleService": "inference.ensemble",
    "ModelPredictor": "inference.predictor",
    "score": "inference.scoring",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
