"""The cell itself: what the forked child does to itself before the entry runs, and how it answers."""

import gc
import importlib
import os
import resource
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FunctionType
from typing import NoReturn, Protocol

from bakeoff.cell.confinement import file_grants, kernel_calls, seccomp
from bakeoff.cell.confinement.landlock import Ruleset
from bakeoff.cell.host.cell_order import Limits, Order
from bakeoff.cell.host.cell_outcome import End
from bakeoff.cell.host.message_channel import HangupError, Wire
from bakeoff.cell.inside import cell_api, exception_report
from bakeoff.cell.inside.cell_api import CellApi

_MB = 2**20
_STACK_MB = 8
_HEAP_MB = 64
_RESERVE_MB = 64  # to describe a MemoryError with
_BASE_SLACK_MB = 64
_SERVICE_THREADS = 3  # joblib and concurrent.futures start some beside the workers
_UNHEARD = 70
_INTERRUPTED = 130

LOADED_THREADS = 1  #: what the Oven has loaded the libraries with
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
_FOLDER_VARIABLES = ("HOME", "TMPDIR", "TEMP", "TMP", "JOBLIB_TEMP_FOLDER", "XDG_CACHE_HOME", "MPLCONFIGDIR")


class Threadpools(Protocol):
    """Those of the libraries that are loaded."""

    def limit(self, *, limits: int) -> object: ...


@dataclass(frozen=True)
class Kit:
    """What is made once, before any cell, and used by each."""

    threadpools: Threadpools
    grants: tuple[file_grants.Grant, ...]
    landlock_abi: int
    private: bool  #: a cell has a view of the file system of its own, and System V's memory and queues
    hidden: tuple[str, ...]  #: folders that are empty in that view
    niceness: int  #: of the Oven, and so of its cells


@dataclass(frozen=True)
class Channels:
    """What a cell keeps of the process that has forked it."""

    parent: int  #: it dies with it
    orders: socket.socket
    log: int
    report: int


def live(channels: Channels, kit: Kit) -> NoReturn:
    """Be a cell: get ready, wait for the order, run it. Call it in a child that was just forked."""
    code = _UNHEARD
    try:
        ruleset = _get_ready(channels, kit)
        order, room = _wait_for_order(channels)
        _settle(order, room.scratch, kit)
        room.write(_answer(order, room, ruleset))
        code = 0
    finally:
        _flush()
        os._exit(code)


def _get_ready(channels: Channels, kit: Kit) -> Ruleset | None:
    """All that need not wait for the order."""
    kernel_calls.die_with_parent(signal.SIGKILL)
    if os.getppid() != channels.parent:
        os._exit(_UNHEARD)
    os.setsid()
    _keep_only(channels)
    os.setpriority(os.PRIO_PROCESS, 0, kit.niceness)
    _be_the_first_to_go()
    if kit.private:
        kernel_calls.unshare(kernel_calls.CLONE_NEWIPC)
    kernel_calls.drop_privileges()
    seccomp.leave_others_alone()
    kernel_calls.hide_memory(hidden=False)
    sys.dont_write_bytecode = True
    if not kit.landlock_abi:
        return None
    ruleset = Ruleset(kit.landlock_abi)
    ruleset.grant(kit.grants)
    return ruleset


def _be_the_first_to_go() -> None:
    """When memory runs out, the kernel takes a cell and not who supervises it."""
    with suppress(OSError):
        place = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(place, b"1000")
        os.close(place)


def _keep_only(channels: Channels) -> None:
    os.dup2(channels.log, 1)
    os.dup2(channels.log, 2)
    previous = 2
    for kept in sorted((channels.report, channels.orders.fileno())):
        os.closerange(previous + 1, kept)
        previous = kept
    os.closerange(previous + 1, os.sysconf("SC_OPEN_MAX"))


def _wait_for_order(channels: Channels) -> tuple[Order, CellApi]:
    with channels.orders:
        wire = Wire(channels.orders)
        message = wire.receive()
    if message is None:
        raise HangupError("there is no order")
    order = Order.from_json(message["order"])
    outputs = dict(zip(order.outputs, wire.take_descriptors(), strict=True))
    return order, CellApi(scratch=Path(message["scratch"]), report=channels.report, outputs=outputs)


def _settle(order: Order, scratch: Path, kit: Kit) -> None:
    _set_environment(order.limits.threads, scratch)
    if order.limits.threads != LOADED_THREADS:
        kit.threadpools.limit(limits=order.limits.threads)
    os.chdir(scratch)
    put_first_on_path(order.import_path)
    gc.enable()


def _set_environment(threads: int, scratch: Path) -> None:
    wanted = dict.fromkeys(THREAD_VARIABLES, str(threads)) | dict.fromkeys(_FOLDER_VARIABLES, str(scratch))
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    tempfile.tempdir = None


def put_first_on_path(entries: Sequence[str]) -> None:
    """In their order, before all that was there; an entry that is on the path already keeps its place."""
    for entry in entries:
        sys.path_importer_cache.pop(entry, None)  # a folder that did not exist before is remembered as such
    sys.path[:0] = [entry for entry in entries if entry not in sys.path]


def _answer(order: Order, room: CellApi, ruleset: Ruleset | None) -> bytes:
    """Run the entry; strangers' code, so whatever can be raised is caught here and becomes words."""
    file = ""
    try:
        entry = _find(order.entry)
        file = entry.__code__.co_filename
        _confine(order, room.scratch, ruleset)
        value = entry(order.payload, room)
        room.flush()
        return cell_api.encode({"end": End.RETURNED, "value": value})
    except KeyboardInterrupt as error:
        return _exited(error, _INTERRUPTED, file)
    except SystemExit as error:
        return _exited(error, _exit_code(error), file)
    except BaseException as error:  # noqa: BLE001 - strangers' code runs in there
        return _raised(error, room.scratch, file)


def _find(path: str) -> FunctionType:
    module, _, name = path.partition(":")
    entry = getattr(importlib.import_module(module), name)
    if not isinstance(entry, FunctionType):
        raise TypeError(f"the entry {path!r} is {entry!r}: expected a plain function of (payload, inside)")
    return entry


def _confine(order: Order, scratch: Path, ruleset: Ruleset | None) -> None:
    """The last of ours: from here on there is no way back."""
    _set_limits(order.limits)
    if ruleset is not None:
        ruleset.grant(file_grants.of(order, scratch))
        ruleset.enter()


def _set_limits(limits: Limits) -> None:
    largest = max(limits.output_mb, limits.scratch_mb) * _MB
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    if limits.memory_mb is not None:
        kernel_calls.limit_arenas(limits.threads + 1)
        most = _address_space() + limits.mapped_bytes + (limits.memory_mb + _slack_mb(limits.threads)) * _MB
        resource.setrlimit(resource.RLIMIT_AS, (most, most + _RESERVE_MB * _MB))


def _slack_mb(threads: int) -> int:
    """Address space that threads reserve and do not use: the watch counts what is used."""
    return _BASE_SLACK_MB + (threads + 1) * _HEAP_MB + (threads + _SERVICE_THREADS) * _STACK_MB


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    return pages * resource.getpagesize()


def _raised(error: BaseException, scratch: Path, entry_file: str) -> bytes:
    if isinstance(error, MemoryError):
        _make_room(error)
    described = exception_report.describe(error, entry_file=entry_file)
    return cell_api.encode({"end": exception_report.end_of(error, scratch), "error": asdict(described)})


def _make_room(error: MemoryError) -> None:
    traceback.clear_frames(error.__traceback__)
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _exited(error: BaseException, code: int, entry_file: str) -> bytes:
    described = asdict(exception_report.describe(error, entry_file=entry_file))
    described |= {"message": f"it left with exit code {code}", "hint": "A candidate must return, not exit."}
    return cell_api.encode({"end": End.EXITED, "exit_code": code, "error": described})


def _exit_code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    with suppress(BaseException):  # strangers' code: the code may be any object
        print(error.code, file=sys.stderr)  # noqa: T201 - what Python does with it
    return 1


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(BaseException):  # strangers' code: they may have put anything there
            stream.flush()
    kernel_calls.flush()
