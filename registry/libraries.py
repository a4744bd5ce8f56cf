"""Under which versions of which libraries a model was fitted. A cell asks, too."""

import platform
import sys
from functools import cache
from importlib import metadata
from typing import Any

from registry.distribution import name_of

#: What decides whether a pickle loads, and means the same: noted when it is there.
_MODULES = ("numpy", "scipy", "pandas", "sklearn", "joblib", "lightgbm", "xgboost", "catboost", "torch")


def libraries_of(model: Any) -> dict[str, str]:
    """By distribution: Python's, that of the class, and those of the usual ones that are loaded."""
    loaded = [module for module in _MODULES if module in sys.modules]
    names = dict.fromkeys(name_of(module) for module in (*loaded, type(model).__module__))
    versions = {name: version for name in names if (version := _version(name))}
    return {"python": platform.python_version(), **versions}


@cache
def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
