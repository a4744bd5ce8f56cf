"""Pinning the market: it is read, checked and cut off at a date, once, and becomes a snapshot."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from config.market import MarketSettings, MarketSource
from domain.dataset import DatasetRef, TargetKind
from domain.errors import InvalidInputError
from domain.naming import listed, nearest
from evaluation.data import shelf
from evaluation.data.blocks import to_disk, write_rows, write_text
from evaluation.data.column import Column, Field
from evaluation.data.manifest import FILE, FORMAT, Manifest
from evaluation.data.pinning import SPARE_BYTES
from evaluation.data.shelf import OPEN
from evaluation.data.snapshot import folder_of
from evaluation.data.table import address
from evaluation.market import fundamentals, prices
from evaluation.market.panel import Panel
from evaluation.market.table import files_of

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
    last = panels[prices.TABLE].days.max().astype(date)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        ref = _ref(panels, last, threads)
        folder = folder_of(snapshots, ref.dataset_id, ref.split_id)
        shelf.keep(
            folder,
            needed=sum(panel.nbytes for panel in panels.values()) + SPARE_BYTES,
            fill=lambda filled: _fill(filled, panels, ref, last, threads),
        )
    return PinnedMarket(
        ref=replace(ref, files=tuple(str(file) for file in files_of(settings, root))),
        folder=folder,
        as_of=as_of or last,
        symbols=tuple(panels[prices.TABLE].symbols),
        warnings=(*_made_up(settings), *warnings, *_staleness(last, as_of)),
    )


def _read(
    settings: MarketSettings, root: Path, as_of: date | None
) -> tuple[Mapping[str, Panel], tuple[str, ...]]:
    priced, odd = prices.read_prices(settings.prices, root, as_of)
    if settings.fundamentals is None:
        return {prices.TABLE: priced}, _of(prices.TABLE, odd)
    last = as_of or priced.days.max().astype(date)
    figures, odd_too = fundamentals.read_fundamentals(settings.fundamentals, root, last)
    warnings = (*_of(prices.TABLE, odd), *_of(fundamentals.TABLE, odd_too))
    return {prices.TABLE: priced, fundamentals.TABLE: figures}, warnings


def _of(table: str, warnings: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{table}: {warning}" for warning in warnings)


def _ref(panels: Mapping[str, Panel], last: date, threads: Executor) -> DatasetRef:
    content = {name: _content(panel, threads) for name, panel in panels.items()}
    dataset_id = address({"format": FORMAT, "market": content})
    priced = panels[prices.TABLE]
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
    manifest = Manifest(
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
