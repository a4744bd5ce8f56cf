"""Builds a model from a candidate: imports its class, constructs it, and sets the seed.

That runs untrusted code, so it belongs in a cell; this module imports only what every cell has loaded.

A parameter may be more than YAML and JSON can say:

    {class: "sklearn.tree:DecisionTreeClassifier", params: {max_depth: 2}}   an object of this class
    {object: "numpy:log1p"}                                                  what a module calls by this name
    {pairs: [[0, 1.0], [1, 5.0]]}                                            a dict whose keys are not text
    {tuple: [1, 2]}                                                          a tuple
    {array: [0.1, 1.0]}                                                      an array of numpy

A list stays a list, unless the signature of the constructor asks for a tuple: by its default, or by its
annotation.
"""

import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.domain.candidate import Candidate, PipelineStep
from bakeoff.domain.runs.job import Phase
from registry.code.class_import import (
    LoadError,
    describe_exception,
    find_class,
    find_object,
    nearest,
    plugin_errors,
)

__all__ = ["LoadError", "build", "is_class_mapping", "is_object_mapping", "require_predict"]

#: The methods that a candidate must have, with the cure when one is missing.
_CONTRACT = {
    "fit": "add `def fit(self, X, y)`, which learns from the training rows",
    "predict": "add `def predict(self, X)`, which returns one value for each row",
    "generate_signals": "add `def generate_signals(self, symbols, as_of)`, which returns ModelOutputs",
    "explain": "add `def explain(self, symbol)`, which returns a mapping, with `feature_importance`",
}

#: A parameter of a signal model that the host keeps for itself: the version of its saved models.
ARTEFACT_VERSION = "artefact_version"


def build(
    candidate: Candidate,
    *,
    root: Path,
    seed: int | None,
    entering: Callable[[Phase], None] = lambda _: None,
) -> Any:
    """Builds the model. `entering` is called with each phase, before plugin code runs in it.

    Every `random_state` that the parameters do not give, or give as null, is set to the seed.
    """
    builder = _Builder(root, seed, entering)
    if candidate.steps:
        return builder.pipeline(candidate.steps)
    if candidate.path is None:
        raise LoadError(Phase.IMPORT, f"{candidate.id} names no class", "give it a path, or steps")
    model = builder.make(candidate.path, candidate.params)
    _require_methods(model, candidate.path, ("fit", "predict"))
    _seed_inner_estimators(model, seed)
    return model


@dataclass(frozen=True, kw_only=True)
class SignalClass:
    """The class of a signal model, checked as far as that is possible without data."""

    path: str
    cls: type[Any]
    params: Mapping[str, Any]
    artefacts: tuple[str, ...]  #: names in the registry of trained models

    def construct(self, data: Mapping[str, Any], artefacts: Mapping[str, Any]) -> Any:
        with plugin_errors(Phase.CONSTRUCT, self.path):
            return self.cls(data, artefacts, **self.params)


def find_signal_class(
    candidate: Candidate, *, root: Path, entering: Callable[[Phase], None] = lambda _: None
) -> SignalClass:
    """Finds and checks the class. `entering` is called with each phase, before plugin code runs in it."""
    path = candidate.path or ""
    builder = _Builder(root, None, entering)
    entering(Phase.IMPORT)
    cls = find_class(path, root=root)
    given = {
        name: builder.value(value) for name, value in candidate.params.items() if name != ARTEFACT_VERSION
    }
    entering(Phase.CONSTRUCT)
    _refuse_abstract(cls, path)
    _require_methods(cls, path, ("generate_signals", "explain"))
    declared = _parameters_of(cls)
    if declared is not None:
        own = _parameters_after_data_and_artefacts(declared, path)
        given = _as_declared(given, own)
        _check_parameters(path, given, own)
    return SignalClass(path=path, cls=cls, params=given, artefacts=_artefacts_of(cls, path))


def is_class_mapping(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) in ({"class"}, {"class", "params"})
        and isinstance(value["class"], str)
        and isinstance(value.get("params", {}), Mapping)
    )


def is_object_mapping(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"object"} and isinstance(value["object"], str)


@dataclass(frozen=True)
class _Builder:
    root: Path
    seed: int | None
    entering: Callable[[Phase], None]

    def pipeline(self, steps: tuple[PipelineStep, ...]) -> Any:
        parts = [self.make(step.path, step.params) for step in steps]
        samplers = [hasattr(part, "fit_resample") for part in parts[:-1]]
        for step, part, samples in zip(steps[:-1], parts[:-1], samplers, strict=True):
            if not samples:
                _require_methods(part, step.path, ("fit", "transform"))
        _require_methods(parts[-1], steps[-1].path, ("fit", "predict"))
        if any(samplers):  # they change which rows there are, for which scikit-learn's pipeline has no place
            model = _pipeline_of_imblearn(parts)
        else:
            from sklearn.pipeline import make_pipeline

            model = make_pipeline(*parts)
        _seed_inner_estimators(model, self.seed)
        return model

    def make(self, path: str, params: Mapping[str, Any]) -> Any:
        self.entering(Phase.IMPORT)
        cls = find_class(path, root=self.root)
        given = {name: self.value(value) for name, value in params.items()}
        self.entering(Phase.CONSTRUCT)
        declared = _parameters_of(cls)
        nested = _of_inner_estimators(given, cls, declared)
        given = {name: value for name, value in given.items() if name not in nested}
        if declared is not None:
            given = _as_declared(given, declared)
            if self.seed is not None and "random_state" in declared and hasattr(cls, "fit"):
                given.setdefault("random_state", self.seed)
            _check_parameters(path, given, declared)
        _refuse_abstract(cls, path)
        with plugin_errors(Phase.CONSTRUCT, path):
            model = cls(**given)
            if nested:
                model.set_params(**nested)
            return model

    def value(self, value: Any) -> Any:
        if is_class_mapping(value):
            return self.make(value["class"], value.get("params", {}))
        if is_object_mapping(value):
            return find_object(value["object"], root=self.root)
        if isinstance(value, Mapping):
            return self.mapping(value)
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value

    def mapping(self, value: Mapping[str, Any]) -> Any:
        match dict(value):
            case {"pairs": pairs, **others} if not others:
                return {self.key(key): self.value(item) for key, item in pairs}
            case {"tuple": items, **others} if not others:
                return tuple(self.value(item) for item in items)
            case {"array": numbers, **others} if not others:
                return _array(numbers)
        return {key: self.value(item) for key, item in value.items()}

    def key(self, value: Any) -> Any:
        """A key of a dict, which cannot be a list or a dict."""
        return self.value(value) if isinstance(value, Mapping) else value


def _array(values: Any) -> Any:
    import numpy as np

    return np.asarray(values)


def _of_inner_estimators(
    given: Mapping[str, Any], cls: type[Any], declared: Mapping[str, inspect.Parameter] | None
) -> dict[str, Any]:
    """The parameters that are written `step__parameter`: `set_params` takes them, and no constructor does."""
    if not hasattr(cls, "set_params"):
        return {}
    own = declared or {}
    return {name: value for name, value in given.items() if "__" in name and name not in own}


def _parameters_of(cls: type[Any]) -> Mapping[str, inspect.Parameter] | None:
    """The parameters of a class; None if Python cannot tell them, as for some classes written in C."""
    try:
        return inspect.signature(cls).parameters
    except (TypeError, ValueError):
        return None


def parameters_if_loaded(path: str) -> list[str] | None:
    """The names that the class takes, if this process has loaded it, as a notebook has. Nothing is imported.

    None where that is unknown, or where it takes any name.
    """
    module, _, name = path.partition(":")
    cls = getattr(sys.modules.get(module), name, None)
    declared = _parameters_of(cls) if inspect.isclass(cls) else None
    return None if declared is None or _takes_any(declared) else list(_by_name(declared))


def _by_name(declared: Mapping[str, inspect.Parameter]) -> dict[str, inspect.Parameter]:
    return {n: p for n, p in declared.items() if p.kind in {p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY}}


def _takes_any(declared: Mapping[str, inspect.Parameter]) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in declared.values())


def _as_declared(given: Mapping[str, Any], declared: Mapping[str, inspect.Parameter]) -> dict[str, Any]:
    return {
        name: tuple(value)
        if isinstance(value, list) and name in declared and _asks_for_tuple(declared[name])
        else value
        for name, value in given.items()
    }


def _asks_for_tuple(parameter: inspect.Parameter) -> bool:
    """Whether its default is a tuple, or its annotation names a tuple and no type that accepts a list.

    The annotation is read as text, because evaluating one that is text would run code of the plugin.
    """
    if isinstance(parameter.default, tuple):
        return True
    if parameter.annotation is parameter.empty:
        return False
    annotation = parameter.annotation
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return _TUPLE.search(text) is not None and _TAKES_A_LIST.search(text) is None


_TUPLE = re.compile(r"\b[Tt]uple\b")
_TAKES_A_LIST = re.compile(r"\b([Ll]ist|Sequence|Iterable|Collection|ArrayLike|ndarray|NDArray|Any)\b")


def _check_parameters(path: str, given: Mapping[str, Any], declared: Mapping[str, inspect.Parameter]) -> None:
    by_name = _by_name(declared)
    unknown = [name for name in given if name not in by_name and not _takes_any(declared)]
    if unknown:
        known = f"it takes {', '.join(by_name)}" if by_name else "it takes none"
        raise LoadError(
            Phase.CONSTRUCT, f"{path} has no parameter {unknown[0]!r}", nearest(unknown[0], by_name) or known
        )
    missing = [name for name, p in by_name.items() if p.default is p.empty and name not in given]
    if missing:
        raise LoadError(
            Phase.CONSTRUCT, f"{path} needs the parameter {missing[0]!r}", "give it under `params`"
        )


def _parameters_after_data_and_artefacts(
    declared: Mapping[str, inspect.Parameter], path: str
) -> dict[str, inspect.Parameter]:
    """The parameters that a catalog entry may give: those after `data` and `artefacts`."""
    takes_any = any(p.kind is p.VAR_POSITIONAL for p in declared.values())
    in_order = [n for n, p in declared.items() if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    if len(in_order) < len(_GIVEN_FIRST) and not takes_any:
        raise LoadError(
            Phase.CONSTRUCT,
            f"the constructor of {path} does not take data and artefacts",
            "begin it with `def __init__(self, data, artefacts)`, and put those of the catalog behind them",
        )
    taken = in_order[: len(_GIVEN_FIRST)]
    return {name: parameter for name, parameter in declared.items() if name not in taken}


_GIVEN_FIRST = ("data", "artefacts")


def _artefacts_of(cls: type[Any], path: str) -> tuple[str, ...]:
    with plugin_errors(Phase.CONSTRUCT, path):
        named = getattr(cls, "artefacts", ())
    if isinstance(named, tuple) and all(isinstance(name, str) for name in named):
        return named
    raise LoadError(
        Phase.CONSTRUCT,
        f"the `artefacts` of {path} is of type {type(named).__name__}, not a tuple of texts",
        'name saved models, `artefacts = ("momentum",)`, or leave it out',
    )


def _refuse_abstract(cls: type[Any], path: str) -> None:
    missing = sorted(getattr(cls, "__abstractmethods__", ()))
    if missing:
        raise LoadError(
            Phase.CONSTRUCT,
            f"{path} has no method `{missing[0]}`",
            _CONTRACT.get(missing[0], f"add it; {', '.join(missing)} must be there"),
        )


def require_predict(model: Any, candidate: Candidate) -> None:
    """After the fit: a class may have `predict` and its object not, as scikit-learn's meta-estimators do."""
    path = candidate.path or candidate.steps[-1].path
    try:
        missing = None if callable(model.predict) else "it is not callable"
    except AttributeError as exc:
        missing = describe_exception(exc.__cause__ or exc)
    if missing is not None:
        raise LoadError(
            Phase.FIT,
            f"{path} has no method `predict` after its fit ({missing})",
            "give it parameters with which it predicts: its inner estimator must have `predict`, too",
        )


def _pipeline_of_imblearn(parts: Sequence[Any]) -> Any:
    try:
        from imblearn.pipeline import make_pipeline
    except ModuleNotFoundError as exc:
        raise LoadError(
            Phase.CONSTRUCT,
            "steps have a sampler, which only the pipeline of imbalanced-learn can run",
            "install imbalanced-learn",
        ) from exc
    return make_pipeline(*parts)


def _require_methods(model: Any, path: str, methods: tuple[str, ...]) -> None:
    """Looks at the object, else at its class: some methods appear when the object is fitted."""
    for name in methods:
        with plugin_errors(Phase.CONSTRUCT, path):
            method = getattr(model, name, None)
        if method is None and inspect.getattr_static(type(model), name, None) is not None:
            continue  # `require_predict` looks again after the fit
        if method is None:
            cure = _CONTRACT.get(name, "every step but the last must be a transformer")
            raise LoadError(Phase.CONSTRUCT, f"{path} has no method `{name}`", cure)
        if not callable(method):
            raise LoadError(
                Phase.CONSTRUCT,
                f"the `{name}` of {path} is of type {type(method).__name__}, not a method",
                f"rename it, and give the class a method `{name}`",
            )


def _seed_inner_estimators(model: Any, seed: int | None) -> None:
    """Seeds estimators that the model made itself, and those whose parameter is null."""
    if seed is None or not (hasattr(model, "get_params") and hasattr(model, "set_params")):
        return
    try:
        open_ones = [
            name
            for name, value in model.get_params(deep=True).items()
            if value is None and name.rpartition("__")[2] == "random_state"
        ]
        model.set_params(**dict.fromkeys(open_ones, seed))
    except Exception:  # noqa: BLE001 - plugin code runs; get_params is no obligation, so a broken one is no fault
        return
