"""What a job may leave in its process: each kind is seen, and what every job does is not taken for one."""

import gc
import json
import os
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
from threadpoolctl import ThreadpoolController

from bakeoff.cell.confinement.kernel_calls import return_free_memory
from bakeoff.cell.inside import detect_state_left_by_job
from bakeoff.cell.inside.detect_state_left_by_job import ProcessTraces

#: The number of the mode on x86, and on ARM; the other one is refused.
ROUND_UP = "import ctypes; [ctypes.CDLL('libm.so.6').fesetround(mode) for mode in (0x800, 0x400000)]"
#: As a library does when it is loaded that was compiled with -ffast-math.
FLUSH_TO_ZERO = """
import ctypes, platform
place, bits = (7, 0x8040) if platform.machine() == "x86_64" else (0, 1 << 24)
math, modes = ctypes.CDLL("libm.so.6"), (ctypes.c_uint32 * 8)()
math.fegetenv(modes)
modes[place] |= bits
math.fesetenv(modes)
"""
#: Run in a process of its own between two looks, and a word of what must be seen.
LEFT = {
    "import os; os.environ['LEFT'] = 'x'": "environment",
    "import ctypes; ctypes.CDLL(None).setenv(b'LEFT', b'x', 1)": "environment",
    "import os; os.chdir('/')": "working folder",
    "import os; os.umask(0o007)": "Umask",
    "import os; kept = os.open('/dev/null', os.O_RDONLY)": "descriptors",
    "import threading, time; threading.Thread(target=time.sleep, args=(9,), daemon=True).start()": "Threads",
    "import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)": "SigIgn",
    "import signal; signal.signal(signal.SIGUSR1, lambda *_: None)": "SigCgt",
    "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])": "SigBlk",
    "import signal; signal.setitimer(signal.ITIMER_REAL, 60)": "signal handlers",
    "import os; os.nice(1)": "limits and groups",
    "import resource as r; r.setrlimit(r.RLIMIT_CORE, (1, 1))": "limits and groups",
    "import subprocess; subprocess.run(['true'])": "child processes",
    "import random; random.left = 1; import sys; sys.modules['left'] = random": "modules (left)",
    "import sys; del sys.modules['json']": "modules (json)",
    "import sys; sys.path.append('/left')": "import system",
    "import sys; sys.meta_path.append(object())": "import system",
    "import sys; sys.excepthook = print": "hooks of Python",
    "import sys, io; sys.stdout = io.StringIO()": "hooks of Python",
    "import sys; sys.setrecursionlimit(5000)": "hooks of Python",
    "import atexit; atexit.register(print)": "hooks of Python",
    "import builtins; builtins.left = 1": "built-in names (left)",
    "import gc; gc.disable()": "garbage collector",
    "import gc; gc.set_threshold(1)": "garbage collector",
    "import warnings; warnings.simplefilter('ignore')": "warning filters",
    "import warnings; warnings.showwarning = print": "warning filters",
    "import logging; logging.getLogger().setLevel(1)": "logging",
    "import logging; logging.getLogger('sklearn').addHandler(logging.NullHandler())": "logging",
    "import logging; logging.disable(logging.ERROR)": "logging",
    "import locale as a; a.setlocale(0, 'C.UTF-8' if a.setlocale(0) == 'C' else 'C')": "locale",
    "import decimal; decimal.getcontext().prec = 5": "decimal context",
    ROUND_UP: "floating-point arithmetic",
    FLUSH_TO_ZERO: "floating-point arithmetic",
    "import numpy; numpy.seterr(all='raise')": "numpy",
    "import numpy; numpy.set_printoptions(precision=3)": "numpy",
    "import numpy; numpy.random.set_bit_generator(numpy.random.PCG64())": "numpy",
    "import sklearn; sklearn.set_config(assume_finite=True)": "scikit-learn",
    "import pandas; pandas.set_option('display.width', 7)": "pandas",
    "import joblib; joblib.parallel_config('threading', n_jobs=2)": "joblib",
    "import multiprocessing; multiprocessing.set_start_method('spawn', force=True)": "multiprocessing",
    "from threadpoolctl import threadpool_limits; threadpool_limits(3)": "thread pools",
    "import numpy; kept = numpy.ones(50 * 2**17)": "RssAnon grew by",
    "import mmap; kept = mmap.mmap(-1, 50 * 2**20)": "VmSize grew by",
}

#: What jobs do all the time, and what leaves nothing that another one could meet.
NOTHING = {
    "nothing": "",
    "chance": "import random, numpy; random.random(); numpy.random.rand(3)",
    "memory that is free again": "import numpy; numpy.ones(50 * 2**17).sum()",
    "a temporary file": "import tempfile; tempfile.TemporaryFile().close()",
    "garbage": "kept = []; kept.append(kept); del kept",
    "filters for a while": "import warnings\nwith warnings.catch_warnings(): warnings.simplefilter('ignore')",
    "settings for a while": "import sklearn\nwith sklearn.config_context(assume_finite=True): pass",
    "errors for a while": "import numpy\nwith numpy.errstate(all='raise'): pass",
    "a thread that ends": "import threading; t = threading.Thread(target=int); t.start(); t.join()",
}


def left_by(deed: str) -> list[str]:
    return in_a_process_of_its_own(lambda _: exec(deed, {}))


def in_a_process_of_its_own(deed: Callable[[ProcessTraces], object]) -> Any:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            gc.freeze()  # what the tests before this one have made is not looked through four times
            return_free_memory()  # which tests have left; else it would hide what the deed takes
            traces = ProcessTraces(ThreadpoolController())
            found = deed(traces)
            os.write(writer, json.dumps(found if isinstance(found, list) else traces.left()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:  # noqa: PTH123 - a descriptor
        answer = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(answer)


def test_the_libraries_that_are_looked_at_are_loaded() -> None:
    assert (np.__name__, sklearn.__name__, joblib.__name__) == ("numpy", "sklearn", "joblib")


@pytest.mark.parametrize(("deed", "named"), LEFT.items())
def test_what_is_left_is_seen_and_named(deed: str, named: str) -> None:
    assert named in "; ".join(left_by("kept = None\n" + deed + "\nimport builtins as b; b._ = kept"))


@pytest.mark.parametrize("deed", NOTHING.values(), ids=NOTHING)
def test_what_every_job_does_is_nothing_that_is_left(deed: str) -> None:
    assert left_by(deed) == []


def test_what_was_there_before_is_nothing_that_is_left() -> None:
    before = os.open("/dev/null", os.O_RDONLY)
    try:
        assert left_by("") == []
    finally:
        os.close(before)


def test_descriptors_of_the_job_itself_may_be_gone() -> None:
    def deed(_: ProcessTraces) -> list[str]:
        own = os.open("/dev/null", os.O_RDONLY)
        traces = ProcessTraces(passing=[own])
        os.close(own)
        return traces.left()

    assert in_a_process_of_its_own(deed) == []


def test_a_warning_that_was_shown_is_shown_again() -> None:
    def deed(traces: ProcessTraces) -> list[str]:
        import warnings

        def shown() -> int:
            seen: list[object] = []
            warnings.showwarning = lambda *_, **__: seen.append(1)
            for _ in range(3):
                exec(compile("import warnings; warnings.warn('w')", "lib", "exec"), registry)
            return len(seen)

        registry: dict[str, Any] = {"__name__": "lib"}
        warnings.simplefilter("default")
        first = shown()
        detect_state_left_by_job.forget()
        return [str(first), str(shown())]

    assert in_a_process_of_its_own(deed) == ["1", "1"]
