"""What a cell costs: a function that does nothing, called here and in a cell, in turns.

python -m benchmarks.parts.cells [orders]

Back to back, an order waits for the fork of its cell; in a worker the fork is over by then, since scoring and
the database take some milliseconds between one cell and the next. What the oven has loaded, each fork copies
the page table of: so it is done with the libraries that are loaded by default, and without scikit-learn.
"""

import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bakeoff.cell.host.cell_client import WarmParent, connect
from bakeoff.cell.host.cell_order import Limits, Order
from bakeoff.cell.oven.start_and_stop_oven import Oven
from bakeoff.settings.setting_definitions import Settings
from bakeoff.worker.worker_oven import preloaded
from benchmarks.parts.quick_candidates import nothing

_ROOT = Path(__file__).parents[2]
_UNHURRIED_S = 120


def main(orders: int = 200) -> None:
    for settings in (Settings(), Settings(preload=[])):
        sys.stdout.write(f"preload: {settings.preload}\n")
        _measure(settings, orders)


def _measure(settings: Settings, orders: int) -> None:
    with (
        TemporaryDirectory() as folder,
        Oven.start(
            preload=[*preloaded(settings), "benchmarks.parts.quick_candidates"], import_path=[str(_ROOT)]
        ) as oven,
        connect(oven.socket, timeout_s=_UNHURRIED_S) as parent,
    ):
        order = Order(
            entry="benchmarks.parts.quick_candidates:nothing",
            payload={},
            limits=Limits(wall_s=_UNHURRIED_S, threads=1),
            log=Path(folder) / "log",
        )
        for what, pause_s in (("back to back", 0.0), ("5 ms apart, as in a worker", 0.005)):
            added = [_added_s(parent, order, pause_s) * 1000 for _ in range(orders)]
            sys.stdout.write(
                f"  {what:28} a cell adds {median(added):5.1f} ms (median), {min(added):5.1f} at best\n"
            )


def _added_s(parent: WarmParent, order: Order, pause_s: float) -> float:
    time.sleep(pause_s)
    began = time.perf_counter()
    nothing({}, None)
    between = time.perf_counter()
    parent.run(order)
    return (time.perf_counter() - between) - (between - began)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
