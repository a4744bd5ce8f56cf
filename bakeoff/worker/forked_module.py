"""Running a module of ours in a forked child, as `python -m` would run it in a new process.

The child shares the memory of all that its parent has imported, and needs no second to import it again. What
`exec` would have made new is made new here: environment, arguments, streams and signals.

The parent may have neither threads nor connections to an SQLite database when it forks: a child that inherits
one believes that it holds locks which the kernel knows nothing of.
"""

import atexit
import gc
import importlib
import os
import runpy
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from bakeoff.cell.confinement.kernel_calls import release_pages_of_files, show_command
from bakeoff.cell.inside.cell_main import THREAD_VARIABLES
from bakeoff.domain.machine.own_packages_and_disk_space import own_packages_first

#: What comes before the name of the module in a command that can be forked.
_PYTHON = (sys.executable, "-P", "-m")
_STDOUT, _STDERR = 1, 2


class ForkedProcess:
    """As much of `subprocess.Popen` as a supervisor needs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def load(modules: Iterable[str]) -> None:
    """Imports what children will need, once, and keeps the collector from writing to its pages.

    This process itself needs little of it: pages of files are given back, and children map what they touch.
    """
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))  # threads of BLAS would not be there in a child
    try:
        with own_packages_first():
            for module in modules:
                importlib.import_module(module)
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
    gc.collect()
    gc.freeze()
    release_pages_of_files()


def fork(
    command: Sequence[str], environment: Mapping[str, str], output: int | None, prepare: Callable[[], None]
) -> ForkedProcess:
    """`command` is `python -P -m MODULE ...`. `output`: where it writes; None: where we do.

    `prepare` is called in the child first.
    """
    if tuple(command[: len(_PYTHON)]) != _PYTHON:
        raise ValueError(f"{command[:4]} cannot be forked: expected {' '.join(_PYTHON)} MODULE")

    def become_it() -> None:
        _become(command, environment, output)
        _run(command[len(_PYTHON) :])

    return fork_for(become_it, prepare)


def fork_for(work: Callable[[], None], prepare: Callable[[], None]) -> ForkedProcess:
    """Has a forked child do some work. What that loads and writes takes no memory of this process.

    The exit code is 0 if nothing was raised. `prepare` is called first, while signals are held back.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    signals = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
    # One that comes between the fork and the reset would be heard by a handler that is the parent's.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return ForkedProcess(pid)
    try:
        prepare()
        signal.set_wakeup_fd(-1)
        for number in signals:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - nothing of the parent's stack may go on in the child
        traceback.print_exc()
    os._exit(1)


def _become(command: Sequence[str], environment: Mapping[str, str], output: int | None) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if output is not None:
        os.dup2(output, _STDOUT)
        os.dup2(output, _STDERR)
    os.environ.clear()
    os.environ.update(environment)
    with suppress(OSError):  # a kernel without it shows the command of the parent
        show_command(command)
    if not sys.flags.safe_path and sys.path and sys.path[0] in {"", str(Path.cwd())}:
        del sys.path[0]


def _run(words: Sequence[str]) -> NoReturn:
    """The module, and what the interpreter does at its end."""
    module, *arguments = words
    sys.argv[:] = [module, *arguments]
    sys.modules.pop(module, None)  # else Python warns that it was imported before it is run
    code = 1
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
        if isinstance(exc.code, str):
            print(exc.code, file=sys.stderr)  # noqa: T201 - as the interpreter does
    except BaseException:  # noqa: BLE001 - shown as the interpreter does it
        traceback.print_exc()
    with suppress(Exception):
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - waits for threads, as at every end
    with suppress(BaseException):
        atexit._run_exitfuncs()  # noqa: SLF001 - so does `multiprocessing` in its forked children
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
