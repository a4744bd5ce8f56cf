"""Well-behaved entries, and what they find inside a cell."""

# They print, and use whatever is at hand, as strangers do.
# ruff: noqa: PTH109, PTH115, PTH208

import ctypes
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from bakeoff.cell.inside.cell_api import EntryFailure


def echo(payload, inside):
    return payload


def walk_through_phases(payload, inside):
    for name in ("construct", "fit", "predict"):
        inside.phase(name)
    return len(inside.scratch.parts)


def print_in_many_ways(payload, inside):
    print("from print")
    print("to stderr", file=sys.stderr)
    ctypes.CDLL(None).puts(b"from C")
    os.system("echo from a child")
    logging.getLogger("x").warning("from logging")


def write_outputs(payload, inside):
    for name, text in payload.items():
        with inside.output(name) as file:
            file.write(text.encode())


def write_output_without_closing(payload, inside):
    inside.output("a").write(b"left open")


def ask_for_an_output_that_is_not_there(payload, inside):
    inside.output("b")


def save_an_array(payload, inside):
    import numpy as np

    np.save(inside.output("a"), np.arange(payload))


def fail_after_writing(payload, inside):
    inside.output("a").write(b"half")
    raise RuntimeError("half way")


def describe_surroundings(payload, inside):
    return {
        "environment": dict(os.environ),
        "descriptors": sorted(
            int(name) for name in os.listdir("/proc/self/fd") if Path(f"/proc/self/fd/{name}").exists()
        ),
        "folder": os.getcwd(),
        "scratch": str(inside.scratch),
        "temporary": tempfile.gettempdir(),
        "stdin": os.readlink("/proc/self/fd/0"),
        "first to go": Path("/proc/self/oom_score_adj").read_text().strip(),
        "session": os.getsid(0) == os.getpid(),
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "threads": [thread.name for thread in threading.enumerate()],
        "ignored": [s.name for s in signal.Signals if signal.getsignal(s) is signal.SIG_IGN],
        "capabilities": [
            line.split()[1]
            for line in Path("/proc/self/status").read_text().splitlines()
            if line.startswith(("CapEff", "CapPrm"))
        ],
        "path": sys.path,
        "main": getattr(sys.modules["__main__"], "__file__", None),
    }


def count_threads(payload, inside):
    import joblib
    import numpy as np
    import threadpoolctl

    wanted = joblib.effective_n_jobs(-1)
    values = np.random.default_rng(0).random((400, 400))
    values @ values
    return {
        "n_jobs=-1": wanted,
        "pools": sorted({pool["num_threads"] for pool in threadpoolctl.threadpool_info()}),
        "tasks": len(os.listdir("/proc/self/task")),
    }


def square(number):
    return number * number, os.getpid()


def spread_over_loky(payload, inside):
    import joblib

    answers = joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(square)(n) for n in range(4))
    return {
        "values": [value for value, _ in answers],
        "elsewhere": os.getpid() not in {pid for _, pid in answers},
    }


def spread_over_multiprocessing(payload, inside):
    import multiprocessing

    with multiprocessing.get_context(payload).Pool(2) as pool:
        answers = pool.map(square, range(4))
    return {
        "values": [value for value, _ in answers],
        "elsewhere": os.getpid() not in {pid for _, pid in answers},
    }


def fit_a_forest(payload, inside):
    import numpy as np
    from sklearn.ensemble import RandomForestClassifier

    generator = np.random.default_rng(0)
    X, y = generator.random((300, 5)), generator.integers(0, 2, 300)
    return float(RandomForestClassifier(20, n_jobs=payload, random_state=0).fit(X, y).score(X, y))


def use_shared_memory(payload, inside):
    from multiprocessing import shared_memory

    block = shared_memory.SharedMemory(create=True, size=1024, name="left_behind")
    block.buf[0] = 7
    (inside.scratch / "file").write_text("x")
    return sorted(os.listdir("/dev/shm")), sorted(os.listdir(inside.scratch))


def list_shared_folders(payload, inside):
    return sorted(os.listdir("/dev/shm")), sorted(os.listdir(inside.scratch))


def report_in_own_words(payload, inside):
    raise EntryFailure("NoSuchColumn", "the column age is missing", hint="add it", traceback="line 3")


def import_a_plugin(payload, inside):
    import importlib

    inside.phase("import")
    return importlib.import_module(payload).ANSWER


def locate(payload, inside):
    import importlib

    return importlib.import_module(payload).__file__


def read_file(payload, inside):
    return Path(payload).read_text()


def burn_cpu_in_a_child(payload, inside):
    if (pid := os.fork()) == 0:
        until = time.process_time() + payload
        while time.process_time() < until:
            pass
        os._exit(0)
    os.waitpid(pid, 0)


def hold_memory(payload, inside):
    import numpy as np

    kept = np.ones(payload["mb"] * 2**17)
    time.sleep(payload["s"])
    return float(kept[0])


def hold_memory_together(payload, inside):
    import numpy as np

    kept = np.ones(payload["mb"] * 2**17)
    children = []
    for _ in range(payload["children"]):
        if (pid := os.fork()) == 0:
            time.sleep(payload["s"])
            os._exit(int(kept[0]) - 1)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    return "held"


def sleep(payload, inside):
    inside.phase("fit")
    print("sleeping", flush=True)
    time.sleep(payload)


def connect_to(payload, inside):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(payload)
        return connection.recv(100).decode()


def run_program(payload, inside):
    return subprocess.run(payload, capture_output=True, text=True, check=False).stdout


def return_what_json_cannot_hold(payload, inside):
    return {1, 2}


def return_lone_surrogate(payload, inside):
    return "\ud800"


def return_much(payload, inside):
    return "x" * payload


def map_file(payload, inside):
    import numpy as np

    return int(np.memmap(payload, mode="r")[-10:].sum())


class _Endless:
    """Whoever finalises or flushes it waits."""

    def __del__(self):
        time.sleep(60)

    def write(self, text):
        pass

    def flush(self):
        time.sleep(60)


def keep_what_hangs_when_finalised(payload, inside):
    inside.keep(_Endless())
    return "done"


def leave_an_output_that_hangs_when_flushed(payload, inside):
    sys.stdout = _Endless()
    return "done"
