"""Pickles fitted objects: with the names of their classes if that is enough, otherwise with their code.

With names, a process that loads the object needs the modules of its classes, but not cloudpickle.
"""

import mmap
import pickle
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Any, BinaryIO

from bakeoff.domain.errors import InvalidInputError

_PROTOCOL = 5  #: what plain pickle, joblib and MLflow read

#: How a pickle names a class or a function of the script itself: protocol 4 or newer, and older ones.
_OF_THE_SCRIPT = re.compile(
    rb"\x8c\x08__main__\x94?\x8c.([^\x93\x94]+)\x94?\x93|c__main__\n([^\n]+)\n", re.DOTALL
)

#: A function with the parameters of `pickle.dump`, such as `joblib.dump`.
Dump = Callable[..., Any]


def write(value: Any, file: Path, by_name: Dump = pickle.dump) -> None:
    """Writes a new file. InvalidInputError for a value that cannot be pickled."""
    with file.open("xb") as opened:
        try:
            dump(value, opened, empty=partial(_empty, opened), by_name=by_name)
        except OSError:
            raise
        except Exception as exc:  # the objects' own code runs, and fails with exceptions of any kind
            raise InvalidInputError(
                f"a {type(value).__name__} cannot be saved: {type(exc).__name__}: {exc}; keep what cannot be "
                "pickled, such as a lock or a connection, out of the fitted model"
            ) from exc


def dump(value: Any, file: Any, *, empty: Callable[[], object], by_name: Dump = pickle.dump) -> None:
    """Pickles the value. `empty` removes from the file what a failed attempt has written."""
    if not _code_may_be_needed():
        try:
            by_name(value, file, protocol=_PROTOCOL)
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - the objects' own code runs; cloudpickle may succeed, or raises why not
            empty()
        else:
            return
    import cloudpickle  # type: ignore[import-untyped]  # it ships no stubs

    cloudpickle.dump(value, file, protocol=_PROTOCOL)


def _empty(opened: BinaryIO) -> None:
    opened.seek(0)
    opened.truncate()


def _code_may_be_needed() -> bool:
    """Whether this process has classes that no import statement reaches.

    Those are classes of single files (`registry.code.class_import`), and of the running script or notebook.
    """
    cloudpickle = sys.modules.get("cloudpickle")
    of_files = cloudpickle is not None and bool(cloudpickle.list_registry_pickle_by_value())
    return of_files or any(map(_is_of_the_script, list(vars(sys.modules["__main__"]).values())))


def _is_of_the_script(value: Any) -> bool:
    return isinstance(value, type | FunctionType) and value.__module__ == "__main__"


def class_of_the_script(file: Path) -> str | None:
    """The class or function of the writing script that a pickle needs, judged by its bytes.

    Only that script can load such a pickle.
    """
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = _OF_THE_SCRIPT.search(data)
        return None if found is None else (found[1] or found[2]).decode(errors="replace")
