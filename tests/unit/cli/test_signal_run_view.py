"""What is shown of the ensemble at the end of a run of signals."""

import io
from datetime import date

import pytest
from rich.console import Console

from bakeoff.cli.output.signal_run_view import ensemble
from bakeoff.domain.signal import EnsembleSignal, SignalType


def _signals(number: int) -> list[EnsembleSignal]:
    return [
        EnsembleSignal(
            symbol=f"S{rank:04}",
            as_of=date(2026, 6, 30),
            signal=SignalType.BUY,
            ensemble_score=0.7,
            expected_return=0.02,
            model_signals={"a": SignalType.BUY, "b": SignalType.BUY},
            model_confidences={"a": 0.7, "b": 0.7},
            conflict_reason=None,
            rank=rank,
        )
        for rank in range(1, number + 1)
    ]


def _shown(number: int, top: int | None = None) -> list[str]:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    console.print(*ensemble(_signals(number), top=top), sep="\n")
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("top", "rows"), [(None, 20), (3, 3), (5000, 2000)])
def test_the_best_are_listed_and_the_others_counted(top: int | None, rows: int) -> None:
    lines = _shown(2000, top)

    assert sum(" BUY " in line for line in lines[1:]) == rows
    assert lines[0] == "2026-06-30  2,000 symbols: 2,000 BUY"
    if rows < 2000:
        assert lines[-1] == f"… and {2000 - rows:,} more: `bakeoff signals show --limit 2000`"
