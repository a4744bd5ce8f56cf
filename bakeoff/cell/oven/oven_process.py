"""The process of the oven: imports the libraries once, then forks a warm parent for each supervisor.

It computes nothing and has one thread, because threads that a library starts do not survive a fork.
"""

import faulthandler
import gc
import importlib
import io
import json
import logging
import os
import select
import signal
import socket
import struct
import sys
import tempfile
import types
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from threadpoolctl import ThreadpoolController

from bakeoff.cell.confinement import file_grants, kernel_calls, landlock, scratch_folder
from bakeoff.cell.inside.cell_main import LOADED_THREADS, CellSetup, put_first_on_path
from bakeoff.cell.oven import fork_cells_for_supervisor, process_tree
from bakeoff.domain.machine.own_packages_and_disk_space import PACKAGES_IN_CELLS

log = logging.getLogger(__name__)

_CALM_S = 2.0  #: as long without a request, it gives back what it needed only to load the libraries
_KEPT_SIGNALS = frozenset({signal.SIGKILL, signal.SIGSTOP, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ})
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


@dataclass(frozen=True)
class _WarmParentEntry:
    pid: int
    root: Path  #: of its scratch folder


@dataclass
class OvenProcess:
    folder: Path
    listener: socket.socket
    lifeline: int  #: readable when the owner wants the oven to end, or has ended itself
    owner: int  #: pidfd of the owner
    setup: CellSetup
    enclosed: bool  #: its signals reach only its descendants
    _parents: dict[int, _WarmParentEntry] = field(default_factory=dict)  # by pidfd
    _served: int = 0
    _is_calm: bool = False

    def run(self) -> None:
        """Forks warm parents until the owner wants the oven to end, or has ended itself."""
        while True:
            ready = self._wait()
            if not ready:
                self._is_calm = True
                kernel_calls.release_pages_of_files()
            for pidfd in self._parents.keys() & ready:
                self._clean_up_after(pidfd)
            if {self.lifeline, self.owner} & ready:
                break
            if self.listener.fileno() in ready:
                self._accept()
        self.listener.close()
        process_tree.kill_descendants(enclosed=self.enclosed)
        scratch_folder.remove(self.folder)

    def _wait(self) -> set[int]:
        poll = select.poll()
        for descriptor in (self.listener.fileno(), self.lifeline, self.owner, *self._parents):
            poll.register(descriptor, select.POLLIN)
        return {descriptor for descriptor, _ in poll.poll(None if self._is_calm else _CALM_S * 1000)}

    def _accept(self) -> None:
        connection, _ = self.listener.accept()
        with connection:
            # A cell that reached the socket must not order cells: these would be outside of its limits.
            if not _is_descendant(_peer(connection)):
                self._fork(connection)

    def _fork(self, connection: socket.socket) -> None:
        self._served += 1
        root = self.folder / str(self._served)
        oven = os.pidfd_open(os.getpid())
        pid = os.fork()
        if pid == 0:
            self._become_parent(connection, oven, root)
        os.close(oven)
        self._parents[os.pidfd_open(pid)] = _WarmParentEntry(pid, root)

    def _become_parent(self, connection: socket.socket, oven: int, root: Path) -> NoReturn:
        try:
            self.listener.close()
            for descriptor in (self.lifeline, self.owner, *self._parents):
                os.close(descriptor)
            fork_cells_for_supervisor.serve(connection, oven, root, self.setup)
        except BaseException:  # noqa: BLE001 - whatever it is, this child must not go on with the loop of the oven
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(0)

    def _clean_up_after(self, pidfd: int) -> None:
        """Removes the folder of a killed warm parent, and its orphans, which are our children now."""
        os.close(pidfd)
        gone = self._parents.pop(pidfd)
        process_tree.kill_descendants(
            spare={parent.pid for parent in self._parents.values()}, enclosed=self.enclosed
        )
        scratch_folder.remove(gone.root)


def _peer(connection: socket.socket) -> int:
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(raw)[0])


def _is_descendant(pid: int) -> bool:
    """Whether the process is a descendant of this process, or has ended meanwhile."""
    while pid != os.getpid():
        if pid <= 1:
            return pid == 0
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
        except OSError:
            return True
    return True


def _warm_up(order: Mapping[str, Any]) -> CellSetup:
    gc.disable()  # for good: a collection in a cell would copy the pages of all libraries
    tempfile.tempdir = order["folder"]  # what a warm-up that is killed leaves goes with it
    _load(order["preload"])
    private = scratch_folder.can_be_private()
    kernel_calls.merge_written_pages()  # before the wait for the rest: it takes a tenth of a second
    rest = _rest_of(order)
    if rest["preload"]:
        _load(rest["preload"])
        kernel_calls.merge_written_pages()
    tempfile.tempdir = None
    threadpools = ThreadpoolController()
    threadpools.limit(limits=LOADED_THREADS)
    setup = CellSetup(
        threadpools=threadpools,
        grants=file_grants.common(rest["closed"]),
        landlock_abi=landlock.abi(),
        private=private,
        hidden=tuple(rest["hidden"]),
        niceness=os.getpriority(os.PRIO_PROCESS, 0),
    )
    gc.freeze()  # what imports left over is little, and looking for it takes a tenth of the start
    return setup


def _rest_of(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the owner did not know yet when it started this process. Waits until it has said it.

    An owner that ends before has closed the pipe, and this oven ends, too. The end of the line counts:
    a child that the owner forked meanwhile may keep the pipe open for as long as it lives.
    """
    with os.fdopen(order["rest"], "rb") as pipe:
        said = pipe.readline()
    if not said.endswith(b"\n"):
        scratch_folder.remove(Path(order["folder"]))
        raise SystemExit
    found: Mapping[str, Any] = json.loads(said)
    return found


def _load(names: Iterable[str]) -> None:
    for name in names:
        try:
            module, _, function = name.partition(":")
            loaded = importlib.import_module(module)
            if function:
                getattr(loaded, function)()
        except Exception as error:  # noqa: BLE001 - a library may raise anything when it is imported; the cell that needs it reports that
            log.warning("%s cannot be preloaded: %s: %s", name, type(error).__name__, error)
        else:
            _warn_of_threads(name)


def _warn_of_threads(name: str) -> None:
    running = sum(1 for _ in Path("/proc/self/task").iterdir()) - 1
    if running:
        log.warning("%s started %d threads when it was loaded: no cell has them", name, running)


def _reset_interpreter() -> None:
    """Set what cells inherit: default signals, output by lines, tracebacks of crashes, an empty __main__."""
    for number in signal.valid_signals() - _KEPT_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    kernel_calls.buffer_lines()
    faulthandler.enable(file=2)
    sys.modules["__main__"] = types.ModuleType("__main__")


def _open_to_project(import_path: Sequence[str]) -> None:
    """Cells look for modules in the project first, so that its own `config/` or `tasks.py` is what they find.

    Our packages are imported before that: a project's folder of the same name does not take their place.
    Processes that a plugin starts look in the same order.
    """
    for package in PACKAGES_IN_CELLS:
        importlib.import_module(package)
    put_first_on_path(import_path)
    own = os.environ.get("PYTHONPATH")
    if import_path:
        os.environ["PYTHONPATH"] = os.pathsep.join([*import_path, *([own] if own else [])])


def _raise_priority() -> None:
    """Gives the oven a higher priority than the cells. Each cell is a session of its own, and the kernel may
    divide time by sessions, so many cells would leave little for the oven.
    """
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text("-10")


def main() -> None:
    order = json.loads(sys.argv[1])
    sys.argv[1:] = []
    try:
        owner = os.pidfd_open(order["owner"])
    except ProcessLookupError:  # it has ended already, as a worker does that is stopped while it starts
        scratch_folder.remove(Path(order["folder"]))
        return
    kernel_calls.become_subreaper()
    _raise_priority()
    _reset_interpreter()
    _open_to_project(order["import_path"])
    oven = OvenProcess(
        folder=Path(order["folder"]),
        listener=socket.socket(fileno=order["listener"]),
        lifeline=order["lifeline"],
        owner=owner,
        setup=_warm_up(order),
        enclosed=landlock.keep_signals_inside(),
    )
    oven.run()


if __name__ == "__main__":
    main()
