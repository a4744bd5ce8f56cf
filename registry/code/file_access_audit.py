"""Records the files that a candidate uses besides its code: everything that Python opens in its cell.

It uses Python's audit events, so files that compiled code opens by itself are not recorded. It imports only
the standard library and `candidate_code`, because it runs in a cell. Untrusted code in the cell could raise
false events. A false report can only harm the reuse of the candidate's own results.
"""

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from registry.code.candidate_code import is_ours
from registry.code.distribution_of_module import library_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST = 1000
#: System files that depend on no candidate, and are not worth comparing.
SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/", "/lib/", "/lib64/", "/bin/", "/sbin/")
_NO_MODULES = (".dist-info", ".egg-info", ".libs", ".pth")
_IMPORT_SYSTEM = ("<frozen importlib", str(Path(importlib.__file__).parent))


class FileAccessAudit:
    """What an audit hook records. It cannot be removed: use it only where little else is done, as in a cell.

    There is one hook for all that are begun in a process, and it serves the last one.
    """

    hooked: ClassVar[list["FileAccessAudit"]] = []

    def __init__(self, *, private: tuple[Path, ...]) -> None:
        """`private`: the cell's own folders; what is opened there is not recorded."""
        self._private = tuple(f"{folder}/" for folder in private)
        given = (sys.prefix, sys.base_prefix, *map(str, private), *map(os.path.realpath, private))
        self._known = (*SYSTEM, *(f"{folder}/" for folder in given))
        self._libraries = tuple(f"{folder}/" for folder in library_folders())
        self._files: dict[str, None] = {}
        self._folders: dict[str, None] = {}
        self._packages: dict[str, None] = {}
        self._actions: dict[str, None] = {}
        self.recorders: Mapping[str, Callable[[tuple[Any, ...]], None]] = {
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
        """From now on, and until another one is begun."""
        if not self.hooked:
            sys.addaudithook(_record)
        self.hooked[:] = [self]

    def report(self) -> dict[str, list[str]]:
        return {
            "files": list(self._files),
            "folders": list(self._folders),
            "packages": list(self._packages),
            "actions": list(self._actions),
        }

    def _opened(self, arguments: tuple[Any, ...]) -> None:
        path, _, flags = arguments
        if not (isinstance(flags, int) and flags & os.O_ACCMODE == os.O_WRONLY):
            self._note(path, self._files)

    def _loaded(self, arguments: tuple[Any, ...]) -> None:
        """Called for an import. Compiled modules raise no `open` event, so they are recorded here."""
        self._note(arguments[1], self._files)

    def _connected(self, arguments: tuple[Any, ...]) -> None:
        self._note(arguments[0], self._files)

    def _listed(self, arguments: tuple[Any, ...]) -> None:
        """Called for a listing of a folder. Listings by imports do not count: the files opened there do."""
        caller = sys._getframe(2).f_code.co_filename  # noqa: SLF001 - there is no other way to know
        if not caller.startswith(_IMPORT_SYSTEM):
            self._note(arguments[0] or ".", self._folders)

    def _called(self, arguments: tuple[Any, ...]) -> None:
        """Called for a new process. A system program counts only if an argument is a file of the project."""
        for word in _words(arguments):
            if os.path.exists(word) and self._is_foreign(os.path.abspath(word)):  # noqa: PTH100, PTH110 - text is faster
                self._add_action(f"it starts a program with {word}")

    def _reached(self, arguments: tuple[Any, ...]) -> None:
        address = arguments[1]
        if isinstance(address, tuple):
            self._add_action(f"it connects to {address[0]}")

    def _note(self, path: Any, among: dict[str, None]) -> None:
        if not isinstance(path, str | bytes):
            return  # a file descriptor: its file was recorded when it was opened
        place = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - text is faster
        if place.startswith(self._private):  # a link in the cell's HOME may lead outside
            place = os.path.realpath(place)
        library = next((folder for folder in self._libraries if place.startswith(folder)), None)
        if library is not None:
            self._note_installed(place.removeprefix(library).removeprefix("__pycache__/"))
        elif self._is_foreign(place):
            self._add(place, among)

    def _note_installed(self, file: str) -> None:
        package = file.partition("/")[0]
        if not package.endswith(_NO_MODULES):
            self._packages[package.partition(".")[0]] = None

    def _is_foreign(self, place: str) -> bool:
        return not f"{place}/".startswith(self._known) and not is_ours(place)

    def _add(self, place: str, among: dict[str, None]) -> None:
        if len(among) < _MOST:
            among[place] = None
        else:
            self._add_action(f"it opens more than {_MOST} files")

    def _add_action(self, text: str) -> None:
        if len(self._actions) < _MOST:
            self._actions[text] = None


def _record(event: str, arguments: tuple[Any, ...]) -> None:
    """The hook: a function, since it outlives each audit."""
    for audit in FileAccessAudit.hooked:
        recorder = audit.recorders.get(event)
        if recorder is not None:
            recorder(arguments)


def _words(value: Any) -> list[str]:
    """Every word of a command that may name a file."""
    if isinstance(value, str | bytes):
        return os.fsdecode(value).split()
    if isinstance(value, list | tuple):
        return [word for item in value for word in _words(item)]
    return []
