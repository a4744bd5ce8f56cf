"""Checking in a cell, with a synthetic market, whether a signal model keeps its contract."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.conformance_report import (
    SIGNAL_CHECKS,
    CheckOutcome,
    CheckResult,
    ConformanceReport,
    in_order,
)
from bakeoff.evaluation.market.market_pinning import PinnedMarket, pin_market
from bakeoff.evaluation.signals import check_signal_model_in_cell
from bakeoff.evaluation.signals.signal_cell import SignalCellInputs
from bakeoff.evaluation.user_functions.dataset_functions import Barred
from bakeoff.operations.context import Context
from bakeoff.operations.signals.signal_model_cells import OneOffCellFailedError, run_one_off_cell
from bakeoff.settings.market_settings import MarketSettings, MarketSource, TableSettings

_LONGEST_S = 300.0
_MADE_UP = TableSettings(source=MarketSource.SYNTHETIC)


def check_signal_model(
    context: Context, model: Candidate, *, timeout_s: float | None = None
) -> ConformanceReport:
    began = monotonic()
    model = replace(model, timeout_s=timeout_s or model.timeout_s or _LONGEST_S)
    with TemporaryDirectory(prefix="bakeoff-check-") as folder:
        settings = MarketSettings(prices=_MADE_UP, fundamentals=_MADE_UP)
        market = pin_market(
            settings,
            root=context.configuration.root,
            snapshots=Path(folder),
            as_of=None,
            barred=Barred.by(context.configuration),
        )
        results = _ask(context, model, market, log=Path(folder) / "log")
    return ConformanceReport(
        subject=model.id, checks=in_order(results, SIGNAL_CHECKS), seconds=monotonic() - began
    )


def _ask(context: Context, model: Candidate, market: PinnedMarket, *, log: Path) -> list[CheckResult]:
    configuration = context.configuration
    inputs = SignalCellInputs(
        candidate=model,
        as_of=market.as_of,
        market=market.folder,
        copies=(),
        root=configuration.root,
        closed=tuple(configuration.secrets),
        log=log,
        about={},
    )
    try:
        told = run_one_off_cell(
            context, inputs, check_signal_model_in_cell.check, outputs={}, symbols=list(market.symbols)
        )
        return [CheckResult.from_record(one) for one in told]
    except OneOffCellFailedError as exc:
        cure = "find in what it printed what ended its process"
        ended = CheckResult(slug="answers", outcome=CheckOutcome.FAILED, seen=str(exc), cure=cure)
        return [ended]
