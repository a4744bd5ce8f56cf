"""Remembers what checks of candidates found, so that nothing is checked again while nothing has changed.

A check depends on the entry, the code, the installed packages, importTimeout, and on which of the variables
and files that the entry names are there. It may depend on more, for example on another file that a module
reads when it is imported. A candidate that was found healthy may then fail in its job, which reports the same
error; one that was rejected is looked at again by `bakeoff models`.
"""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bakeoff.domain.candidate import Candidate, Rejection
from bakeoff.domain.ids_and_times import new_id
from registry.code.candidate_code import class_modules, code_at
from registry.code.distribution_of_module import installed_last
from registry.code.library_versions import own_version
from registry.code.permitted_environment_and_files import names_at_hand
from registry.columns.json_values import jsonable

_MOST = 1000


Checked = Candidate | Rejection


class CheckedCache:
    """Kept in a file. A file that cannot be read or written is ignored: every candidate is then checked."""

    def __init__(self, file: Path, *, root: Path, import_timeout_s: float) -> None:
        self._file = file
        self._root = root
        self._import_timeout_s = import_timeout_s
        self._found = _read(file)

    def recall(self, declared: Candidate) -> Checked | None:
        """The candidate with what the earlier check found, or its rejection; None when it must be checked."""
        key = self._key(declared)
        if key is None or key not in self._found:
            return None
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            found = self._found[key]
            if "rejected" in found:
                return Rejection(**found["rejected"])
            return Candidate.from_json(found["healthy"])
        return None

    def remember(self, checked: Iterable[tuple[Candidate, Checked]]) -> None:
        """Pairs: each candidate as declared, and what the check found."""
        lasting = [
            (declared, found)
            for declared, found in checked
            # A check that itself failed, as on a full disk, has found out nothing about the candidate.
            if not (isinstance(found, Rejection) and found.check_failed)
        ]
        known = {key: _record(found) for declared, found in lasting if (key := self._key(declared))}
        if known.items() <= self._found.items():
            return
        self._found = dict(list({**self._found, **known}.items())[-_MOST:])
        self._write()

    def _write(self) -> None:
        # Written to another file and renamed, so that no process reads half a file.
        unfinished = self._file.with_name(f".{self._file.name}.{new_id()}")
        with suppress(OSError):
            unfinished.write_text(json.dumps(self._found))
            unfinished.replace(self._file)
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)

    def _key(self, candidate: Candidate) -> str | None:
        """A digest of everything that decides the result of a check; None when that cannot be known."""
        code = code_at(class_modules(candidate), root=self._root)
        if code.compiled:
            return None
        decisive = [
            candidate.to_json(),
            code.digest,
            platform.python_version(),
            own_version(),
            installed_last(),
            self._import_timeout_s,
            names_at_hand(candidate, self._root),
        ]
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def _record(found: Checked) -> Mapping[str, Any]:
    if isinstance(found, Rejection):
        return {"rejected": asdict(found)}
    return {"healthy": jsonable(found.to_json())}


def _read(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
