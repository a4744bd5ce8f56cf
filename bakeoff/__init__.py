"""Distributed bake-offs for machine-learning models. The names are imported when they are used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bakeoff.inference import EnsembleService, ModelPredictor

__all__ = ["EnsembleService", "ModelPredictor"]

_HOMES = {"EnsembleService": "bakeoff.inference", "ModelPredictor": "bakeoff.inference"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
