"""The outcome of a run: its verdict, its leaderboard or its signals, failures, and saved models."""

from typing import TYPE_CHECKING

from rich.text import Text

from bakeoff.cli.output import signal_run_view, terminal
from bakeoff.cli.output.runs.failure_list import failures, warnings_in_full
from bakeoff.cli.output.runs.leaderboard_table import leaderboard
from bakeoff.cli.output.runs.run_header import header, state
from bakeoff.cli.output.runs.saving_view import saving_lines
from bakeoff.cli.output.runs.verdict_view import verdict_lines

if TYPE_CHECKING:
    from rich.console import Console

    from bakeoff.operations.run_report import RunReport

_ROWS_ON_A_TERMINAL = 30


def show_report(
    report: "RunReport", console: "Console", *, top: int | None = None, errors: bool = False
) -> None:
    terminal.show(console, header(report.run))
    show_outcome(report, console, top=top, errors=errors)


def show_outcome(
    report: "RunReport", console: "Console", *, top: int | None = None, errors: bool = False
) -> None:
    """The report without its header."""
    if top is None and console.is_terminal:
        top = _ROWS_ON_A_TERMINAL
    board = (
        signal_run_view.outcome(report, top=top)
        if report.run.signals
        else leaderboard(report, console, top=top)
    )
    terminal.show(
        console,
        state(report.summary, reused=report.reused),
        *(verdict_lines(report.verdict) if report.verdict else []),
        *([Text(), *board] if board else []),
        *failures(report.unsuccessful, top=top, whole=errors),
        *(warnings_in_full([row.result for row in report.standings]) if errors else []),
        *(
            saving_lines(report.saving, said=report.verdict.sentence if report.verdict else "")
            if report.saving
            else []
        ),
    )
