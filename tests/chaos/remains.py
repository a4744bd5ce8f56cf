"""What a round leaves behind, once its workers have been told to leave."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from chaos.site import Site, command_of
from chaos.verdict import Breach, Sort
from fixtures.projects.kitchen import eventually

from bakeoff.broker import redis_keeper
from bakeoff.cell.oven import start_and_stop_oven
from bakeoff.evaluation.datasets import snapshot_store

_GONE_S = 20.0
_OF_REDIS = (redis_keeper.__file__, "redis-server")  #: they stay as long as this process holds them


def remains(site: Site) -> Iterator[Breach]:
    yield from _workers(site)
    if not eventually(lambda: not _processes(site), _GONE_S):
        yield from (Breach(Sort.LEFT, f"process {said}") for said in _processes(site))
    yield from _temporary(site.project.folder / "t")
    yield from _snapshots(site.project.configuration.snapshots)
    for file in site.project.folder.rglob("*.part"):
        yield Breach(Sort.LEFT, f"half-written {file.name}")


def _workers(site: Site) -> Iterator[Breach]:
    try:
        codes = site.stop()
    except subprocess.TimeoutExpired as exc:
        yield Breach(Sort.STUCK, f"a worker did not leave: {exc}")
        return
    if any(codes):
        yield Breach(Sort.WRONG, f"the workers left with {codes}")


def _processes(site: Site) -> list[str]:
    commands = {process.pid: command_of(process.pid) for process in site.project.processes()}
    return [f"{pid} {said}" for pid, said in commands.items() if not any(mark in said for mark in _OF_REDIS)]


def _temporary(folder: Path) -> Iterator[Breach]:
    """The oven of a killed worker that was killed too is swept by the next one; Celery's own is Celery's."""
    _grow_old(folder)
    start_and_stop_oven._remove_leftovers(folder)
    for path in folder.iterdir():
        if not path.name.startswith("pymp-"):
            yield Breach(Sort.LEFT, f"temporary {path.name}")


def _snapshots(folder: Path) -> Iterator[Breach]:
    """All on the shelf are whole; what killed producers had begun goes when it is old."""
    _grow_old(folder)
    snapshot_store.remove_abandoned(folder)
    for path in folder.glob(".incoming/*"):
        yield Breach(Sort.LEFT, f"half-written snapshot {path.name}")
    for path in folder.glob("[!.]*/*"):
        if not snapshot_store.is_complete(path):
            yield Breach(Sort.LEFT, f"broken snapshot {path.name}")


def _grow_old(folder: Path) -> None:
    yesterday = time.time() - 86_400
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (yesterday, yesterday), follow_symlinks=False)
