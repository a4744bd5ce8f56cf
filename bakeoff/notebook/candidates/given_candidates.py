"""The candidates of a comparison: estimators, classes, pipelines and names of the catalog, each with its id.

[RandomForestClassifier(), KNeighborsClassifier()]    named after their classes
{"forest": RandomForestClassifier(), "mine": Mine}    named by the keys
["ridge", "sklearn.svm:SVC"]                          an id of the catalog, or the path of a class
"""

import inspect
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bakeoff.domain.candidate import Candidate, Learns
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import quoted
from bakeoff.evaluation.planning.candidate_choice import BASELINE_ID
from bakeoff.notebook.candidates.candidate_grid import GridMember, grid
from bakeoff.notebook.candidates.tuned_candidate import TunedEstimator
from bakeoff.notebook.candidates.write_estimator_as_data import (
    WriteCode,
    WrittenObject,
    write_class,
    write_estimator,
)
from registry.catalog.models_yaml_schema import CLASS_PATH, ID
from registry.catalog.parameter_grid import member_id
from registry.catalog.search_space import with_tuning
from registry.code.distribution_of_module import version_of

_PAIR = 2
_MOST_DIFFERENCES = 3
_LONGEST_TITLE = 90


@dataclass(frozen=True, kw_only=True)
class GivenCandidate:
    candidate: Candidate
    needs_check: bool  #: False for an object that was made here, of a class that is installed


@dataclass(frozen=True, kw_only=True)
class GivenCandidates:
    own: tuple[GivenCandidate, ...]  #: those that are given as objects, classes or paths
    order: tuple[str, ...]  #: all ids, those of the catalog among them
    grids: Mapping[str, Any]  #: those of candidates that are no objects, which the plan unfolds


def read_candidates(
    given: Any, write_code: WriteCode, *, grids: Mapping[str, Any] | None = None
) -> GivenCandidates:
    """`grids`: values of parameters by candidate. An object knows its parameters, and those of its steps."""
    if isinstance(given, (set, frozenset)):
        raise InvalidInputError("the candidates are a set, which has no order: give a list, or a dict")
    named = list(_named(given))
    if not named:
        raise InvalidInputError("no candidate is given: give estimators, in a list or a dict")
    own: list[GivenCandidate] = []
    order: list[str] = []
    found = _with_names(named, write_code)
    if grids:
        things = {name: thing for (name, _), (_, thing) in zip(found, named, strict=True)}
        unfolded = {name: grid(things[name], name, **grids[name]) for name in _objects(things, grids)}
        found = [one for name, thing in found for one in _members(name, thing, unfolded, write_code)]
        grids = {name: values for name, values in grids.items() if name not in unfolded}
    for name, thing in found:
        if isinstance(thing, str):
            order.append(thing)
            continue
        if name == BASELINE_ID:
            raise InvalidInputError(
                f"a candidate is called {name!r}, which is the name of the baseline: give it another one"
            )
        if name in order:
            raise InvalidInputError(f"two candidates are called {name!r}: give a dict with a name for each")
        own.append(replace(thing, candidate=replace(thing.candidate, id=name)))
        order.append(name)
    return GivenCandidates(own=tuple(own), order=tuple(order), grids=grids or {})


def _objects(things: Mapping[str, Any], grids: Mapping[str, Any]) -> list[str]:
    """Those with a grid that are objects: of a class that is named or given, the plan makes the members."""
    return [
        name
        for name in grids
        if isinstance(grids[name], Mapping)
        and all(isinstance(key, str) for key in grids[name])
        and hasattr(things.get(name), "get_params")
        and not inspect.isclass(things[name])
    ]


def _members(
    name: str, thing: "GivenCandidate | str", unfolded: Mapping[str, Any], write_code: WriteCode
) -> list[tuple[str, "GivenCandidate | str"]]:
    if name not in unfolded:
        return [(name, thing)]
    return [(title, _read(title, member, write_code)) for title, member in unfolded[name].items()]


def _named(given: Any) -> Iterable[tuple[str | None, Any]]:
    if isinstance(given, Mapping):
        for name, thing in given.items():
            if not isinstance(name, str) or not ID.fullmatch(name):
                near = re.sub(r"[^A-Za-z0-9._-]+", "-", str(name)).strip("-._")[:100]
                raise InvalidInputError(
                    f"{name!r} is no name for a candidate: up to 100 letters, digits, `.`, `_`, `-`, a "
                    "letter or digit first" + (f", such as {near!r}" if near else "")
                )
            yield name, thing
    elif isinstance(given, str) or hasattr(given, "fit") or not isinstance(given, Iterable):
        yield None, given
    else:
        for one in given:
            is_pair = isinstance(one, tuple) and len(one) == _PAIR and isinstance(one[0], str)
            yield from _named({one[0]: one[1]}) if is_pair else [(None, one)]


def _with_names(
    named: Sequence[tuple[str | None, Any]], write_code: WriteCode
) -> list[tuple[str, "GivenCandidate | str"]]:
    """Those without a name are called after their classes; of one class, after what differs, too."""
    read = [(name, _read(name, thing, write_code)) for name, thing in named]
    titles = [
        name or (found if isinstance(found, str) else _title(thing, found))
        for (name, found), (_, thing) in zip(read, named, strict=True)
    ]
    often = Counter(titles)
    seen: Counter[str] = Counter()
    result = []
    for title, (name, found) in zip(titles, read, strict=True):
        called = title
        if name is None and not isinstance(found, str) and often[title] > 1:
            seen[title] += 1
            called = _distinguished(title, found.candidate.params, seen[title])
        result.append((called, found))
    return result


def _read(name: str | None, thing: Any, write_code: WriteCode) -> "GivenCandidate | str":
    if isinstance(thing, str):
        if CLASS_PATH.fullmatch(thing):
            return GivenCandidate(
                candidate=_candidate(WrittenObject(path=thing, params={})), needs_check=True
            )
        if name not in {None, thing}:
            raise InvalidInputError(
                f"{name!r} is {thing!r}, an id of the catalog, which keeps its name: give {thing!r} in a list"
            )
        return thing
    if isinstance(thing, GridMember | TunedEstimator):
        found = _read(name, thing.estimator, write_code)
        return found if isinstance(found, str) else replace(found, candidate=_made_of(found, thing))
    called = name or _name_of(thing)
    if inspect.isclass(thing):
        _require_methods(thing, called)
        return GivenCandidate(candidate=_candidate(write_class(thing, write_code)), needs_check=True)
    _require_methods(thing, called)
    written = write_estimator(thing, write_code, name=called)
    candidate = replace(_candidate(written), learns=_learns(thing))
    is_installed = candidate.path is not None and not _has_code_of_the_session(candidate)
    return GivenCandidate(candidate=candidate, needs_check=not is_installed)


def _made_of(found: "GivenCandidate", thing: GridMember | TunedEstimator) -> Candidate:
    if isinstance(thing, TunedEstimator):
        return with_tuning(found.candidate, thing.tuning)
    return replace(found.candidate, family=thing.family)


def _candidate(written: WrittenObject) -> Candidate:
    return Candidate(
        id="unnamed", version=version_of(written.path), path=written.path, params=dict(written.params)
    )


def _has_code_of_the_session(candidate: Candidate) -> bool:
    from bakeoff.notebook.candidates.notebook_code_as_modules import FOLDER
    from registry.code.cell_import_and_readable_paths import class_paths

    return any(path.startswith(f"{FOLDER}.") for path in class_paths(candidate))


def _require_methods(thing: Any, name: str) -> None:
    missing = [method for method in ("fit", "predict") if not callable(getattr(thing, method, None))]
    is_class_of_meta_estimator = missing == ["predict"] and hasattr(type(thing), "predict")
    if missing and not is_class_of_meta_estimator:
        raise InvalidInputError(
            f"{name} is {quoted(thing)}, which has no method `{missing[0]}`: a candidate is an estimator, a "
            "class with fit and predict, an id of the catalog, or a path `package.module:Class`"
        )


def _learns(model: Any) -> Learns | None:
    """What it says of itself by scikit-learn's tags."""
    if "sklearn" not in sys.modules:
        return None
    from sklearn.base import is_classifier, is_regressor

    try:
        if is_classifier(model):
            return Learns.CLASSES
        return Learns.NUMBERS if is_regressor(model) else None
    except Exception:  # noqa: BLE001 - the user's class answers; tags are no obligation
        return None


def _name_of(thing: Any) -> str:
    return thing.__name__ if inspect.isclass(thing) else type(thing).__name__


def _title(thing: Any, found: "GivenCandidate") -> str:
    """The class; of a pipeline, the classes of its steps; of a path, what it names."""
    if isinstance(thing, TunedEstimator):
        return f"{_title(thing.estimator, found)[:_LONGEST_TITLE]}.tuned"
    if isinstance(thing, str):
        return str(found.candidate.path).rpartition(":")[2]
    steps = getattr(thing, "steps", None)
    if type(thing).__name__ == "Pipeline" and steps:
        parts = [_name_of(step) for _, step in steps if step not in {None, "passthrough"}]
        return "-".join(parts)[:100]
    return _name_of(thing)


def _distinguished(title: str, params: Mapping[str, Any], place: int) -> str:
    """With the parameters that are short texts or numbers; else with the place among those of its class.

    The one that has only defaults keeps the name of the class.
    """
    if not params:
        return title
    plain = {name: value for name, value in params.items() if isinstance(value, (str, int, float))}
    if len(plain) == len(params) <= _MOST_DIFFERENCES:
        return member_id(title, plain)
    return title if place == 1 else f"{title}-{place}"
