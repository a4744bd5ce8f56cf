"""The outcome of a run: its verdict, its leaderboard or its signals, failures, and saved models."""

from typing import TYPE_CHECKING

from rich.text import Text

from bakeoff.cli.output import signal_run_view, terminal
from bakeoff.cli.output.runs.failure_list import failures, unscored, warnings_in_full
from bakeoff.cli.output.runs.leaderboard_table import leaderboard, stopped_table
from bakeoff.cli.output.runs.run_header import header, state
from bakeoff.cli.output.runs.saving_and_tracking_view import saving_lines, tracking_lines
from bakeoff.cli.output.runs.verdict_view import verdict_lines
from bakeoff.cli.output.states_and_findings import all_findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from bakeoff.domain.finding import Finding
    from bakeoff.operations.runs.run_report import RunReport

_ROWS_ON_A_TERMINAL = 30


def show_report(
    report: "RunReport",
    console: "Console",
    *,
    top: int | None = None,
    errors: bool = False,
    findings: bool = False,
    members: bool = False,
) -> None:
    """`findings`: all of them, with their cures, and not a line for each kind."""
    known = report.verdict.findings if report.verdict else report.run.findings
    terminal.show(console, header(report.run, findings=() if findings else report.run.findings))
    show_outcome(
        report,
        console,
        top=top,
        errors=errors,
        told=known if findings else report.run.findings,
        members=members,
    )
    if findings:
        terminal.show(console, Text(), *(all_findings(known) or [Text("no findings", "dim")]))


def show_outcome(
    report: "RunReport",
    console: "Console",
    *,
    top: int | None = None,
    errors: bool = False,
    told: "Sequence[Finding] | None" = None,
    members: bool = False,
) -> None:
    """The report without its header. `told`: findings that are shown elsewhere; None: those of the header."""
    if top is None and console.is_terminal:
        top = _ROWS_ON_A_TERMINAL
    shown = report.run.findings if told is None else told
    board = (
        signal_run_view.outcome(report, top=top)
        if report.run.signals
        else leaderboard(report, console, top=top, members=members)
    )
    sentence = report.verdict.sentence if report.verdict else ""
    terminal.show(
        console,
        state(report.summary, reused=report.reused, own_preparation=_own_preparation(report)),
        *(verdict_lines(report.verdict, told=shown) if report.verdict else []),
        *([Text(), *board] if board else []),
        *stopped_table(report, console, top=top),
        *(
            []
            if errors or report.run.signals
            else unscored([row.result for row in report.standings], said=sentence)
        ),
        *failures(report.unsuccessful, top=top, whole=errors),
        *(
            warnings_in_full([row.result for row in report.standings])
            if errors and not report.run.signals
            else []
        ),
        *(saving_lines(report.saving, said=sentence) if report.saving else []),
        *(tracking_lines(report.tracking) if report.tracking else []),
    )


def _own_preparation(report: "RunReport") -> "list[str]":
    return [row.result.model_id for row in report.standings if row.result.details.get("preparesItself")]
