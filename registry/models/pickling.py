"""How a fitted object becomes bytes: with the names of its classes if that will do, else with their code.

By name, whoever loads it needs their modules, but not cloudpickle.
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

#: A class or a function of the script itself, as a pickle names it: of protocol 4 or newer, and older.
_OF_THE_SCRIPT = re.compile(
    rb"\x8c\x08__main__\x94?\x8c.([^\x93\x94]+)\x94?\x93|c__main__\n([^\n]+)\n", re.DOTALL
)

#: `pickle.dump`, or what stands in for it.
Dump = Callable[..., Any]


def write(value: Any, file: Path, by_name: Dump = pickle.dump) -> None:
    """A new file. InvalidInputError for what nothing can pickle."""
    with file.open("xb") as opened:
        try:
            dump(value, opened, empty=partial(_empty, opened), by_name=by_name)
        except OSError:
            raise
        except Exception as exc:  # strangers' objects say in many ways that they cannot be pickled
            raise InvalidInputError(
                f"a {type(value).__name__} cannot be saved: {type(exc).__name__}: {exc}; keep what cannot be "
                "pickled, such as a lock or a connection, out of the fitted model"
            ) from exc


def dump(value: Any, file: Any, *, empty: Callable[[], object], by_name: Dump = pickle.dump) -> None:
    """`empty` makes the file as if nothing had been written to it."""
    if not _may_need_their_code():
        try:
            by_name(value, file, protocol=_PROTOCOL)
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - cloudpickle may know what to do, or say why not
            empty()
        else:
            return
    import cloudpickle  # type: ignore[import-untyped]  # it ships no stubs

    cloudpickle.dump(value, file, protocol=_PROTOCOL)


def _empty(opened: BinaryIO) -> None:
    opened.seek(0)
    opened.truncate()


def _may_need_their_code() -> bool:
    """Whether there is what no import statement reaches.

    That are modules of files alone (`registry.code.class_import`), and the script or the notebook that runs.
    """
    cloudpickle = sys.modules.get("cloudpickle")
    of_files = cloudpickle is not None and bool(cloudpickle.list_registry_pickle_by_value())
    return of_files or any(map(_is_of_the_script, list(vars(sys.modules["__main__"]).values())))


def _is_of_the_script(value: Any) -> bool:
    return isinstance(value, type | FunctionType) and value.__module__ == "__main__"


def class_of_the_script(file: Path) -> str | None:
    """What a pickle needs of the script that wrote it, as far as its bytes tell: nobody else has that."""
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = _OF_THE_SCRIPT.search(data)
        return None if found is None else (found[1] or found[2]).decode(errors="replace")
