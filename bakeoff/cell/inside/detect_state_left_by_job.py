"""What a job may change in its process, so that the next one there might not be what it would be elsewhere.

A cell that candidates of installed libraries share is looked at before its first job and after each. It runs
another job only if all of this is as it was. Nothing is put right again, except what `forget` names: a cell
is cheap, and a repair that misses something is not seen.

Global random generators are not looked at, since each job seeds them before anything else.
"""

import atexit
import builtins
import decimal
import gc
import locale
import logging
import os
import resource
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from bakeoff.cell.confinement import kernel_calls

#: How much larger than before its first job a process may be: memory allocators keep some for later.
GROWTH_MB = 32

_SIZES = ("VmSize", "RssAnon")  #: of the address space, and of the memory that only this process has
#: Lines of /proc/self/status. `VmLib` is the code of the shared libraries, however they were loaded.
_STATUS = ("Umask", "Threads", "SigBlk", "SigIgn", "SigCgt", "Cpus_allowed", "VmLib", "Seccomp")
#: Python would compute with literals once, when it compiles.
_ONE, _SMALL, _LEAST_NORMAL, _LEAST = 1.0, 1e-20, sys.float_info.min, 5e-324
_MOST_NAMED = 3
_THREADS_END_S = 0.01
_STREAMS = 2  #: the log is connected anew to standard output and standard error for each job
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_SIGNALS = tuple(map(int, signal.valid_signals()))
_LIMITS = tuple(
    number
    for name, number in vars(resource).items()
    if name.startswith("RLIMIT_") and name != "RLIMIT_AS"  # each job sets that one anew
)


class Threadpools(Protocol):
    """Those of the libraries that are loaded."""

    def limit(self, *, limits: int) -> object: ...

    def info(self) -> list[dict[str, Any]]: ...


class ProcessTraces:
    """How a process was when this object was made."""

    def __init__(self, threadpools: Threadpools | None = None, *, passing: Iterable[int] = ()) -> None:
        """`passing`: descriptors that are the job's own, and closed at its end."""
        self._looks: Mapping[str, Callable[[], object]] = {
            **_LOOKS,
            "thread pools": lambda: _thread_counts(threadpools),
        }
        forget()
        for _ in range(2):  # the first look may itself load something
            self._status = _status()
            self._descriptors = _descriptors() - set(passing)
            self._seen = {name: look() for name, look in self._looks.items()}

    def left(self) -> list[str]:
        """What is not as it was, in words; nothing: a job that begins now begins as the first one did."""
        forget()
        status = self._status_at_rest()
        if any(_grown_mb(self._status, status, size) > GROWTH_MB for size in _SIZES):
            kernel_calls.return_free_memory()
            status = _status()
        return [
            *(f"{name} grew by {mb} MB" for name in _SIZES if (mb := self._growth_mb(status, name))),
            *(name for name in _STATUS if status.get(name) != self._status.get(name)),
            *(["descriptors"] if _descriptors() != self._descriptors else []),
            *(
                _named(name, self._seen[name], now)
                for name, look in self._looks.items()
                if (now := look()) != self._seen[name]
            ),
        ]

    def _status_at_rest(self) -> dict[str, str]:
        """The kernel counts a thread for a moment after it was joined."""
        until = time.monotonic() + _THREADS_END_S
        while (status := _status())["Threads"] != self._status["Threads"] and time.monotonic() < until:
            time.sleep(_THREADS_END_S / 10)
        return status

    def _growth_mb(self, status: Mapping[str, str], name: str) -> int:
        grown_mb = _grown_mb(self._status, status, name)
        return grown_mb if grown_mb > GROWTH_MB else 0


def _named(name: str, before: object, now: object) -> str:
    """With the first of what differs, where it has names."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return name
    others = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    return f"{name} ({', '.join(map(str, others[:_MOST_NAMED]))})"


def forget() -> None:
    """Between two jobs: of garbage, of which warnings were shown, of the place of temporary files."""
    gc.collect()
    with warnings.catch_warnings():
        pass  # leaving it makes every module forget which of its warnings were shown
    getattr(warnings, "onceregistry", {}).clear()
    tempfile.tempdir = None


def _status() -> dict[str, str]:
    lines = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _grown_mb(before: Mapping[str, str], after: Mapping[str, str], name: str) -> int:
    first, last = (int(status.get(name, "0 kB").split()[0]) for status in (before, after))
    return (last - first) // 1024


def _descriptors() -> set[int]:
    """All but the streams, and but that with which this is read."""
    return {
        number
        for name in os.listdir("/proc/self/fd")  # noqa: PTH208 - names are enough
        if (number := int(name)) > _STREAMS and _is_open(number)
    }


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _thread_counts(threadpools: Threadpools | None) -> list[int]:
    return [] if threadpools is None else [pool["num_threads"] for pool in threadpools.info()]


def _environment() -> object:
    """That of Python, and that of the C library, which compiled code may change alone."""
    return {**os.environ, "(of the C library)": sorted(kernel_calls.environment())}


def _arithmetic() -> object:
    """Shows how the processor rounds, and whether it takes the smallest numbers for 0.

    Compiled code may set both, and later fits of any library would differ in their last digits.
    """
    return _ONE + _SMALL, _ONE - _SMALL, _LEAST_NORMAL / 2, _LEAST * 2**60


def _folder() -> object:
    try:
        return os.getcwd()  # noqa: PTH109 - text is enough
    except OSError:
        return None


def _children() -> object:
    """What ended descendants used: not all zero, if there were any."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_maxrss, used.ru_utime, used.ru_stime


def _modules() -> object:
    return dict(zip(list(sys.modules), map(id, list(sys.modules.values())), strict=True))


def _import_system() -> object:
    return list(sys.path), list(map(id, sys.meta_path)), list(map(id, sys.path_hooks))


def _hooks() -> object:
    named = (sys.excepthook, sys.unraisablehook, sys.displayhook, threading.excepthook)
    traced = (sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile())
    streams = (sys.stdin, sys.stdout, sys.stderr)
    switches = (sys.getrecursionlimit(), sys.getswitchinterval(), sys.dont_write_bytecode)
    return [*map(id, (*named, *traced, *streams)), *switches, _ncallbacks()]


def _ncallbacks() -> int:
    return int(getattr(atexit, "_ncallbacks", int)())


def _builtins() -> object:
    return {name: id(value) for name, value in vars(builtins).items() if name != "_"}


def _signals() -> object:
    handlers = [signal.getsignal(number) for number in _SIGNALS]
    return list(map(id, handlers)), [signal.getitimer(timer) for timer in _TIMERS]


def _collector() -> object:
    return gc.isenabled(), gc.get_threshold(), gc.get_debug(), list(map(id, gc.callbacks))


def _place_in_the_system() -> object:
    limits = [resource.getrlimit(number) for number in _LIMITS]
    return os.getpriority(os.PRIO_PROCESS, 0), os.getpgrp(), os.getsid(0), limits


def _warnings() -> object:
    return list(warnings.filters), id(warnings.showwarning), id(warnings.formatwarning)


def _logging() -> object:
    manager = logging.root.manager
    own = (id(logging.lastResort), id(logging.Logger.handle), logging.raiseExceptions, manager.disable)
    loggers = {
        name: (logger.level, logger.propagate, logger.disabled, list(map(id, logger.handlers)))
        for name, logger in [("root", logging.root), *list(manager.loggerDict.items())]
        if isinstance(logger, logging.Logger)
    }
    return own, loggers


def _numpy() -> object:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    generator = numpy.random.get_state(legacy=False)["bit_generator"]
    return numpy.geterr(), id(numpy.geterrcall()), repr(numpy.get_printoptions()), generator


def _sklearn() -> object:
    sklearn = sys.modules.get("sklearn")
    return None if sklearn is None else sklearn.get_config()


def _pandas() -> object:
    config = sys.modules.get("pandas._config.config")
    return None if config is None else repr(getattr(config, "_global_config", None))


def _joblib() -> object:
    joblib = sys.modules.get("joblib.parallel")
    if joblib is None:
        return None
    backend, jobs = joblib.get_active_backend()
    return type(backend), jobs, sorted(map(str, joblib.BACKENDS))


def _multiprocessing() -> object:
    """The start method that was chosen; the default one is not chosen before it is used."""
    contexts = sys.modules.get("multiprocessing.context")
    if contexts is None:
        return None
    default = contexts._default_context  # noqa: SLF001 - asking the public one loads the module
    return default.get_start_method(allow_none=True) or default._default_context.get_start_method()  # noqa: SLF001


_LOOKS: Mapping[str, Callable[[], object]] = {
    "environment": _environment,
    "working folder": _folder,
    "child processes": _children,
    "modules": _modules,
    "import system": _import_system,
    "hooks of Python": _hooks,
    "built-in names": _builtins,
    "signal handlers": _signals,
    "garbage collector": _collector,
    "limits and groups": _place_in_the_system,
    "warning filters": _warnings,
    "logging": _logging,
    "locale": lambda: locale.setlocale(locale.LC_ALL),
    "floating-point arithmetic": _arithmetic,
    "decimal context": lambda: repr(decimal.getcontext()),
    "numpy": _numpy,
    "scikit-learn": _sklearn,
    "pandas": _pandas,
    "joblib": _joblib,
    "multiprocessing": _multiprocessing,
}
