"""For processes that import much and live briefly: less work at their start and at their end.

Imports make some hundred thousand objects that live as long as the process. With Python's default, the
collector looks through them about seven hundred times, which is up to a fifth of the start of a command. At
the end, Python takes them all down again, one by one, before the kernel frees the memory at once.
"""

import atexit
import gc
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
_NEVER = 1_000_000  #: collections of younger objects between two of all


def collect_seldom() -> None:
    """Called before the imports."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """For a while, in a process that is not ours. What it has chosen itself, if that is as seldom, stays.

    Of several threads at once, only the one that changed it puts it back: another would put back the change.
    """
    before = gc.get_threshold()
    changes = 0 < before[0] < _OBJECTS_BETWEEN_COLLECTIONS
    if changes:
        # And none of all objects, which takes a tenth of a second where the user has loaded libraries.
        gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, before[1], _NEVER)
    try:
        yield
    finally:
        if changes:
            gc.set_threshold(*before)


def run_and_end(main: Callable[[], None]) -> None:
    """Runs `main` and ends the process: after its threads and exit functions, its memory as it is."""
    code, process = 1, os.getpid()

    def end() -> None:
        if os.getpid() != process:  # a forked child, which has an end of its own
            return
        logging.shutdown()  # the exit function of logging is older, and would come after this one
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # a pipe that nobody reads any more, or a closed stream
                stream.flush()
        os._exit(code)

    # The first that is registered is called last: those that `main` registers come before it.
    atexit.register(end)
    try:
        main()
        code = 0
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
        raise
