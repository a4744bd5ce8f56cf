"""Masks what must not be printed: passwords and tokens in URLs."""

import re
from typing import Any

_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):([^/\s]*)@")
_IN_QUERY = re.compile(r"(?i)([?&](?:password|passwd|secret|token)=)[^&\s]*")


def masked(text: str) -> str:
    return _IN_QUERY.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))


def masked_within(value: Any) -> Any:
    """The value with every text in its mappings and lists masked."""
    if isinstance(value, dict):
        return {key: masked_within(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked_within(inner) for inner in value]
    return masked(value) if isinstance(value, str) else value
