"""Opening a snapshot of the market, in a cell: its files are mapped. numpy and pandas are enough."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.evaluation.datasets.canonical_column import Field
from bakeoff.evaluation.datasets.column_files import read_rows
from bakeoff.evaluation.datasets.snapshot import damaged
from bakeoff.evaluation.datasets.snapshot_manifest import read_manifest
from bakeoff.evaluation.datasets.snapshot_store import OPEN

if TYPE_CHECKING:
    import pandas as pd


def open_market(folder: Path) -> "dict[str, pd.DataFrame]":
    """By table: `prices`, and `fundamentals` if there are any. `adj_close` is there in any case."""
    stored: dict[str, list[Field]] = {}
    for field in read_manifest(folder / OPEN).fields:
        table, _, name = field.name.partition(".")
        stored.setdefault(table, []).append(replace(field, name=name))
    try:
        frames = {table: _read(folder / OPEN, table, fields) for table, fields in stored.items()}
    except (OSError, ValueError) as problem:
        raise damaged(folder, problem) from problem
    prices = frames["prices"]
    if "adj_close" not in prices:
        prices["adj_close"] = prices["close"]
    return frames


def _read(open_folder: Path, table: str, fields: Sequence[Field]) -> "pd.DataFrame":
    return read_rows(open_folder, table, fields, [field.name for field in fields])
