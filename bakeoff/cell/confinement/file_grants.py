"""What a cell can open: the libraries, its own folder, and what its order names. Nothing else."""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bakeoff.cell.confinement import landlock
from bakeoff.cell.host.cell_order import Order

Grant = tuple[str | Path, int]
#: For each of some folders, when it was changed last. None: one changed so recently that a further change may
#: leave the same time.
Marks = tuple[int, ...] | None

_PROGRAMS = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
_SYSTEM = (
    "/proc",  # not the memory and environment of other processes: these need the right to trace them
    "/sys",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/locale.alias",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/mime.types",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/fonts",
    "/etc/alternatives",
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - semaphores of multiprocessing live here
_AT_REST_NS = 10**9  #: a change that comes this long after another gives the folder another time
_LIBRARY_FOLDERS = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True)
class Closed:
    """Paths that stay closed although a folder above them is open.

    Paths are texts here, and not `Path` objects, which are slow: this is part of each job.
    """

    places: frozenset[str]
    ways: frozenset[str]  #: the folders above one of them

    @classmethod
    def of(cls, paths: Iterable[str | Path]) -> Self:
        places = frozenset(os.path.realpath(path) for path in paths)
        return cls(places, frozenset(above for place in places for above in _above(place)))

    def all_but_these(self, path: str) -> Iterator[str]:
        """The path itself, or what is in it except the closed places."""
        place = os.path.realpath(path)
        if place in self.ways:
            yield from self.all_within_but_these(place)
        elif not self._holds(place):
            yield path

    def all_within_but_these(self, folder: str) -> Iterator[str]:
        """What is in the folder, except closed places and hidden files (`.env`, `.git`)."""
        for child in [] if self._holds(folder) else _visible_in(folder):
            yield from self.all_but_these(child)

    def marks_of(self, folders: Iterable[str]) -> Marks:
        """A value that changes when anything is added or removed where these folders were listed."""
        listed = [way for way in self.ways for folder in folders if f"{way}/".startswith(f"{folder}/")]
        marks = tuple(_changed_at(folder) for folder in (*folders, *sorted(listed)))
        return marks if time.time_ns() - max(marks, default=0) > _AT_REST_NS else None

    def _holds(self, place: str) -> bool:
        return place in self.places or not self.places.isdisjoint(_above(place))


def common(closed: Iterable[str] = ()) -> tuple[Grant, ...]:
    """What every cell of this oven can open."""
    return (
        *((path, landlock.RUN) for path in _programs(Closed.of(closed))),
        *((path, landlock.READ) for path in _SYSTEM),
        *((path, landlock.DEVICE) for path in _DEVICES),
        *((path, landlock.LIST) for path in sys.path if path),
        # What of ours an entry imports, for processes that a cell spawns and that import it anew.
        (Path(__file__).parents[1], landlock.READ),
        (Path(__file__).parents[2] / "__init__.py", landlock.READ),
    )


def for_order(order: Order, scratch: Path) -> Iterator[Grant]:
    """What the cell of this order can open besides. Folders to import from can be listed, to find modules."""
    yield scratch, landlock.WRITE
    yield _SHARED_MEMORY, landlock.WRITE
    yield from ((path, landlock.READ) for path in order.readable)
    yield from ((path, landlock.LIST) for path in order.import_path)


def _programs(closed: Closed) -> Iterator[str]:
    """Folders of programs and libraries. They are open even inside a closed folder.

    Closed places inside them stay closed.
    """
    for path in dict.fromkeys((*_prefixes(), *_PROGRAMS)):
        yield from [*closed.all_but_these(path)] or [path]


def _prefixes() -> Iterator[str]:
    yield from (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
    yield from (path for path in sys.path if os.path.basename(path) in _LIBRARY_FOLDERS)  # noqa: PTH119 - texts


def _visible_in(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as found:
            return sorted(child.path for child in found if not child.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _changed_at(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116 - texts
    except OSError:
        return 0


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path
