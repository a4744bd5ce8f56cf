"""The cell itself: how the forked child prepares and confines itself, runs the entry, and reports.

It ends with its order. Only where the order says that the cell may be shared, and its entry returned, and the
process is as it was before, it waits for another one.
"""

import gc
import importlib
import os
import resource
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import NoReturn

from bakeoff.cell.confinement import file_grants, kernel_calls, seccomp
from bakeoff.cell.confinement.landlock import Ruleset
from bakeoff.cell.host.cell_order import Limits, Order
from bakeoff.cell.host.cell_outcome import End
from bakeoff.cell.host.message_channel import HangupError, MessageChannel
from bakeoff.cell.inside import cell_api, exception_report
from bakeoff.cell.inside.cell_api import CellApi
from bakeoff.cell.inside.detect_state_left_by_job import GROWTH_MB, ProcessTraces, Threadpools

_MB = 2**20
_STACK_MB = 8
_HEAP_MB = 64
_RESERVE_MB = 64  # kept back to describe a MemoryError
_BASE_SLACK_MB = 64
_SERVICE_THREADS = 3  # joblib and concurrent.futures start some beside the workers
_MUCH_DATA = _MB  #: with fewer bytes huge pages are not worth the time to reserve them
_NO_ORDER_EXIT = 70
_INTERRUPTED_EXIT = 130
_NO_CTRL_C = "Nobody can press Ctrl-C in a cell: remove what raises it."

#: What a child that the cell forked writes, if it leaves the entry as if it were the cell.
FORKED_CHILD = b'{"forked_child": true}\n'

LOADED_THREADS = 1  #: of BLAS and OpenMP, in the libraries that the oven has loaded
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
_FOLDER_VARIABLES = ("HOME", "TMPDIR", "TEMP", "TMP", "JOBLIB_TEMP_FOLDER", "MPLCONFIGDIR")
_CACHE_VARIABLE, _CACHE = "XDG_CACHE_HOME", ".cache"
#: What a cell sets itself, and what decides how it finds programs.
OWN_VARIABLES = frozenset({*THREAD_VARIABLES, *_FOLDER_VARIABLES, _CACHE_VARIABLE, "PATH"})


@dataclass(frozen=True)
class CellSetup:
    """What the oven prepares once, and each cell uses."""

    threadpools: Threadpools
    grants: tuple[file_grants.Grant, ...]
    landlock_abi: int
    private: bool  #: a cell has its own view of the file system, and its own System V memory and queues
    hidden: tuple[str, ...]  #: folders that are empty in that view
    niceness: int  #: of the oven, and so of its cells


@dataclass(frozen=True)
class Channels:
    """The descriptors that connect a cell with the warm parent that forked it."""

    parent: int  #: pid of the warm parent: the cell dies with it
    orders: socket.socket
    log: int
    report: int


def run_cell(channels: Channels, setup: CellSetup) -> NoReturn:
    """Prepare, wait for the order, run it and exit. For a child that was just forked."""
    code, cell = _NO_ORDER_EXIT, os.getpid()
    try:
        ruleset = _prepare(channels, setup)
        orders = MessageChannel(channels.orders)
        order, api = _wait_for_order(orders, channels.report)
        _apply_order(order, api.scratch, setup)
        if order.shared:
            _take_turns(order, api, orders, ruleset, setup.threadpools)
        else:
            orders.close()
            report, _ = _run_entry(order, api, partial(_confine, order, api.scratch, ruleset))
            # A child that the entry forked comes here, too, if its code returns or raises: it is no cell.
            api.write(report if os.getpid() == cell else FORKED_CHILD)
        code = 0
    finally:
        _flush()
        os._exit(code)


def _take_turns(
    order: Order, api: CellApi, orders: MessageChannel, ruleset: Ruleset | None, threadpools: Threadpools
) -> None:
    """Runs this order, and others that may share its cell, until one leaves the process other than it was."""
    cell = os.getpid()
    traces: ProcessTraces | None = None

    def begin() -> None:
        nonlocal traces
        if traces is None:
            _confine(order, api.scratch, ruleset)
            traces = ProcessTraces(threadpools, passing=api.descriptors)
        else:
            _set_limits(order.limits, growth_mb=GROWTH_MB)

    while True:
        report, returned = _run_entry(order, api, begin)
        _flush()  # what it printed belongs to its own log
        if os.getpid() != cell:
            api.write(FORKED_CHILD)
            return
        api.write(report)
        if not returned or traces is None:
            return
        api.close()
        left = traces.left()
        _flush()  # what was finalised may have printed: the next log is not for that
        orders.send({"left": left})
        if left:
            return
        order, api = _wait_for_turn(orders)


def _wait_for_turn(orders: MessageChannel) -> tuple[Order, CellApi]:
    """The next order, with a report and a log of its own: it cannot write to those of another job."""
    order, scratch, (report, log, *files) = _receive(orders)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    return order, _api(order, scratch, report, files)


def _prepare(channels: Channels, setup: CellSetup) -> Ruleset | None:
    """Does everything that does not depend on the order, so that less is left to do when it comes."""
    kernel_calls.die_with_parent(signal.SIGKILL)
    if os.getppid() != channels.parent:  # it died before the line above, so the kernel would not kill us
        os._exit(_NO_ORDER_EXIT)
    os.setsid()
    _keep_only(channels)
    os.setpriority(os.PRIO_PROCESS, 0, setup.niceness)
    _offer_to_the_oom_killer()
    if setup.private:
        kernel_calls.unshare(kernel_calls.CLONE_NEWIPC)
    kernel_calls.drop_privileges()
    seccomp.protect_other_processes()
    kernel_calls.hide_memory(hidden=False)
    sys.dont_write_bytecode = True
    if not setup.landlock_abi:
        return None
    ruleset = Ruleset(setup.landlock_abi)
    ruleset.grant(setup.grants)
    return ruleset


def _offer_to_the_oom_killer() -> None:
    """Makes the kernel kill this cell, and not the process that supervises it, when memory runs out."""
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


def _wait_for_order(orders: MessageChannel, report: int) -> tuple[Order, CellApi]:
    order, scratch, files = _receive(orders)
    return order, _api(order, scratch, report, files)


def _receive(orders: MessageChannel) -> tuple[Order, Path, list[int]]:
    """The next order, its scratch folder, and the descriptors that came with it."""
    message = orders.receive()
    if message is None:
        raise HangupError("there is no order")
    return Order.from_json(message["order"]), Path(message["scratch"]), orders.take_descriptors()


def _api(order: Order, scratch: Path, report: int, files: Sequence[int]) -> CellApi:
    places = dict(zip([*order.outputs, *order.inputs], files, strict=True))
    return CellApi(
        scratch=scratch,
        report=report,
        outputs={name: places[name] for name in order.outputs},
        inputs={name: places[name] for name in order.inputs},
    )


def _apply_order(order: Order, scratch: Path, setup: CellSetup) -> None:
    _set_environment(order.limits.threads, scratch)
    os.environ.update(order.environment)
    for place, target in order.in_home.items():
        (scratch / place).parent.mkdir(parents=True, exist_ok=True)
        (scratch / place).symlink_to(target)
    if order.limits.threads != LOADED_THREADS:
        setup.threadpools.limit(limits=order.limits.threads)
    os.chdir(scratch)
    put_first_on_path(order.import_path)
    gc.enable()


def _set_environment(threads: int, scratch: Path) -> None:
    wanted = {
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
        **dict.fromkeys(_FOLDER_VARIABLES, str(scratch)),
        _CACHE_VARIABLE: str(scratch / _CACHE),
    }
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    tempfile.tempdir = None


def put_first_on_path(entries: Sequence[str]) -> None:
    """Puts the folders first on the import path. One that is on the path already keeps its place."""
    for entry in entries:
        sys.path_importer_cache.pop(entry, None)  # a folder that did not exist before is remembered as such
    sys.path[:0] = [entry for entry in entries if entry not in sys.path]


def _run_entry(order: Order, api: CellApi, confine: Callable[[], None]) -> tuple[bytes, bool]:
    """The report on the entry, and whether it returned. `confine` is called just before the entry.

    Untrusted code runs in it: whatever it raises is caught here and described.
    """
    file = ""
    try:
        entry = _find(order.entry)
        file = entry.__code__.co_filename
        confine()
        value = entry(order.payload, api)
        api.flush()
        return cell_api.encode({"end": End.RETURNED, "value": value}), True
    except KeyboardInterrupt as error:
        return _exited(error, _INTERRUPTED_EXIT, file), False
    except SystemExit as error:
        return _exited(error, _exit_code(error), file), False
    except BaseException as error:  # noqa: BLE001 - untrusted code may raise anything; uncaught, there would be no report
        return _raised(error, api.scratch, file), False


def _find(path: str) -> FunctionType:
    module, _, name = path.partition(":")
    entry = getattr(importlib.import_module(module), name)
    if not isinstance(entry, FunctionType):
        raise TypeError(f"the entry {path!r} is {entry!r}: expected a plain function of (payload, inside)")
    return entry


def _confine(order: Order, scratch: Path, ruleset: Ruleset | None) -> None:
    """Set the limits and close the file system, which cannot be undone. After this only the entry runs."""
    _set_limits(order.limits, growth_mb=GROWTH_MB if order.shared else 0)
    # A shared cell gives back between two orders what it has, and has memory from the order before.
    if order.limits.mapped_bytes > _MUCH_DATA and not order.shared:
        kernel_calls.heap_of_huge_pages()
    if not order.network:
        seccomp.close_network()
    if ruleset is not None:
        ruleset.grant(file_grants.for_order(order, scratch))
        ruleset.enter()


def _set_limits(limits: Limits, *, growth_mb: int) -> None:
    """`growth_mb`: by how much the process may be larger when a later order comes, which then has as much."""
    largest = limits.file_mb * _MB
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    if limits.memory_mb is not None:
        kernel_calls.limit_arenas(limits.threads + 1)
        most = _address_space() + limits.mapped_bytes + (limits.memory_mb + _slack_mb(limits.threads)) * _MB
        _, hard = resource.getrlimit(resource.RLIMIT_AS)  # it cannot be raised again
        wanted = most + (_RESERVE_MB + growth_mb) * _MB
        hard = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_AS, (min(most, hard), hard))


def _slack_mb(threads: int) -> int:
    """Address space that threads reserve without using it. `LimitsCheck` counts the memory that is used."""
    return _BASE_SLACK_MB + (threads + 1) * _HEAP_MB + (threads + _SERVICE_THREADS) * _STACK_MB


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    return pages * resource.getpagesize()


def _raised(error: BaseException, scratch: Path, entry_file: str) -> bytes:
    if isinstance(error, MemoryError):
        _free_memory(error)
    described = exception_report.describe(error, entry_file=entry_file)
    return cell_api.encode({"end": exception_report.end_of(error, scratch), "error": asdict(described)})


def _free_memory(error: MemoryError) -> None:
    """Makes memory to describe the error: drops what its frames hold, and lifts the limit by the reserve."""
    traceback.clear_frames(error.__traceback__)
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _exited(error: BaseException, code: int, entry_file: str) -> bytes:
    described = asdict(exception_report.describe(error, entry_file=entry_file))
    if isinstance(error, KeyboardInterrupt):
        described |= {"message": "it raised KeyboardInterrupt, or sent itself SIGINT", "hint": _NO_CTRL_C}
    else:
        described |= {
            "message": f"it left with exit code {code}",
            "hint": "A candidate must return, not exit.",
        }
    return cell_api.encode({"end": End.EXITED, "exit_code": code, "error": described})


def _exit_code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    with suppress(BaseException):  # the code may be any object, whose __str__ may raise anything
        print(error.code, file=sys.stderr)  # noqa: T201 - what Python does with it
    return 1


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(BaseException):  # untrusted code may have put any object there
            stream.flush()
    kernel_calls.flush()
