"""What a candidate uses beside the code that can be read: a witness of all that Python opens in its cell.

The standard library alone, for it listens in a cell. What compiled code opens by itself it does not hear.
"""

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.code.code_reading import is_ours
from registry.code.distributions import library_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST = 1000
#: What tells nothing of a candidate, and should not be read for the sake of it.
SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/", "/lib/", "/lib64/", "/bin/", "/sbin/")
_NO_MODULES = (".dist-info", ".egg-info", ".libs", ".pth")
_IMPORT_SYSTEM = ("<frozen importlib", str(Path(importlib.__file__).parent))


class FileAccessAudit:
    """It cannot be sent away: a process in which it listens must be one that ends, as a cell does."""

    def __init__(self, *, private: tuple[Path, ...]) -> None:
        """`private`: folders that are the candidate's own, so that what it opens there tells nothing."""
        given = (sys.prefix, sys.base_prefix, *map(str, private))
        self._known = (*SYSTEM, *(f"{folder}/" for folder in given))
        self._libraries = tuple(f"{folder}/" for folder in library_folders())
        self._files: dict[str, None] = {}
        self._folders: dict[str, None] = {}
        self._packages: dict[str, None] = {}
        self._actions: dict[str, None] = {}
        self._ears: Mapping[str, Callable[[tuple[Any, ...]], None]] = {
            "open": self._opened,
            "import": self._loaded,
            "sqlite3.connect": self._connected,
            "os.listdir": self._listed,
            "os.scandir": self._listed,
            "subprocess.Popen": self._called,
            "os.system": self._called,
            "os.exec": self._called,
            "os.posix_spawn": self._called,
            "socket.connect": self._reached,
        }

    def begin(self) -> None:
        sys.addaudithook(self._hear)

    def report(self) -> dict[str, list[str]]:
        return {
            "files": list(self._files),
            "folders": list(self._folders),
            "packages": list(self._packages),
            "actions": list(self._actions),
        }

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        heard = self._ears.get(event)
        if heard is not None:
            heard(arguments)

    def _opened(self, arguments: tuple[Any, ...]) -> None:
        path, _, flags = arguments
        if not (isinstance(flags, int) and flags & os.O_ACCMODE == os.O_WRONLY):
            self._note(path, self._files)

    def _loaded(self, arguments: tuple[Any, ...]) -> None:
        """Modules of Python are opened, too; of compiled ones this is all there is to hear."""
        self._note(arguments[1], self._files)

    def _connected(self, arguments: tuple[Any, ...]) -> None:
        self._note(arguments[0], self._files)

    def _listed(self, arguments: tuple[Any, ...]) -> None:
        """The import system looks everywhere for modules: what it finds, it opens."""
        asking = sys._getframe(2).f_code.co_filename  # noqa: SLF001 - there is no other way to know
        if not asking.startswith(_IMPORT_SYSTEM):
            self._note(arguments[0] or ".", self._folders)

    def _called(self, arguments: tuple[Any, ...]) -> None:
        """A program of the system's is no stranger, unless it is told to read a file of the project's."""
        for word in _words(arguments):
            if os.path.exists(word) and self._is_foreign(os.path.abspath(word)):  # noqa: PTH100, PTH110 - texts
                self._add_action(f"it starts a program with {word}")

    def _reached(self, arguments: tuple[Any, ...]) -> None:
        address = arguments[1]
        if isinstance(address, tuple):
            self._add_action(f"it connects to {address[0]}")

    def _note(self, path: Any, among: dict[str, None]) -> None:
        if not isinstance(path, str | bytes):
            return  # a descriptor, which was opened before
        place = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - texts
        library = next((folder for folder in self._libraries if place.startswith(folder)), None)
        if library is not None:
            self._note_installed(place.removeprefix(library).removeprefix("__pycache__/"))
        elif self._is_foreign(place):
            self._keep(place, among)

    def _note_installed(self, file: str) -> None:
        package = file.partition("/")[0]
        if not package.endswith(_NO_MODULES):
            self._packages[package.partition(".")[0]] = None

    def _is_foreign(self, place: str) -> bool:
        return not f"{place}/".startswith(self._known) and not is_ours(place)

    def _keep(self, place: str, among: dict[str, None]) -> None:
        if len(among) < _MOST:
            among[place] = None
        else:
            self._add_action(f"it opens more than {_MOST} files")

    def _add_action(self, said: str) -> None:
        if len(self._actions) < _MOST:
            self._actions[said] = None


def _words(value: Any) -> list[str]:
    """All that may name a file in what a program is started with."""
    if isinstance(value, str | bytes):
        return os.fsdecode(value).split()
    if isinstance(value, list | tuple):
        return [word for item in value for word in _words(item)]
    return []
