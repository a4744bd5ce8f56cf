"""The catalog: the candidates of a project. Names are imported when they are first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from registry.catalog.live_catalog import Catalog, shared

__all__ = ["Catalog", "shared"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("registry.catalog.live_catalog"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
