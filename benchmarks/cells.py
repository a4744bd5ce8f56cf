"""What a cell costs: a function that does nothing, called here and in a cell, in turns.

python -m benchmarks.cells [orders]
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from cell.client import connect
from cell.inside import Inside
from cell.order import Limits, Order
from cell.oven import Oven
from tasks.node import PRELOADED

_ROOT = Path(__file__).parent.parent
_UNHURRIED_S = 120


def nothing(_payload: Mapping[str, Any], _inside: Inside | None) -> int:
    return 1


def main(orders: int = 200) -> None:
    here, there = [], []
    with (
        TemporaryDirectory() as folder,
        Oven.start(preload=[*PRELOADED, "benchmarks.cells"], import_path=[str(_ROOT)]) as oven,
        connect(oven.socket, timeout_s=_UNHURRIED_S) as parent,
    ):
        order = Order(
            entry="benchmarks.cells:nothing",
            payload={},
            limits=Limits(wall_s=_UNHURRIED_S, threads=1),
            log=Path(folder) / "log",
        )
        for _ in range(orders):
            began = time.perf_counter()
            nothing({}, None)
            between = time.perf_counter()
            parent.run(order)
            here.append(between - began)
            there.append(time.perf_counter() - between)
    added = [there_s - here_s for here_s, there_s in zip(here, there, strict=True)]
    least, middle = min(added) * 1000, median(added) * 1000
    sys.stdout.write(f"{orders} orders: a cell adds {middle:.1f} ms (median), {least:.1f} ms at best\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
