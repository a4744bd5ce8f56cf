"""What can be opened from inside a cell: the libraries, its own folder, what the order names, no more."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from cell import landlock
from cell.order import Order

Grant = tuple[str | Path, int]

_PROGRAMS = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
_SYSTEM = (
    "/proc",  # other processes' memory and environment stay closed: that takes the right to trace them
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
_LIBRARY_FOLDERS = frozenset({"site-packages", "dist-packages"})


def common() -> tuple[Grant, ...]:
    """What every cell of this process can open."""
    return (
        *((path, landlock.RUN) for path in dict.fromkeys((*_prefixes(), *_PROGRAMS))),
        *((path, landlock.READ) for path in _SYSTEM),
        *((path, landlock.DEVICE) for path in _DEVICES),
        *((path, landlock.LIST) for path in sys.path if path),
        (Path(__file__).parent, landlock.READ),
    )


def of(order: Order, scratch: Path) -> Iterator[Grant]:
    """What the cell of this order can open besides. Import paths can be listed, to look for modules."""
    yield scratch, landlock.WRITE
    yield _SHARED_MEMORY, landlock.WRITE
    yield from ((path, landlock.READ) for path in order.readable)
    yield from ((path, landlock.LIST) for path in order.import_path)


def _prefixes() -> Iterator[str]:
    yield from (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
    yield from (path for path in sys.path if os.path.basename(path) in _LIBRARY_FOLDERS)  # noqa: PTH119 - texts
