"""Pinning the market: the producer reads it, checks it, cuts it off at a date, and writes a snapshot."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef, TargetKind
from bakeoff.domain.wording import listed, nearest
from bakeoff.evaluation.datasets import snapshot_store
from bakeoff.evaluation.datasets.canonical_column import Column
from bakeoff.evaluation.datasets.canonical_table import address
from bakeoff.evaluation.datasets.pin_snapshot import SPARE_BYTES
from bakeoff.evaluation.datasets.snapshot_layout import FORMAT, folder_of
from bakeoff.evaluation.market.market_snapshot import write_market
from bakeoff.evaluation.market.prices_and_fundamentals import (
    FUNDAMENTALS_TABLE,
    PRICES_TABLE,
    read_fundamentals,
    read_prices,
)
from bakeoff.evaluation.market.read_market_table import market_files
from bakeoff.evaluation.market.table_by_symbol_and_day import Panel
from bakeoff.evaluation.user_functions.dataset_functions import NOTHING_BARRED, Barred
from bakeoff.settings.market_settings import MarketSettings, MarketSource

NAME = "market"
_TARGET = "signal"
STALE_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class PinnedMarket:
    ref: DatasetRef
    folder: Path
    as_of: date  #: of the request; without one, the last day that has prices
    symbols: tuple[str, ...]  #: all that have a price by then, in sort order
    warnings: tuple[str, ...]  #: sentences for the person who starts the run

    def chosen(self, symbols: Sequence[str] | None) -> tuple[str, ...]:
        """These symbols, each once; None means all. An unknown one is an error."""
        if symbols is None:
            return self.symbols
        known = frozenset(self.symbols)
        unknown = [symbol for symbol in symbols if symbol not in known]
        if unknown:
            raise InvalidInputError(
                f"there are no prices of {listed(unknown)} by {self.as_of}{nearest(unknown[0], self.symbols)}"
            )
        return tuple(dict.fromkeys(symbols))


def pin_market(
    settings: MarketSettings,
    *,
    root: Path,
    snapshots: Path,
    as_of: date | None,
    barred: Barred = NOTHING_BARRED,
) -> PinnedMarket:
    """Pins the market. The snapshot has nothing later than `as_of`; None means the last day with prices."""
    panels, warnings = _read(settings, root, as_of, barred)
    last = panels[PRICES_TABLE].days.max().astype(date)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        ref = _ref(panels, last, threads)
        folder = folder_of(snapshots, ref.dataset_id, ref.split_id)
        snapshot_store.find_or_create(
            folder,
            needed=sum(panel.nbytes for panel in panels.values()) + SPARE_BYTES,
            fill=lambda incoming: write_market(incoming, panels, ref, _split(last), threads),
        )
    return PinnedMarket(
        ref=replace(ref, files=tuple(str(file) for file in market_files(settings, root))),
        folder=folder,
        as_of=as_of or last,
        symbols=tuple(panels[PRICES_TABLE].symbols),
        warnings=(*_synthetic_warning(settings), *warnings, *_staleness_warning(last, as_of)),
    )


def _read(
    settings: MarketSettings, root: Path, as_of: date | None, barred: Barred
) -> tuple[Mapping[str, Panel], tuple[str, ...]]:
    prices, odd = read_prices(settings.prices, root, as_of, barred=barred)
    if settings.fundamentals is None:
        return {PRICES_TABLE: prices}, _about_table(PRICES_TABLE, odd)
    last = as_of or prices.days.max().astype(date)
    figures, odd_too = read_fundamentals(settings.fundamentals, root, last, barred=barred)
    warnings = (
        *_about_table(PRICES_TABLE, odd),
        *_about_table(FUNDAMENTALS_TABLE, odd_too),
    )
    return {
        PRICES_TABLE: prices,
        FUNDAMENTALS_TABLE: figures,
    }, warnings


def _about_table(table: str, warnings: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{table}: {warning}" for warning in warnings)


def _ref(panels: Mapping[str, Panel], last: date, threads: Executor) -> DatasetRef:
    content = {name: _content(panel, threads) for name, panel in panels.items()}
    dataset_id = address({"format": FORMAT, "market": content})
    priced = panels[PRICES_TABLE]
    return DatasetRef(
        dataset_id=dataset_id,
        split_id=address([dataset_id, _split(last)]),
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


def _split(last: date) -> Mapping[str, str]:
    return {"by": "date", "last": last.isoformat()}


def _synthetic_warning(settings: MarketSettings) -> tuple[str, ...]:
    if all(table.source is not MarketSource.SYNTHETIC for table in settings.tables.values()):
        return ()
    return ("the market is synthetic: made up, with patterns that models can find; no real one is like it",)


def _staleness_warning(last: date, as_of: date | None) -> tuple[str, ...]:
    if as_of is None or (as_of - last).days <= STALE_DAYS:
        return ()
    return (f"prices: the last ones are of {last}, {(as_of - last).days} days before {as_of}",)
