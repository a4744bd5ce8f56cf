"""Pinning the market: it is read, checked and cut off at a date, once, and becomes a snapshot."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from bakeoff.domain.dataset import DatasetRef, TargetKind
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import listed, nearest
from bakeoff.evaluation.datasets import snapshot_store
from bakeoff.evaluation.datasets.canonical_column import Column, Field
from bakeoff.evaluation.datasets.canonical_table import address
from bakeoff.evaluation.datasets.column_files import to_disk, write_rows, write_text
from bakeoff.evaluation.datasets.pinning import SPARE_BYTES
from bakeoff.evaluation.datasets.snapshot import folder_of
from bakeoff.evaluation.datasets.snapshot_manifest import FILE, FORMAT, SnapshotManifest
from bakeoff.evaluation.datasets.snapshot_store import OPEN
from bakeoff.evaluation.market import prices_and_fundamentals
from bakeoff.evaluation.market.market_table import files_of
from bakeoff.evaluation.market.panel import Panel
from bakeoff.settings.market_settings import MarketSettings, MarketSource

NAME = "market"
_TARGET = "signal"
STALE_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class PinnedMarket:
    ref: DatasetRef
    folder: Path
    as_of: date  #: as it was asked for; else the last day of which there are prices
    symbols: tuple[str, ...]  #: all that have a price by then, in sort order
    warnings: tuple[str, ...]  #: sentences for the person who starts the run

    def chosen(self, symbols: Sequence[str] | None) -> tuple[str, ...]:
        """Those that were asked for, each once; all for None. One that is not there is an error."""
        if symbols is None:
            return self.symbols
        known = frozenset(self.symbols)
        unknown = [symbol for symbol in symbols if symbol not in known]
        if unknown:
            raise InvalidInputError(
                f"there are no prices of {listed(unknown)} by {self.as_of}{nearest(unknown[0], self.symbols)}"
            )
        return tuple(dict.fromkeys(symbols))


def pin_market(settings: MarketSettings, *, root: Path, snapshots: Path, as_of: date | None) -> PinnedMarket:
    """Nothing that is later than `as_of` gets into it; None means the last day of which there are prices."""
    panels, warnings = _read(settings, root, as_of)
    last = panels[prices_and_fundamentals.PRICES_TABLE].days.max().astype(date)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        ref = _ref(panels, last, threads)
        folder = folder_of(snapshots, ref.dataset_id, ref.split_id)
        snapshot_store.keep(
            folder,
            needed=sum(panel.nbytes for panel in panels.values()) + SPARE_BYTES,
            fill=lambda filled: _fill(filled, panels, ref, last, threads),
        )
    return PinnedMarket(
        ref=replace(ref, files=tuple(str(file) for file in files_of(settings, root))),
        folder=folder,
        as_of=as_of or last,
        symbols=tuple(panels[prices_and_fundamentals.PRICES_TABLE].symbols),
        warnings=(*_made_up(settings), *warnings, *_staleness(last, as_of)),
    )


def _read(
    settings: MarketSettings, root: Path, as_of: date | None
) -> tuple[Mapping[str, Panel], tuple[str, ...]]:
    priced, odd = prices_and_fundamentals.read_prices(settings.prices, root, as_of)
    if settings.fundamentals is None:
        return {prices_and_fundamentals.PRICES_TABLE: priced}, _of(prices_and_fundamentals.PRICES_TABLE, odd)
    last = as_of or priced.days.max().astype(date)
    figures, odd_too = prices_and_fundamentals.read_fundamentals(settings.fundamentals, root, last)
    warnings = (
        *_of(prices_and_fundamentals.PRICES_TABLE, odd),
        *_of(prices_and_fundamentals.FUNDAMENTALS_TABLE, odd_too),
    )
    return {
        prices_and_fundamentals.PRICES_TABLE: priced,
        prices_and_fundamentals.FUNDAMENTALS_TABLE: figures,
    }, warnings


def _of(table: str, warnings: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{table}: {warning}" for warning in warnings)


def _ref(panels: Mapping[str, Panel], last: date, threads: Executor) -> DatasetRef:
    content = {name: _content(panel, threads) for name, panel in panels.items()}
    dataset_id = address({"format": FORMAT, "market": content})
    priced = panels[prices_and_fundamentals.PRICES_TABLE]
    return DatasetRef(
        dataset_id=dataset_id,
        split_id=address([dataset_id, _cut(last)]),
        name=NAME,
        target=_TARGET,
        target_kind=TargetKind.SIGNALS,
        classes=(),
        train_rows=len(priced),
        test_rows=len(priced.symbols),
        columns=sum(len(panel.columns) for panel in panels.values()),
    )


def _content(panel: Panel, threads: Executor) -> object:
    digests = threads.map(Column.digest, panel.columns)
    return [
        [column.name, column.type, digest.hex()]
        for column, digest in zip(panel.columns, digests, strict=True)
    ]


def _cut(last: date) -> Mapping[str, str]:
    return {"by": "date", "last": last.isoformat()}


def _fill(folder: Path, panels: Mapping[str, Panel], ref: DatasetRef, last: date, threads: Executor) -> None:
    given = folder / OPEN
    for name, panel in panels.items():
        write_rows(given, name, panel.columns, np.arange(len(panel)), threads)
    manifest = SnapshotManifest(
        ref=ref,
        classes=(),
        fields=tuple(field for name, panel in panels.items() for field in _fields(name, panel)),
        split=_cut(last),
        sizes={str(path.relative_to(folder)): path.stat().st_size for path in folder.glob("*/*")},
    )
    write_text(given / FILE, manifest.to_text())
    list(threads.map(to_disk, folder.glob("*/*")))


def _fields(table: str, panel: Panel) -> Sequence[Field]:
    return [replace(column.field, name=f"{table}.{column.name}") for column in panel.columns]


def _made_up(settings: MarketSettings) -> tuple[str, ...]:
    if all(table.source is not MarketSource.SYNTHETIC for table in settings.tables.values()):
        return ()
    return ("the market is synthetic: made up, with something to be found in it; no real one is like it",)


def _staleness(last: date, as_of: date | None) -> tuple[str, ...]:
    if as_of is None or (as_of - last).days <= STALE_DAYS:
        return ()
    return (f"prices: the last ones are of {last}, {(as_of - last).days} days before {as_of}",)
