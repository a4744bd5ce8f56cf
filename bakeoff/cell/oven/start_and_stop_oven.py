"""The handle of the oven: the one process of a worker node from which cells are forked."""

import fcntl
import json
import os
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bakeoff.cell.confinement import scratch_folder
from bakeoff.cell.inside.cell_main import LOADED_THREADS, THREAD_VARIABLES
from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.machine.own_packages_and_disk_space import SOURCES, runtime_folder

_PREFIX = "bakeoff-oven-"
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
_FIXED = {
    "PYTHONHASHSEED": "0",
    **dict.fromkeys(THREAD_VARIABLES, str(LOADED_THREADS)),
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    # Threads of OpenMP that wait by spinning keep each other from the cores as soon as these are busy: a fit
    # of LightGBM then takes many times as long (`benchmarks.bakeoffs.busy_cores`). Libraries read it when
    # they are loaded.
    "OMP_WAIT_POLICY": "passive",
}
_LONGEST_SOCKET_PATH = 107
_STILL_STARTING_S = 60.0
_STOP_S = 10.0
_BACKLOG = 64


class Oven:
    """Held by the process that owns the oven. The oven ends when its owner does, in whatever way."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], lifeline: int, rest: int) -> None:
        self.socket = _socket_in(folder)
        self._folder = folder
        self._process = process
        self._lifeline = lifeline
        self._rest = rest  #: the pipe for the rest of its order, until it is finished

    @classmethod
    def start(
        cls,
        *,
        preload: Sequence[str],
        import_path: Sequence[str] = (),
        closed: Sequence[Path] = (),
        hidden: Sequence[Path] = (),
        runtime: Path | None = None,
    ) -> Self:
        """An oven of which all is known. See `begin`."""
        oven = cls.begin(preload=preload, import_path=import_path, runtime=runtime)
        oven.finish(closed=closed, hidden=hidden)
        return oven

    @classmethod
    def begin(
        cls, *, preload: Sequence[str], import_path: Sequence[str] = (), runtime: Path | None = None
    ) -> Self:
        """Returns when its socket is bound; `connect` waits until the libraries are imported.

        It forks nothing before `finish` is called.
        `preload` names modules, or `module:function` to be called once; that must start no thread and use
        neither BLAS nor OpenMP, which do not survive a fork.
        `import_path` is searched before the libraries, but not for our own packages.
        `runtime` is the folder in which it creates a folder of its own; its path must be short.
        """
        folder = _make_folder(runtime)
        lock, listener = _lock(folder), _listen(_socket_in(folder))
        (reader, lifeline), (rest, writer) = os.pipe(), os.pipe()
        arguments = {
            "folder": str(folder),
            "preload": list(preload),
            "import_path": list(import_path),
            "owner": os.getpid(),
        }
        descriptors = {"listener": listener.fileno(), "lifeline": reader, "rest": rest, "lock": lock}
        with listener:
            process = _start(arguments, descriptors, _environment())
        for descriptor in (reader, rest, lock):
            os.close(descriptor)
        return cls(folder, process, lifeline, writer)

    def finish(
        self, *, closed: Sequence[Path] = (), hidden: Sequence[Path] = (), preload: Sequence[str] = ()
    ) -> None:
        """The rest of the order, once.

        `closed` is what no cell may open, though it lies where the libraries are; `hidden` are folders with
        sockets, of which cells see nothing where the kernel allows it; `preload` is loaded as well.
        """
        order = {
            "preload": list(preload),
            "closed": list(map(str, closed)),
            "hidden": list(map(str, [runtime_folder(), *hidden])),
        }
        with suppress(BrokenPipeError), os.fdopen(self._rest, "wb") as pipe:  # dead: `alive` says so
            pipe.write(json.dumps(order).encode() + b"\n")
        self._rest = -1

    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Kills all cells and removes all files of the oven."""
        if self._lifeline >= 0:
            with suppress(BrokenPipeError):
                os.write(self._lifeline, b"x")
            os.close(self._lifeline)
            self._lifeline = -1
        if self._rest >= 0:
            os.close(self._rest)
            self._rest = -1
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        scratch_folder.remove(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _make_folder(runtime: Path | None) -> Path:
    try:
        above = Path(tempfile.gettempdir()) if runtime is None else runtime
        _remove_leftovers(above)
        _check_length(above)
        return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=above))
    except OSError as error:
        raise InfrastructureError(
            f"cells have no place for temporary files: {error}; make room there, or set TMPDIR to another one"
        ) from error


def _start(
    arguments: Mapping[str, Any], descriptors: Mapping[str, int], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-m",
            "bakeoff.cell.oven.oven_process",
            json.dumps({**arguments, **descriptors}),
        ],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=tuple(descriptors.values()),
    )


def passed_on_environment() -> dict[str, str]:
    """The variables of this process that cells see, too."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def _environment() -> dict[str, str]:
    """The environment of the oven, without what plugins should not see.

    PYTHONPATH is the folder of our packages, if this is a checkout, so that they are found before any others.
    It is not set if Bakeoff is installed: all packages beside it would then come before the standard library.
    """
    is_installed = str(SOURCES) in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return {**passed_on_environment(), **_FIXED, **({} if is_installed else {"PYTHONPATH": str(SOURCES)})}


def _socket_in(folder: Path) -> Path:
    return folder / "socket"


def _check_length(runtime: Path) -> None:
    most = _LONGEST_SOCKET_PATH - len(f"/{_PREFIX}12345678/socket")
    if len(os.fsencode(runtime)) > most:
        raise InvalidInputError(
            f"{runtime} is too long a path for a socket below it, the most is {most} bytes: "
            "choose a runtime folder with a shorter path"
        )


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(_BACKLOG)
    return listener


def _lock(folder: Path) -> int:
    """The oven and its warm parents hold this lock as long as one of them lives.

    So the folder of an oven that was killed can be told from that of one that runs.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _remove_leftovers(above: Path) -> None:
    """Remove the folders of ovens that were killed together with their owners."""
    for folder in _leftovers(above):
        scratch_folder.remove(folder)


def _leftovers(above: Path) -> Iterator[Path]:
    for folder in above.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if (
                folder.stat().st_uid != os.getuid()
                or time.time() - folder.stat().st_mtime < _STILL_STARTING_S
            ):
                continue
            os.close(_lock(folder))
            yield folder
