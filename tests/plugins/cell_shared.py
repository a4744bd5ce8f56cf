"""Entries that share a cell: what they find there, and what they may leave."""

# ruff: noqa: PTH109, PTH123, PTH208

import os
import subprocess
import sys
import threading
import time

import numpy as np

_left = []


def work(payload, inside):
    found = (os.getcwd(), sorted(os.environ), len(os.listdir(".")), threading.active_count())
    return {"pid": os.getpid(), "found": list(found)}


def say(payload, inside):
    inside.phase(payload)
    print("says", payload)
    with inside.output(payload) as file:
        file.write(payload.encode())
    return {"pid": os.getpid(), "word": payload}


def read(payload, inside):
    with inside.input("given") as file:
        text = file.read().decode()
    try:
        with open(payload) as file:
            by_path = file.read()
    except OSError as error:
        by_path = error.strerror
    return {"pid": os.getpid(), "text": text, "by path": by_path}


def fail(payload, inside):
    raise ValueError("no")


def leave(payload, inside):
    sys.exit(3)


def leave_at_once(payload, inside):
    os._exit(4)


def crash(payload, inside):
    os.kill(os.getpid(), 11)


def be_slow(payload, inside):
    time.sleep(60)


def return_no_json(payload, inside):
    return {1, 2}


def fork_and_return(payload, inside):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return "twice"


class _Crash:
    def __del__(self):
        os.kill(os.getpid(), 11)


def crash_when_finalised(payload, inside):
    inside.keep(_Crash())
    return os.getpid()


def use(payload, inside):
    until = time.process_time() + payload["seconds"]
    np.ones(payload["mb"] * 2**17).sum()
    while time.process_time() < until:
        pass
    return os.getpid()


def leave_behind(payload, inside):
    match payload:
        case "thread":
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        case "file":
            (inside.scratch / "left").write_text("x")
        case "child":
            _left.append(subprocess.Popen(["sleep", "60"]))
        case "orphan":
            os.system("sleep 60 &")
        case "ended child":
            subprocess.run(["true"], check=True)
        case "variable":
            os.environ["LEFT"] = "x"
        case "descriptor":
            os.dup(0)
        case "memory":
            _left.append(np.ones(50 * 2**17))
        case "module":
            import colorsys  # noqa: F401
    return os.getpid()
