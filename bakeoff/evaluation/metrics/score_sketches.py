"""Sketches of a candidate's scores, from which intervals and comparisons are computed later.

Metrics of our own, and those of scikit-learn with a known influence function, are sketched exactly. Every
other metric is computed again without one block of rows after another, as long as that takes no more than
`JACKKNIFE_BUDGET_S` for all of them (in each fold and for each seed, where there are several); a metric that
would take longer has no interval, and a note says so.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from bakeoff.evaluation.statistics.sketches.metric_sketches import other_sketch
from bakeoff.evaluation.statistics.sketches.row_blocks import JACKKNIFE_BLOCKS, BlockMap, Ints
from bakeoff.evaluation.statistics.sketches.sketch import Sketch

#: The time for all metrics of one part of a candidate's scores whose influence function is not known.
JACKKNIFE_BUDGET_S = 10.0

#: A sketch is dropped if its value differs from the metric by more than this share.
_SAME = 1e-9

Exact = Callable[[Iterable[str]], Mapping[str, Sketch]]
OfRows = Callable[[str, Ints], float]


def sketches_of(
    metrics: Mapping[str, float | None],
    *,
    exact_names: frozenset[str],
    exact: Exact,
    of_rows: OfRows,
    block_map: BlockMap,
    notes: list[str],
) -> dict[str, Sketch]:
    """The sketch of each defined metric. `of_rows` computes a metric of some rows: NaN if undefined."""
    defined = {name: value for name, value in metrics.items() if value is not None}
    found = {
        name: sketch
        for name, sketch in exact(name for name in defined if name in exact_names).items()
        if _is_about(sketch, defined[name])
    }
    left_s = JACKKNIFE_BUDGET_S
    for name in defined.keys() - found.keys():
        began = time.monotonic()
        sketch = _by_leaving_out(name, of_rows, block_map, within_s=left_s)
        left_s -= time.monotonic() - began
        if sketch is None:
            notes.append(f"{name} takes too long to be computed many times: it has no interval")
        else:
            found[name] = sketch
    return {name: found[name] for name in metrics if name in found}


def _is_about(sketch: Sketch, value: float) -> bool:
    return sketch.value is not None and math.isclose(sketch.value, value, rel_tol=_SAME, abs_tol=_SAME)


def _by_leaving_out(name: str, of_rows: OfRows, block_map: BlockMap, *, within_s: float) -> Sketch | None:
    began = time.monotonic()
    of_rows(name, np.arange(block_map.rows))
    once_s = time.monotonic() - began
    if once_s * min(JACKKNIFE_BLOCKS, block_map.blocks) > within_s:
        return None
    return other_sketch(name, lambda rows: of_rows(name, rows), block_map)
