"""Signals of the ensemble as tables: many of one date, or one with all that is known of it."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bakeoff.cli.output.terminal import clean
from bakeoff.cli.output.version_table import local_time
from bakeoff.domain.signal import EnsembleSignal, KeptSignal, SignalType
from bakeoff.domain.wording import counted
from bakeoff.store.signals.ensemble_signals import SignalTally

if TYPE_CHECKING:
    from rich.console import RenderableType

_STYLES = {
    SignalType.STRONG_BUY: "bold green",
    SignalType.BUY: "green",
    SignalType.HOLD: "dim",
    SignalType.SELL: "red",
    SignalType.STRONG_SELL: "bold red",
}


def counts(as_of: date, tally: SignalTally) -> Text:
    """A line such as `2026-11-20  12 symbols: 3 BUY, 9 HOLD; 2 conflicts`."""
    said = [
        Text(f"{number:,} {signal}", _STYLES[signal])
        for signal, number in tally.distribution.items()
        if number
    ]
    text = Text.assemble((as_of.isoformat(), "bold"), "  ")
    text.append(f"{counted(sum(tally.distribution.values()), 'symbol')}: ")
    text.append_text(Text(", ").join(said))
    if tally.conflicts:
        text.append("; ").append(counted(tally.conflicts, "conflict"), "yellow")
    return text


def table(shown: Sequence[EnsembleSignal]) -> Table:
    models = sorted({model for one in shown for model in one.models_contributing})
    found = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    found.add_column("rank", justify="right")
    found.add_column("symbol", no_wrap=True, overflow="ellipsis")
    found.add_column("signal", no_wrap=True)
    found.add_column("score", justify="right")
    found.add_column("return", justify="right")
    for model in models:
        found.add_column(clean(model), no_wrap=True)
    found.add_column("conflict", no_wrap=True, overflow="ellipsis")
    for signal in shown:
        found.add_row(
            str(signal.rank),
            Text(clean(signal.symbol), "bold"),
            Text(signal.signal, _STYLES[signal.signal]),
            f"{signal.ensemble_score:.3f}",
            f"{signal.expected_return:+.1%}",
            *(_model_cell(signal, model) for model in models),
            Text(clean(signal.conflict_reason or ""), "yellow"),
        )
    return found


def _model_cell(signal: EnsembleSignal, model: str) -> Text:
    said = signal.model_signals.get(model)
    if said is None:
        return Text("-", "dim")
    return Text.assemble((said, _STYLES[said]), f" {signal.model_confidences[model]:.2f}")


def details(found: KeptSignal) -> "list[RenderableType]":
    """One signal: its symbol and date, and below them a line for each fact."""
    signal = found.signal
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    for row in _rows(found):
        grid.add_row(*row)
    return [Text.assemble((clean(signal.symbol), "bold"), f"  {signal.as_of}"), grid]


def _rows(found: KeptSignal) -> Iterator[tuple[str, Text]]:
    signal = found.signal
    yield "signal", Text(signal.signal, _STYLES[signal.signal])
    yield "score", Text(f"{signal.ensemble_score:.3f}, rank {signal.rank}")
    yield "return", Text(f"{signal.expected_return:+.1%} expected")
    for model in signal.models_contributing:
        yield clean(model), _model_cell(signal, model)
    if signal.conflict_reason:
        yield "conflict", Text(clean(signal.conflict_reason), "yellow")
    origin = "a process without a run" if found.run_id is None else f"run {found.run_id}"
    yield "made", Text(f"{local_time(found.generated_at)} by {origin}", "dim")
