"""Converts values into what JSON can represent. Imported in cells, so it imports little."""

import math
from collections.abc import Mapping
from datetime import date
from typing import Any


def jsonable(value: Any) -> Any:
    """Tuples, sets and arrays become lists, numpy numbers become numbers, and anything else becomes text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): jsonable(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(inner) for inner in value]
    if isinstance(value, date):
        return value.isoformat()
    return jsonable(value.tolist()) if hasattr(value, "tolist") else str(value)
