"""Writes an estimator as data: the path of its class, and the parameters that it was made with.

    RandomForestClassifier(n_estimators=50)
    -> sklearn.ensemble:RandomForestClassifier, {n_estimators: 50}

The forms are those that `registry.code.model_building` builds objects from, in a cell. No object is pickled,
so what cannot be written is an error that names the parameter, its value and the cure.
"""

import inspect
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import quoted
from bakeoff.notebook.candidates.notebook_code_as_modules import lives_in_no_module

#: Where a class or a function of the notebook is written to; returns its path, `package.module:name`.
WriteCode = Callable[[Any], str]

_MOST_NUMBERS = 10_000
_DEEPEST = 20


@dataclass(frozen=True, kw_only=True)
class WrittenObject:
    path: str  #: `package.module:Class`
    params: Mapping[str, Any]  #: those that differ from the defaults of the class


class CannotBeWrittenError(InvalidInputError):
    """Something in an estimator cannot be written as data."""


def write_estimator(model: Any, write_code: WriteCode, *, name: str) -> WrittenObject:
    """`name`: of the candidate, for errors."""
    return _Writer(write_code).an_object(model, place=name)


def write_class(cls: type[Any], write_code: WriteCode) -> WrittenObject:
    return WrittenObject(path=_Writer(write_code).path_of(cls), params={})


def write_function(function: Any, write_code: WriteCode) -> str:
    """The path of a function, such as a metric."""
    if not hasattr(function, "__name__"):
        raise CannotBeWrittenError(
            f"{quoted(function)} has no name to be found by: write `def name(y_true, y_pred)` around what it "
            "calls, and give `name`"
        )
    return _Writer(write_code).named(function, "the function")


@dataclass(frozen=True)
class _Writer:
    write_code: WriteCode

    def an_object(self, model: Any, *, place: str, depth: int = 0) -> WrittenObject:
        if depth > _DEEPEST:
            raise CannotBeWrittenError(f"{place} contains itself: an estimator cannot be a part of itself")
        cls = type(model)
        params = _parameters_of(model, place)
        return WrittenObject(
            path=self.path_of(cls, place=place),
            params={
                name: self.value(value, place=f"{place}.{name}", depth=depth + 1)
                for name, value in params.items()
            },
        )

    def path_of(self, thing: Any, *, place: str = "") -> str:
        """The path of a class or function; one of the notebook is written to a file first."""
        if lives_in_no_module(thing):
            return self.write_code(thing)
        name = getattr(thing, "__qualname__", None) or thing.__name__
        if not name.isidentifier():
            raise CannotBeWrittenError(
                f"{place or name} is {name}, which no module has by this name: define it at the top level of "
                "a module, or of the notebook"
            )
        return f"{_public_module(thing, name, place)}:{name}"

    def value(self, value: Any, *, place: str, depth: int) -> Any:
        """The value in a form that JSON knows."""
        if depth > _DEEPEST:
            raise CannotBeWrittenError(f"{place} is nested more than {_DEEPEST} levels deep: make it flatter")
        if value is None or isinstance(value, (bool, int, str, float)):
            return _scalar(value, place)
        if isinstance(value, Mapping):
            return self._mapping(value, place, depth)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._sequence(value, place, depth)
        if _is_of_numpy(value):
            return self._of_numpy(value, place)
        return self._other(value, place, depth)

    def _other(self, value: Any, place: str, depth: int) -> Any:
        if inspect.isclass(value) or (callable(value) and hasattr(value, "__name__")):
            return {"object": self.named(value, place)}
        if isinstance(value, Path):
            return str(value)
        if hasattr(value, "get_params") or _takes_what_it_keeps(value):
            written = self.an_object(value, place=place, depth=depth)
            return {"class": written.path, "params": dict(written.params)}
        raise CannotBeWrittenError(
            f"{place} is {quoted(value)}, of type {type(value).__name__}, which cannot be written as class "
            "and parameters: give plain values, or make it in a class or function of the notebook"
        )

    def _mapping(self, value: Mapping[Any, Any], place: str, depth: int) -> dict[str, Any]:
        items = {
            key: self.value(item, place=f"{place}[{key!r}]", depth=depth + 1) for key, item in value.items()
        }
        reserved = set(items) in ({"class"}, {"class", "params"}, {"object"}, {"pairs"}, {"tuple"}, {"array"})
        if all(isinstance(key, str) for key in items) and not reserved:
            return items
        pairs = [[self.value(key, place=place, depth=depth + 1), item] for key, item in items.items()]
        return {"pairs": pairs}

    def _sequence(self, value: Any, place: str, depth: int) -> Any:
        items = [self.value(item, place=f"{place}[{at}]", depth=depth + 1) for at, item in enumerate(value)]
        if isinstance(value, tuple):
            return {"tuple": items}
        if isinstance(value, (set, frozenset)):
            return (
                {"class": f"builtins:{type(value).__name__}", "params": {}} if not items else _no_sets(place)
            )
        return items

    def _of_numpy(self, value: Any, place: str) -> Any:
        import numpy as np

        if isinstance(value, np.generic):
            return self.value(value.item(), place=place, depth=0)
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufU":
            if value.size > _MOST_NUMBERS:
                raise CannotBeWrittenError(
                    f"{place} is an array of {value.size:,} values, and a parameter has {_MOST_NUMBERS:,} at "
                    "most: make it in the constructor, or load it in `fit`"
                )
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise CannotBeWrittenError(
                    f"{place} is an array with NaN or infinity: give it finite numbers"
                )
            return {"array": value.tolist()}
        if isinstance(value, np.ufunc):
            return {"object": f"numpy:{value.__name__}"}
        if isinstance(value, (np.random.RandomState, np.random.Generator)):
            raise CannotBeWrittenError(
                f"{place} is a {type(value).__name__}, whose state is not written down: give an integer, or "
                "leave it out, and it is the seed of the run"
            )
        raise CannotBeWrittenError(
            f"{place} is {quoted(value)}, an array that is neither of numbers nor of texts: give a list"
        )

    def named(self, value: Any, place: str) -> str:
        if value.__name__ == "<lambda>":
            raise CannotBeWrittenError(
                f"{place} is a lambda, which has no name to be found by: write `def name(...)`, and pass it"
            )
        return self.path_of(value, place=place)


def _parameters_of(model: Any, place: str) -> dict[str, Any]:
    """The parameters that differ from the defaults."""
    cls = type(model)
    if hasattr(model, "get_params"):
        given = dict(model.get_params(deep=False))
        defaults = _default_parameters(cls)
        return {name: value for name, value in given.items() if not _same(value, defaults.get(name, _NO))}
    declared = _declared(cls)
    lost = [name for name in declared if not hasattr(model, name)]
    if lost:
        raise CannotBeWrittenError(
            f"{place} is a {cls.__name__} that does not keep its parameter {lost[0]!r}: set `self.{lost[0]}` "
            f"in its constructor, or derive it from sklearn.base.BaseEstimator, or give the class "
            f"`{cls.__name__}` itself"
        )
    return {
        name: getattr(model, name)
        for name, parameter in declared.items()
        if not _same(getattr(model, name), parameter.default)
    }


def _default_parameters(cls: type[Any]) -> dict[str, Any]:
    """What an object that is made without arguments has; else what the signature says."""
    try:
        return dict(cls().get_params(deep=False))
    except Exception:  # noqa: BLE001 - the constructor is the user's, and may need arguments
        return {name: one.default for name, one in _declared(cls).items()}


def _declared(cls: type[Any]) -> dict[str, inspect.Parameter]:
    try:
        declared = inspect.signature(cls).parameters
    except (TypeError, ValueError):
        return {}
    return {
        name: one
        for name, one in declared.items()
        if one.kind in {one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY}
    }


def _takes_what_it_keeps(value: Any) -> bool:
    """Whether its attributes have the names of its parameters, as those of scikit-learn's splitters."""
    constructor = type(value).__init__
    if isinstance(constructor, FunctionType):
        return all(hasattr(value, name) for name in _declared(type(value)))
    return constructor is object.__init__ and not getattr(value, "__dict__", True)


_NO = object()  #: equals nothing


def _same(value: Any, default: Any) -> bool:
    if value is default:
        return True
    if type(value) is not type(default):
        return False
    if isinstance(value, float) and math.isnan(value) and math.isnan(default):
        return True
    try:
        return bool(value == default)
    except Exception:  # noqa: BLE001 - such as arrays, which answer with arrays
        return False


def _scalar(value: Any, place: str) -> Any:
    """A plain value; of a subclass of int, str or float, such as an Enum, the plain value."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if math.isfinite(value):
        return float(value)
    if math.isnan(value):
        return {"object": "math:nan"}
    if value > 0:
        return {"object": "math:inf"}
    raise CannotBeWrittenError(f"{place} is -inf, which cannot be written: give a finite number")


def _no_sets(place: str) -> Any:
    raise CannotBeWrittenError(f"{place} is a set, which has no order: give a list or a tuple")


def _is_of_numpy(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return False
    kinds = (numpy.generic, numpy.ndarray, numpy.ufunc, numpy.random.RandomState, numpy.random.Generator)
    return isinstance(value, kinds)


def _public_module(thing: Any, name: str, place: str) -> str:
    """The shortest module above it that has it: `sklearn.ensemble`, not `sklearn.ensemble._forest`."""
    module = str(thing.__module__)
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        above = ".".join(parts[:end])
        if getattr(sys.modules.get(above), name, None) is thing:
            return above
    raise CannotBeWrittenError(
        f"{place or name}: {module} has no {name!r} that is this {type(thing).__name__}: define it at the "
        "top level of a module, or of the notebook"
    )
