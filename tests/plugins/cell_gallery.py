"""Entries that misbehave in every way that has been thought of."""

# They print, and use whatever is at hand, as strangers do.
# ruff: noqa: N818, PTH101, PTH102, PTH104, PTH108, PTH115, PTH208, RET503, TRY301

import ctypes
import faulthandler
import os
import resource
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path


def segfault(payload, inside):
    inside.phase("fit")
    print("before", flush=True)
    ctypes.string_at(0)


def abort(payload, inside):
    os.abort()


def exit_at_once(payload, inside):
    os._exit(payload)


def exit_with(payload, inside):
    sys.exit(payload["code"])


def interrupt(payload, inside):
    raise KeyboardInterrupt


def fork_and_leave(payload, inside):
    if pid := os.fork():
        os.waitpid(pid, 0)
    elif payload == "raise":
        raise RuntimeError("in a child")
    elif payload == "exit":
        sys.exit(0)
    return "returned"


def send_itself(payload, inside):
    os.kill(os.getpid(), payload)


def kill_parent(payload, inside):
    try:
        os.kill(os.getppid(), signal.SIGKILL)
    except PermissionError:
        return "refused"
    time.sleep(60)


def stop_parent(payload, inside):
    os.kill(os.getppid(), signal.SIGSTOP)


def kill_everybody(payload, inside):
    with suppress(PermissionError):
        os.kill(-1, signal.SIGKILL)
    return "alone"


def kill_group(payload, inside):
    os.killpg(0, signal.SIGKILL)


def ignore_every_signal_and_loop(payload, inside):
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


def stop_itself(payload, inside):
    os.kill(os.getpid(), signal.SIGSTOP)


def loop_in_c(payload, inside):
    ctypes.PyDLL(None).sleep(60)


def leave_threads_behind(payload, inside):
    def spin():
        while True:
            pass

    for _ in range(3):
        threading.Thread(target=spin).start()
    return "returned"


def _daemon(pipe):
    """A process that has left its session, its parent and its group behind, and cannot be asked to end."""
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(pipe, f"{os.getpid()}\n".encode())
    while True:
        time.sleep(0.01)


def leave_daemons_behind(payload, inside):
    reader, writer = os.pipe()
    for _ in range(3):
        if os.fork() == 0:
            _daemon(writer)
    with os.fdopen(reader) as pids:
        found = [int(pids.readline()) for _ in range(3)]
    print(*found, flush=True)
    return found if payload == "return" else time.sleep(60)


#: A bomb ends by itself after so many seconds, or those of its payload, should nobody else end it.
FUSE_S = 5.0


def fork_for_ever(payload, inside):
    """Each child does as its parent does."""
    until = time.monotonic() + (payload or FUSE_S)
    while time.monotonic() < until:
        os.fork()
    os._exit(0)


def fork_into_sessions(payload, inside):
    """No two processes share a group."""
    until = time.monotonic() + (payload or FUSE_S)
    while time.monotonic() < until:
        if os.fork() == 0:
            os.setsid()
    os._exit(0)


def fork_and_die(payload, inside):
    """Each process starts a successor and dies, so that whoever is looked up is gone."""
    until = time.monotonic() + (payload or FUSE_S)
    while time.monotonic() < until:
        if os.fork():
            os._exit(0)


def start_many_processes(payload, inside):
    for _ in range(payload):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    time.sleep(60)


def start_many_threads(payload, inside):
    for _ in range(payload):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    time.sleep(60)


def become_a_sibling(payload, inside):
    """A child whose parent is our own: waiting for us does not end it."""
    clone, clone_parent = 56, 0x8000
    reader, writer = os.pipe()
    if not ctypes.CDLL(None).syscall(clone, clone_parent | signal.SIGCHLD, 0, 0, 0, 0):
        os.write(writer, f"{os.getpid()} {os.getppid()}\n".encode())
        time.sleep(60)
        os._exit(0)
    with os.fdopen(reader) as said:
        pid, parent = map(int, said.readline().split())
    return {"pid": pid, "its parent is ours": parent == os.getppid()}


def meddle_with(payload, inside):
    """With another process of the same user, then with itself."""
    plain = os.sched_param(0)
    return {
        "limit": attempt(lambda: resource.prlimit(payload, resource.RLIMIT_CPU, (1, 1))),
        "look at the limit": attempt(lambda: resource.prlimit(payload, resource.RLIMIT_CPU)),
        "nice": attempt(lambda: os.setpriority(os.PRIO_PROCESS, payload, 19)),
        "nice to a group": attempt(lambda: os.setpriority(os.PRIO_PGRP, payload, 19)),
        "nice to a user": attempt(lambda: os.setpriority(os.PRIO_USER, 0, 19)),
        "policy": attempt(lambda: os.sched_setscheduler(payload, os.SCHED_BATCH, plain)),
        "parameters": attempt(lambda: os.sched_setparam(payload, plain)),
        "own limit": attempt(lambda: resource.setrlimit(resource.RLIMIT_CPU, (100, 100))),
        "own nice": attempt(lambda: os.nice(1)),
        "own policy": attempt(lambda: os.sched_setscheduler(0, os.SCHED_BATCH, plain)),
    }


def leave_memory_of_system_v(payload, inside):
    """It outlives whoever made it, unless somebody removes it."""
    create, exclusively = 0o1000, 0o2000
    return ctypes.CDLL(None).shmget(payload, 2**20, create | exclusively | 0o600) >= 0


def close_every_descriptor(payload, inside):
    os.closerange(0, 4096)
    return "closed"


def write_garbage_everywhere(payload, inside):
    for descriptor in range(64):
        with suppress(OSError):
            os.write(descriptor, payload.encode())
    return "written"


def forge(payload, inside):
    """Write lines to the report, as strangers could who found its descriptor."""
    for line in payload:
        os.write(inside._report, line.encode("utf-8", "surrogatepass") + b"\n")
    return "honest"


def forge_and_exit(payload, inside):
    os.write(inside._report, b'{"end": "returned", "value": 1}\n')
    os._exit(payload)


def flood_report(payload, inside):
    for _ in range(40):
        os.write(inside._report, b"x" * 2**20)


def print_for_ever(payload, inside):
    line = "x" * 1000
    while True:
        print(line)


def print_much(payload, inside):
    for number in range(payload):
        print(f"line {number}")
    return "printed"


def flood_scratch(payload, inside):
    with (inside.scratch / "flood").open("wb") as file:
        while True:
            file.write(b"\0" * 2**20)


def flood_scratch_quietly(payload, inside):
    """In small files, and without a look at errors."""
    for number in range(10**6):
        with suppress(OSError):
            (inside.scratch / f"f{number}").write_bytes(b"\0" * 2**19)
        if number % 8 == 0:
            time.sleep(0.01)


def flood_scratch_with_names(payload, inside):
    for number in range(10**6):
        (inside.scratch / f"f{number}").touch()


def flood_output(payload, inside):
    file = inside.output("a")
    while True:
        file.write(b"\0" * 2**20)


def leave_a_maze(payload, inside):
    """Folders nested deeper than a path can be long, and one that is closed."""
    closed = inside.scratch / "closed"
    closed.mkdir()
    (closed / "file").write_text("x")
    closed.chmod(0)
    for _ in range(1500):
        os.mkdir("deeper")
        os.chdir("deeper")


def raise_memory_error(payload, inside):
    raise MemoryError("of its own")


def allocate(payload, inside):
    import numpy as np

    return float(np.ones(payload * 2**17)[0])


def allocate_bit_by_bit(payload, inside):
    kept = []
    while True:
        kept.append(bytearray(2**20))
        time.sleep(0.001)


def allocate_in_children(payload, inside):
    for _ in range(4):
        if os.fork() == 0:
            kept = bytearray(payload * 2**20)
            time.sleep(60)
            os._exit(len(kept) and 0)
    time.sleep(60)


def allocate_and_fork_on(payload, inside):
    """Two processes hold memory, and a third one is always another."""
    if os.fork() == 0:
        kept = bytearray(payload * 2**20)
        time.sleep(60)
        os._exit(len(kept) and 0)
    kept = bytearray(payload * 2**20)
    while kept:
        if os.fork() == 0:
            time.sleep(0.1)
            os._exit(0)
        os.wait()


def allocate_shared(payload, inside):
    import mmap

    kept = mmap.mmap(-1, payload * 2**20)
    for offset in range(0, len(kept), 4096):
        kept[offset] = 1
    time.sleep(60)


def go_elsewhere(payload, inside):
    os.chdir("/")
    os.environ.clear()
    os.umask(0o777)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    sys.stdout = sys.stderr = None
    sys.path.clear()
    sys.setrecursionlimit(50)
    faulthandler.disable()
    return "elsewhere"


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("not even this")

    __repr__ = __str__


class Strange(BaseException):
    pass


class Liar(type):
    def __getattribute__(cls, name):
        raise RuntimeError("never")


def raise_unprintable(payload, inside):
    raise Unprintable


def raise_base_exception(payload, inside):
    raise Strange("from below")


def raise_with_a_lying_class(payload, inside):
    raise Liar("Mask", (Exception,), {})("who am I")


def raise_huge(payload, inside):
    raise ValueError("x" * 10**7)


def raise_binary(payload, inside):
    raise ValueError("\ud800 and \0")


def recurse(payload, inside):
    return recurse(payload, inside)


def raise_in_a_chain(payload, inside):
    try:
        raise KeyError("first")
    except KeyError as error:
        raise RuntimeError("second") from error


def raise_group(payload, inside):
    raise ExceptionGroup("several", [ValueError("one"), TypeError("two")])


def raise_unpicklable(payload, inside):
    error = RuntimeError("with a lock")
    error.lock = threading.Lock()
    raise error


def attempt(action):
    try:
        return str(action())
    except OSError as error:
        return type(error).__name__


def reach_for(payload, inside):
    parent = os.getppid()
    return {
        "environ": attempt(lambda: Path(f"/proc/{parent}/environ").read_bytes()),
        "mem": attempt(lambda: Path(f"/proc/{parent}/mem").open("rb")),
        "maps": attempt(lambda: Path(f"/proc/{parent}/maps").read_text()),
        "descriptors": attempt(lambda: os.readlink(f"/proc/{parent}/fd/0")),
        "root": attempt(lambda: os.listdir(f"/proc/{parent}/root/")),
        "supervisor": attempt(lambda: Path(f"/proc/{payload['supervisor']}/environ").read_bytes()),
        "file": attempt(lambda: Path(payload["file"]).read_text()),
        "through /proc/self": attempt(lambda: Path("/proc/self/root" + payload["file"]).read_text()),
        "link": attempt(lambda: os.link(payload["file"], inside.scratch / "link")),
        "write beside": attempt(lambda: Path(payload["file"] + "x").write_text("x")),
        "remove": attempt(lambda: os.unlink(payload["file"])),
        "rename": attempt(lambda: os.rename(payload["file"], payload["file"] + "y")),
        "chmod": attempt(lambda: os.chmod(payload["file"], 0o777)),
        "write library": attempt(lambda: Path(os.__file__).open("a")),
        "folder": attempt(lambda: os.listdir(Path(payload["file"]).parent)),
        "shadow": attempt(lambda: Path("/etc/shadow").read_text()),
        "signal supervisor": attempt(lambda: os.kill(payload["supervisor"], 0)),
        "mount": attempt(lambda: _mount(inside.scratch)),
    }


def _mount(folder):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.unshare(0x10000000 | 0x00020000)
    if libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, None):
        raise PermissionError(ctypes.get_errno(), "mount")


def order_another_cell(payload, inside):
    import socket

    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(payload)
        return len(connection.recv(100))


def become_another_program(payload, inside):
    os.execv("/bin/sh", ["sh", "-c", "echo another; exit 5"])
