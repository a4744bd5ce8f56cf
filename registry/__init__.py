"""The contract of plugins and the catalog that names them; and the registry of trained models.

The names of the registry are imported when they are first used, so that importing a plugin loads no database.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from registry.models.local.local_registry import ModelRegistry
    from registry.models.mlflow.mlflow_registry import MLflowModelRegistry
    from registry.models.registry_interface import BaseModelRegistry

__all__ = ["BaseModelRegistry", "MLflowModelRegistry", "ModelRegistry"]

_PLACES = {
    "BaseModelRegistry": "registry.models.registry_interface",
    "MLflowModelRegistry": "registry.models.mlflow.mlflow_registry",
    "ModelRegistry": "registry.models.local.local_registry",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
