"""What a saver says about a model besides its name, version and files; and its preprocessor artifact."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.model_version import NOWHERE, VersionOrigin, is_utf8
from registry.code.library_versions import libraries_of
from registry.columns.input_example import example_to_json
from registry.columns.json_values import jsonable
from registry.columns.signature import Signature, infer_signature


@dataclass(frozen=True, kw_only=True)
class Description:
    type: str
    metrics: Mapping[str, float | None] = field(default_factory=dict)  #: None for a number that is not finite
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    signature: Mapping[str, Any] | None = None  #: `registry.columns.signature`, as JSON
    input_example: Mapping[str, Any] | None = None  #: `registry.columns.input_example`, as JSON
    feature_names: tuple[str, ...] | None = None
    libraries: Mapping[str, str] = field(default_factory=dict)
    origin: VersionOrigin = NOWHERE


def describe(
    model: Any,
    *,
    model_type: str | None = None,
    metrics: Mapping[str, float | None] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    description: str | None = None,
    signature: Signature | Mapping[str, Any] | None = None,
    input_example: Any = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    feature_names: Sequence[str] | None = None,
    origin: VersionOrigin = NOWHERE,
) -> Description:
    """The description as JSON values. What the caller leaves out is inferred where possible."""
    known_signature = _signature_json(signature, input_example)
    return Description(
        type=type(model).__name__ if model_type is None else _text(model_type),
        metrics={_text(name): _metric(name, value) for name, value in (metrics or {}).items()},
        hyperparameters=jsonable(hyperparameters or {}),
        description=None if description is None else _text(description),
        tags={_text(key): _text(value) for key, value in (tags or {}).items()},
        metadata=jsonable(metadata or {}),
        signature=known_signature,
        input_example=None if input_example is None else example_to_json(input_example),
        feature_names=_feature_names(feature_names, model, known_signature),
        libraries=libraries_of(model),
        origin=origin,
    )


def _signature_json(given: Signature | Mapping[str, Any] | None, example: Any) -> Mapping[str, Any] | None:
    if isinstance(given, Signature):
        return _plain(given)
    if given is not None:
        return _checked(given)
    return None if example is None else _plain(infer_signature(example))


def _plain(signature: Signature) -> dict[str, Any]:
    """The value after writing it to JSON and reading it back, so that it equals what is loaded later."""
    plain: dict[str, Any] = json.loads(json.dumps(signature.to_json()))
    return plain


def _checked(signature: Any) -> Mapping[str, Any]:
    try:
        return _plain(Signature.from_json(signature))
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise InvalidInputError(
            f"a {type(signature).__name__} is no signature: "
            "expected what registry.columns.signature.infer_signature "
            f"returns, or its JSON ({type(exc).__name__}: {exc})"
        ) from exc


def _text(value: Any) -> str:
    text = str(value)
    if not is_utf8(text):
        raise InvalidInputError(f"{text!r} cannot be stored: it is no UTF-8")
    return text


def _metric(metric: str, value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, Real):
        raise InvalidInputError(f"metric {metric!r} is {value!r}: expected a number, or None")
    return float(value) if math.isfinite(value) else None


def _feature_names(
    given: Sequence[str] | None, model: Any, signature: Mapping[str, Any] | None
) -> tuple[str, ...] | None:
    """The given names, those of the signature, or those that scikit-learn sets when a model is fitted."""
    if given is not None:
        return tuple(map(str, given))
    if signature is not None:
        return tuple(column["name"] for column in signature["inputs"])
    fitted_on = getattr(model, "feature_names_in_", None)
    return None if fitted_on is None else tuple(map(str, fitted_on))


_KEYS = ("preprocessor", "model_name", "feature_names_in", "feature_names_out")


def preprocessor_artifact(given: Any, model_name: str) -> dict[str, Any] | None:
    """The dict that is saved. `given` is a transformer, or a mapping with the key `preprocessor`."""
    if given is None:
        return None
    parts = given if isinstance(given, Mapping) else {"preprocessor": given}
    unknown = sorted(set(parts) - set(_KEYS))
    if unknown or parts.get("preprocessor") is None:
        raise InvalidInputError(
            f"a preprocessor artifact is a transformer, or a dict with the keys {', '.join(_KEYS)}, of which "
            f"the first is needed; got {', '.join(map(str, parts)) or 'an empty one'}"
        )
    transformer = parts["preprocessor"]
    inferred = {
        "model_name": model_name,
        "feature_names_in": _names_in(transformer),
        "feature_names_out": _names_out(transformer),
    }
    return {**inferred, **{key: value for key, value in parts.items() if value is not None}}


def _names_in(transformer: Any) -> list[str] | None:
    names = getattr(transformer, "feature_names_in_", None)
    return None if names is None else list(map(str, names))


def _names_out(transformer: Any) -> list[str] | None:
    """The names of a transformer's output; None if it cannot tell, and raises an exception of any kind."""
    try:
        return list(map(str, transformer.get_feature_names_out()))
    except Exception:  # noqa: BLE001 - the transformer's code runs; without names the model still saves
        return None
