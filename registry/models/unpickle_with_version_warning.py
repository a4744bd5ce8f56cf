"""Unpickles what the caller has verified; warns of models fitted with another version of scikit-learn."""

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from threading import Lock
from typing import Any

from bakeoff.domain.errors import InvalidInputError

SCIKIT_LEARN = "scikit-learn"

_warned: set[tuple[str, str]] = set()
_filtering = Lock()  #: the filters of `warnings` are global: two threads would undo each other's changes


class OtherVersionWarning(UserWarning):
    """A model was saved under another major or minor version of scikit-learn than it is loaded under."""


def unpickle(data: bytes, what: str, libraries: Mapping[str, str]) -> Any:
    """`data` must have been verified: unpickling runs whatever code it names. `what` names it in errors."""
    import joblib

    with warning_of_other_versions(libraries):
        try:
            return joblib.load(io.BytesIO(data))
        except Exception as exc:  # unpickling runs code of the model's classes, which may raise anything
            raise does_not_load(what, exc, libraries) from exc


def does_not_load(what: str, exc: Exception, libraries: Mapping[str, str]) -> InvalidInputError:
    return InvalidInputError(
        f"{what} is as it was saved, and does not load here: {type(exc).__name__}: {exc}; install or put on "
        f"the import path what it was fitted with{_listed(libraries)}"
    )


@contextmanager
def warning_of_other_versions(libraries: Mapping[str, str]) -> Iterator[None]:
    """Warns once of another version of scikit-learn, instead of scikit-learn's warnings for each object."""
    saved = libraries.get(SCIKIT_LEARN)
    here = None if saved is None else metadata.version(SCIKIT_LEARN)
    if saved is None or here is None or saved == here:
        yield
        return
    _warn(saved, here)
    with _without_its_own_warning():
        yield


def _warn(saved: str, here: str) -> None:
    if saved.split(".")[:2] == here.split(".")[:2] or (saved, here) in _warned:
        return
    _warned.add((saved, here))
    warnings.warn(
        f"models that were saved under scikit-learn {saved} are loaded under {here}: they may fail or answer "
        "otherwise; fit and save them again, or install the version that they were saved under",
        OtherVersionWarning,
        stacklevel=2,
    )


@contextmanager
def _without_its_own_warning() -> Iterator[None]:
    """One thread at a time, since the filters of `warnings` belong to the whole process."""
    from sklearn.exceptions import InconsistentVersionWarning

    with _filtering, warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        yield


def _listed(libraries: Mapping[str, str]) -> str:
    return f" ({', '.join(f'{name} {version}' for name, version in libraries.items())})" if libraries else ""
