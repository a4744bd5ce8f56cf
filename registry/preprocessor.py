"""The preprocessor that is saved beside a model, in the form that it is given back in."""

from collections.abc import Mapping
from typing import Any

from domain.errors import InvalidInputError

_KEYS = ("preprocessor", "model_name", "feature_names_in", "feature_names_out")


def preprocessor_artifact(given: Any, model_name: str) -> dict[str, Any] | None:
    """`given` is a transformer, or a mapping with `preprocessor` in it; what it leaves out is filled in."""
    if given is None:
        return None
    said = given if isinstance(given, Mapping) else {"preprocessor": given}
    unknown = sorted(set(said) - set(_KEYS))
    if unknown or said.get("preprocessor") is None:
        raise InvalidInputError(
            f"a preprocessor artifact is a transformer, or a dict with the keys {', '.join(_KEYS)}, of which "
            f"the first is needed; got {', '.join(map(str, said)) or 'an empty one'}"
        )
    transformer = said["preprocessor"]
    found = {
        "model_name": model_name,
        "feature_names_in": _names_in(transformer),
        "feature_names_out": _names_out(transformer),
    }
    return {**found, **{key: value for key, value in said.items() if value is not None}}


def _names_in(transformer: Any) -> list[str] | None:
    names = getattr(transformer, "feature_names_in_", None)
    return None if names is None else list(map(str, names))


def _names_out(transformer: Any) -> list[str] | None:
    """Many transformers cannot tell, and say so by raising whatever they like."""
    try:
        return list(map(str, transformer.get_feature_names_out()))
    except Exception:  # noqa: BLE001 - strangers' code answers
        return None
