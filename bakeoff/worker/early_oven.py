"""The oven of a worker, started before the worker imports anything large. A leaf, quick to import.

Who starts a worker has read the configuration, and says in an argument what oven it wants. So the oven loads
its libraries while the worker loads Celery, SQLAlchemy and ours, instead of after that.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bakeoff.cell.oven.oven_handle import Oven
from registry.code.import_environment import import_path

#: An argument of the process of a worker that has an oven; the order of `worker_oven.oven_order` follows.
OVEN_FIRST = "--oven-first"

_started: list[Oven] = []  #: until the worker takes it over


def start_first(arguments: list[str]) -> None:
    """Starts the oven that the arguments of this process name, and takes that out of them."""
    if OVEN_FIRST in arguments:
        place = arguments.index(OVEN_FIRST)
        _started.append(start_oven(json.loads(arguments[place + 1])))
        del arguments[place : place + 2]


def take() -> Oven | None:
    """The one that is there already, once."""
    return _started.pop() if _started else None


def start_oven(order: Mapping[str, Any]) -> Oven:
    return Oven.start(
        preload=order["preload"],
        import_path=import_path(Path(order["root"])),
        closed=[Path(entry) for entry in order["closed"]],
        hidden=[Path(entry) for entry in order["hidden"]],
    )
