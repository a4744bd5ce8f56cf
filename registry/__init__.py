"""The contract of plugins and the catalog that names them; and the registry of trained models.

The names of the registry are imported when they are used, so that a plugin's import loads no database.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from registry.backend import BaseModelRegistry
    from registry.local import ModelRegistry
    from registry.on_mlflow.registry import MLflowModelRegistry

__all__ = ["BaseModelRegistry", "MLflowModelRegistry", "ModelRegistry"]

_PLACES = {
    "BaseModelRegistry": "registry.backend",
    "MLflowModelRegistry": "registry.on_mlflow.registry",
    "ModelRegistry": "registry.local",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
