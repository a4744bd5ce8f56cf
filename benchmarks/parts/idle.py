# ruff: noqa: T201 - a script that prints, no part of a package
"""What `bakeoff up` takes while it has nothing to do: memory and processor time of each of its processes.

    python -m benchmarks.parts.idle [seconds]

It starts one in a new folder, waits until all is up and at rest, and looks at its processes for some seconds.
Memory is the proportional set size (PSS): what several processes share counts once, in equal parts. Pages of
files, which are the code of libraries, are shared with whatever else on this machine has loaded the same
files, and the kernel can drop them; so they are shown apart. The embedded Redis and its keeper, which belong
to no other process, are counted, too.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.parts.api_load import project_in

_REST_S = 15.0  #: after the start: until then, libraries are loaded
_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Taken:
    name: str
    pss_mb: float
    files_mb: float  #: the part of it that is pages of files
    cpu_s: float
    wakes: int  #: how often it went on after it had waited


def main(seconds: float = 60.0) -> None:
    with TemporaryDirectory() as folder, _up(project_in(Path(folder))) as up:
        time.sleep(_REST_S)
        before = {process: _taken(process) for process in _processes(up, folder)}
        time.sleep(seconds)
        after = [(_taken(process), first) for process, first in before.items() if process.is_running()]
    print(f"{'process':24} {'PSS, MB':>8} {'of files':>8} {'CPU, % of a core':>17} {'wakes per second':>17}")
    for then, first in after:
        share = 100 * (then.cpu_s - first.cpu_s) / seconds
        wakes = (then.wakes - first.wakes) / seconds
        print(f"{then.name:24} {then.pss_mb:8.1f} {then.files_mb:8.1f} {share:17.2f} {wakes:17.1f}")
    memory = sum(then.pss_mb for then, _ in after)
    share = 100 * sum(then.cpu_s - first.cpu_s for then, first in after) / seconds
    files = sum(then.files_mb for then, _ in after)
    print(f"{f'all {len(after)}':24} {memory:8.1f} {files:8.1f} {share:17.2f}")


@contextmanager
def _up(project: Path) -> Iterator[psutil.Process]:
    """`bakeoff up` on a free port, as soon as it says that all is up."""
    log = project / "up.log"
    root = Path(__file__).parents[2]
    with log.open("wb") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", "bakeoff.cli.main", "up", "--port", "0"],
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(root)},
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while "all is up" not in log.read_text():
            if started.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(log.read_text())
            time.sleep(0.2)
        yield psutil.Process(started.pid)
    finally:
        started.send_signal(signal.SIGINT)
        started.wait()


def _processes(up: psutil.Process, folder: str) -> list[psutil.Process]:
    found = [up, *up.children(recursive=True)]
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process not in found and any(folder in word for word in process.cmdline()):
                found += [process, *process.children(recursive=True)]
    return list(dict.fromkeys(found))


def _taken(process: psutil.Process) -> Taken:
    with process.oneshot():
        used, memory = process.cpu_times(), Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        return Taken(
            name=_name(process),
            pss_mb=_mb("Pss", memory),
            files_mb=_mb("Pss_File", memory) + _mb("Pss_Shmem", memory),
            cpu_s=used.user + used.system,
            wakes=process.num_ctx_switches().voluntary,
        )


def _mb(kind: str, memory: str) -> float:
    found = re.search(rf"^{kind}: +(\d+) kB", memory, re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def _name(process: psutil.Process) -> str:
    """By the first word of its command line that tells."""
    line = " ".join(process.cmdline())
    parent = process.parent()
    known = {
        "oven_process": "oven",
        "redis_keeper": "keeper of Redis",
        "redis-server": "Redis",
        "-n eval@": "eval",
        "-n control@": "control",
        " beat ": "beat",
        " api ": "api",
        " up ": "up",
    }
    name = next((name for word, name in known.items() if word in f"{line} "), line[-24:])
    is_pool = name == "eval" and parent is not None and "-n eval@" in " ".join(parent.cmdline())
    return "eval, process of pool" if is_pool else name


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
