"""`bakeoff show`: the leaderboard of a run, and what stands behind it."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli import project, terminal
from cli.project import ConfigFile

if TYPE_CHECKING:
    from rich.console import Console

    from domain.run import Run
    from tasks.report import Report

_ROWS_ON_A_TERMINAL = 30


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MD = "md"


def show(  # noqa: PLR0917 - one parameter for each option
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id or its first characters, name, or `latest`.")
    ] = "latest",
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    model: Annotated[
        str | None,
        typer.Option("--details", metavar="MODEL", help="Classes, confusions or residuals of one candidate."),
    ] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Tracebacks and last log lines, too.")] = False,
    top: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="The first N only.  [dim]\\[default: 30 on a terminal, else all]"
        ),
    ] = None,
    metric: Annotated[str | None, typer.Option(metavar="NAME", help="Rank by another metric.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Watch it to its end first; then exit as `run` does.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Show the leaderboard of a run."""
    from store import runs
    from tasks.report import read_report

    engine = project.database(project.open_project(config))
    run_id = runs.find(engine, run)
    form = Format.JSON if as_json else form
    ended = _watch(run_id, form) if follow else None
    report = read_report(engine, run_id, metric=metric)
    if model is not None:
        _show_details(report, model, form)
    elif form is Format.TABLE:
        show_report(report, terminal.out(), top=top, errors=errors)
    else:
        _write(report, form, top)
    if ended is not None:
        _leave(ended)


def _watch(run_id: str, form: Format) -> "Run | None":
    from cli.following import watch

    return watch(run_id, terminal.out() if form is Format.TABLE else terminal.err())


def _leave(ended: "Run") -> None:
    from cli.following import leave

    leave(ended)


def show_report(
    report: "Report", console: "Console", *, top: int | None = None, errors: bool = False
) -> None:
    from cli.header import header

    terminal.show(console, header(report.run))
    show_outcome(report, console, top=top, errors=errors)


def show_outcome(
    report: "Report", console: "Console", *, top: int | None = None, errors: bool = False
) -> None:
    """Without what the run was about."""
    from rich.text import Text

    from cli import asked
    from cli.failures import failures
    from cli.header import state
    from cli.leaderboard import leaderboard
    from cli.saving import saving_lines

    if top is None and console.is_terminal:
        top = _ROWS_ON_A_TERMINAL
    board = asked.outcome(report, top=top) if report.run.signals else leaderboard(report, console, top=top)
    terminal.show(
        console,
        state(report.summary, reused=report.reused),
        *([Text(), *board] if board else []),
        *failures(report.unsuccessful, top=top, whole=errors),
        *(saving_lines(report.saving) if report.saving else []),
    )


def _show_details(report: "Report", model: str, form: Format) -> None:
    from cli import details

    standings = details.of_model(report, model)
    if form is Format.JSON:
        terminal.write_json([details.details_record(standing) for standing in standings])
        return
    if form is not Format.TABLE:
        raise typer.BadParameter(f"--details is written as table or json, not as {form}")
    terminal.show(terminal.out(), *(part for standing in standings for part in details.details(standing)))


def _write(report: "Report", form: Format, top: int | None) -> None:
    from dataclasses import replace

    from cli import formats
    from tasks.report import report_record

    report = replace(report, standings=report.standings[:top])
    if form is Format.JSON:
        terminal.write_json(report_record(report))
    else:
        sys.stdout.write(formats.to_csv(report) if form is Format.CSV else formats.to_markdown(report))
