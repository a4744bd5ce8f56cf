"""The market as a snapshot: writing its tables into files, and opening them in a cell.

In the cell the files are mapped. Opening needs numpy and pandas alone.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef
from bakeoff.evaluation.datasets.canonical_column import Field
from bakeoff.evaluation.datasets.read_snapshot import damaged
from bakeoff.evaluation.datasets.snapshot_frame_files import read_rows, to_disk, write_rows, write_text
from bakeoff.evaluation.datasets.snapshot_layout import MANIFEST, OPEN, SnapshotManifest, read_manifest
from bakeoff.evaluation.market.table_by_symbol_and_day import Panel

if TYPE_CHECKING:
    import pandas as pd


def write_market(
    folder: Path, panels: Mapping[str, Panel], ref: DatasetRef, split: Mapping[str, str], threads: Executor
) -> None:
    """Fill a snapshot's folder. A field is called `table.column`; `split` says how the data were cut off."""
    for table, panel in panels.items():
        write_rows(folder / OPEN, table, panel.columns, np.arange(len(panel)), threads)
    manifest = SnapshotManifest(
        ref=ref,
        classes=(),
        fields=tuple(
            replace(column.field, name=f"{table}.{column.name}")
            for table, panel in panels.items()
            for column in panel.columns
        ),
        split=split,
        sizes={str(path.relative_to(folder)): path.stat().st_size for path in folder.glob("*/*")},
    )
    write_text(folder / OPEN / MANIFEST, manifest.to_text())
    list(threads.map(to_disk, folder.glob("*/*")))


def open_market(folder: Path) -> "dict[str, pd.DataFrame]":
    """The frames `prices` and, if there are any, `fundamentals`. Prices have the column `adj_close`."""
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
