"""Candidates that do to a worker whatever strangers could, and honest ones that must not notice.

What a process can do stands in `cell_gallery`, where cells alone are tried with it; here a model does it, in
`fit`, and then goes on as if nothing had happened.
"""

# They print, meddle, and use whatever is at hand, as strangers do.
# ruff: noqa: ARG005, PD002, PTH115

import builtins
import ctypes
import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from plugins import cell_gallery


class Honest:
    """The nearest mean of two, with noise from every source of chance there is, after a nap."""

    def __init__(self, nap=0.0, spread=0.5, random_state=None):
        self.nap = nap
        self.spread = spread
        self.random_state = random_state

    def fit(self, X, y):
        time.sleep(self.nap)
        noise = np.random.default_rng(self.random_state).normal(0, self.spread, X.shape[1])
        noise += np.random.normal(0, self.spread) + random.gauss(0, self.spread)
        values, labels = np.asarray(X, dtype=float), np.asarray(y)
        self.means = [values[labels == label].mean(axis=0) + noise for label in (0, 1)]

    def predict(self, X):
        values = np.asarray(X, dtype=float)
        far = [((values - mean) ** 2).sum(axis=1) for mean in self.means]
        return (far[1] < far[0]).astype(int)


class _Inside:
    """As much of what an entry is given as a model can find by itself."""

    def __init__(self):
        self.scratch = Path.cwd()
        self._report = next(
            number for number in range(3, 64) if _link(f"/proc/self/fd/{number}").startswith("pipe:")
        )

    def phase(self, name):
        """Nobody would know."""


def _link(path):
    with suppress(OSError):
        return os.readlink(path)
    return ""


class Does(Honest):
    """`act` is a function below, or one of `cell_gallery`."""

    def __init__(self, act, payload=None, random_state=None):
        super().__init__(random_state=random_state)
        self.act = act
        self.payload = payload

    def fit(self, X, y):
        if self.act in ACTS:
            ACTS[self.act](X, y, self.payload)
        else:
            print(getattr(cell_gallery, self.act)(self.payload, _Inside()))
        super().fit(X, y)


class Predicts(Honest):
    """`what` is a key of ANSWERS."""

    def __init__(self, what, random_state=None):
        super().__init__(random_state=random_state)
        self.what = what

    def predict(self, X):
        return ANSWERS[self.what](super().predict(X))


class _Liar:
    """Says that it is an array as long as need be."""

    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("not really")


ANSWERS = {
    "one too few": lambda honest: honest[1:],
    "one too many": lambda honest: [*honest, 1],
    "nothing": lambda honest: None,
    "a single value": lambda honest: 1,
    "a matrix": lambda honest: np.eye(len(honest)),
    "objects": lambda honest: [object() for _ in honest],
    "text and numbers": lambda honest: ["a", *honest[1:]],
    "not a number": lambda honest: [float("nan"), *honest[1:]],
    "infinite": lambda honest: honest / 0.0,
    "complex": lambda honest: honest * 1j,
    "too large": lambda honest: [2**70 for _ in honest],
    "masked": lambda honest: np.ma.masked_array(honest, honest == honest[0]),
    "a generator": lambda honest: (value for value in honest),
    "a lie": lambda honest: _Liar(len(honest)),
    "a frame": lambda honest: pd.DataFrame({"a": honest, "b": honest}),
    "itself": lambda honest: Predicts("itself"),
    "labels never seen": lambda honest: honest + 7,
    "very long labels": lambda honest: ["x" * 10**6 for _ in honest],
}


def change_the_input(X, y, payload):
    with suppress(ValueError):
        X.iloc[:, :] = -1.0
    for array in (np.asarray(X), np.asarray(y), *(np.asarray(X[name]) for name in X)):
        with suppress(ValueError):
            array.setflags(write=True)
        if array.flags.writeable:
            array[...] = 0
    X.drop(columns=list(X), inplace=True)
    X["a"], X["b"] = 0.0, 1.0


def change_chance(X, y, payload):
    random.seed(payload)
    np.random.seed(payload)
    os.environ["PYTHONHASHSEED"] = str(payload)


def change_numpy(X, y, payload):
    np.mean = np.sum = np.asarray = None
    np.ndarray = list


def change_builtins(X, y, payload):
    builtins.len = lambda _: 0
    builtins.isinstance = lambda *_: True
    sys.modules.clear()


def forge_the_time(X, y, payload):
    ticks = iter(payload)
    time.perf_counter = lambda: next(ticks)


def forge_the_predictions(X, y, payload):
    def save(file, values, **options):
        if payload == "archive":
            np.savez(file, values)
        elif payload == "hole":
            file.write(_header(f"({2**29},)"))
            _grow_every_file(2**29)
        elif payload == "single":
            file.write(_header("()") + b"\1" * 8)
        else:
            file.write(payload.encode())

    np.save = save


def _grow_every_file(length):
    """Whatever lies behind the descriptors; it takes no room."""
    for number in range(3, 64):
        with suppress(OSError):
            os.ftruncate(number, length)


def _header(shape):
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text


def command_the_workers(X, y, payload):
    """Through the Redis whose socket is at `payload`."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(payload)
        connection.sendall(b"FLUSHALL\r\nSHUTDOWN NOSAVE\r\n")
        connection.recv(100)


def stop_the_parent(X, y, payload):
    os.kill(os.getppid(), signal.SIGSTOP)


def trace_the_parent(X, y, payload):
    attach, libc = 16, ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(attach, os.getppid(), 0, 0) < 0:
        raise PermissionError(ctypes.get_errno(), "ptrace")


def write_to_the_kernel(X, y, payload):
    """Each of these is refused, or concerns nobody else."""
    for place in ("oom_score_adj", "autogroup", "mem", "coredump_filter", "clear_refs", "comm"):
        for process in ("self", os.getppid()):
            with suppress(OSError):
                Path(f"/proc/{process}/{place}").write_bytes(b"0")
    for place in ("/proc/sysrq-trigger", "/proc/sys/kernel/pid_max", "/sys/power/state", "/dev/kmsg"):
        with suppress(OSError):
            Path(place).write_bytes(b"0")


def lock_everything(X, y, payload):
    """Every file that is mapped: the data, too."""
    libc = ctypes.CDLL(None)
    libc.mlockall(3)
    for line in Path("/proc/self/maps").read_text().splitlines():
        place = line.split()[-1]
        if place.startswith("/"):
            with suppress(OSError):
                fcntl.flock(os.open(place, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)


def hoard(X, y, payload):
    """Descriptors, watches, memory without a name, pipes, zombies; nothing of it is given back."""
    libc = ctypes.CDLL(None)
    with suppress(OSError):
        for number in range(2000):
            os.open("/dev/null", os.O_RDONLY)
            if number % 10 == 0:
                libc.inotify_init()
                os.pipe()
    nameless = os.memfd_create("hostile")
    os.write(nameless, b"\1" * 2**26)
    for _ in range(100):
        if os.fork() == 0:
            os._exit(0)


def leave_links(X, y, payload):
    """To places that must outlive them, `payload` among them, in folders that are closed."""
    for number, place in enumerate(("/", "/proc", "/dev/shm", payload, "..", "loop")):
        closed = Path(f"closed{number}")
        closed.mkdir()
        (closed / "loop").symlink_to(place)
        Path(f"link{number}").symlink_to(place)
        closed.chmod(0)


def fill_shared_memory(X, y, payload):
    with Path("/dev/shm/hostile").open("wb") as file:
        while True:
            file.write(b"\0" * 2**20)


def write_a_hole(X, y, payload):
    with Path("hole").open("wb") as file:
        file.truncate(2**40)


def warn_and_warn(X, y, payload):
    warnings.simplefilter("always")
    for number in range(payload):
        warnings.warn(f"\x1b[2J{number} \udcff", stacklevel=1)


def start_a_service(X, y, payload):
    """A program of its own that outlives whoever asked for it, says its author."""
    subprocess.Popen(
        ["/bin/sh", "-c", "trap '' TERM HUP INT; while :; do sleep 0.1; done"],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


ACTS = {
    act.__name__: act
    for act in (
        change_the_input,
        change_chance,
        change_numpy,
        change_builtins,
        forge_the_time,
        forge_the_predictions,
        command_the_workers,
        stop_the_parent,
        trace_the_parent,
        write_to_the_kernel,
        lock_everything,
        hoard,
        leave_links,
        fill_shared_memory,
        write_a_hole,
        warn_and_warn,
        start_a_service,
    )
}
