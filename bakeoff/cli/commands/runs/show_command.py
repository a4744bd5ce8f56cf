"""`bakeoff show`: the leaderboard of a run, details of a candidate, and errors."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from bakeoff.domain.runs.run import Run
    from bakeoff.operations.context import Context
    from bakeoff.operations.runs.run_report import RunReport


class ShowFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MD = "md"


def show(  # noqa: PLR0917 - one parameter for each option
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id or its first characters, name, or `latest`.")
    ] = "latest",
    form: Annotated[ShowFormat, typer.Option("--format", help="How to write it.")] = ShowFormat.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    model: Annotated[
        str | None,
        typer.Option("--details", metavar="MODEL", help="Classes, confusions or residuals of one candidate."),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            "--rows", metavar="MODEL", help="Test rows in which one candidate was wrong.", show_default=False
        ),
    ] = None,
    offset: Annotated[
        int, typer.Option(min=0, metavar="N", help="With --rows: leave out the first N of them.")
    ] = 0,
    importance: Annotated[
        str | None,
        typer.Option(
            "--importance",
            metavar="MODEL",
            help="How much one candidate relies on each column, of a run with --importance.",
            show_default=False,
        ),
    ] = None,
    members: Annotated[bool, typer.Option("--members", help="All members of grids, too.")] = False,
    folds: Annotated[bool, typer.Option("--folds", help="The scores of each fold or seed, too.")] = False,
    errors: Annotated[
        bool, typer.Option("--errors", help="Tracebacks, last log lines and warnings, too.")
    ] = False,
    findings: Annotated[
        bool, typer.Option("--findings", help="All findings on data and results, with their cures.")
    ] = False,
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
    web: Annotated[bool, typer.Option("--web", help="Open its page in a browser instead.")] = False,
    config: ConfigFile = None,
) -> None:
    """Show the leaderboard of a run."""
    from bakeoff.cli.output.runs.show_run_report import show_report
    from bakeoff.operations.judging.judge_ended_runs import wait_for_verdict
    from bakeoff.operations.runs.run_report import read_report
    from bakeoff.store.bakeoffs import run_rows

    context = project_access.open_project(config)
    engine = project_access.database(context)
    run_id = run_rows.find(engine, run)
    if web:
        _open_page(context, run_id)
        return
    form = ShowFormat.JSON if as_json else form
    ended = _watch(context, run_id, form) if follow else None
    if offset and rows is None:
        raise typer.BadParameter(f"--offset {offset} is for the list of --rows: give --rows MODEL, too")
    if rows is not None:
        _show_rows(context, run_id, rows, form, offset=offset, top=top)
        if ended is not None:
            _leave(context, ended)
        return
    wait_for_verdict(context, run_id)  # returns at once unless the run is being judged, or nobody judged it
    report = read_report(engine, run_id, metric=metric)
    if model is not None:
        _show_details(report, model, form)
    elif importance is not None:
        _show_importance(report, importance, form, top=top)
    elif form is ShowFormat.TABLE:
        show_report(report, terminal.out(), top=top, errors=errors, findings=findings, members=members)
        if folds:
            _show_folds(report)
    else:
        _write(report, form, top)
    if ended is not None:
        _leave(context, ended)


def _show_rows(
    context: "Context", run_id: str, model: str, form: ShowFormat, *, offset: int, top: int | None
) -> None:
    from bakeoff.cli.output.runs import wrong_row_table
    from bakeoff.operations.comparing.find_named_results import find_results
    from bakeoff.operations.comparing.wrong_rows import wrong_rows

    if form is ShowFormat.MD:
        raise typer.BadParameter("--rows is written as table, json or csv, not as md")
    limit = top or (wrong_row_table.ON_A_PAGE if form is ShowFormat.TABLE else None)
    [result] = find_results(context, [model], run=run_id)
    found = wrong_rows(context, result, offset=offset, limit=limit)
    if form is ShowFormat.JSON:
        terminal.write_json(found.to_record())
    elif form is ShowFormat.CSV:
        sys.stdout.write(wrong_row_table.to_csv(found))
    else:
        terminal.show(terminal.out(), *wrong_row_table.wrong_row_table(found, terminal.out().width))


def _show_importance(report: "RunReport", model: str, form: ShowFormat, *, top: int | None) -> None:
    from bakeoff.cli.output.runs import importance_table
    from bakeoff.operations.runs.run_report import importance_of, importance_record

    if form is ShowFormat.MD:
        raise typer.BadParameter("--importance is written as table, json or csv, not as md")
    result, found = importance_of(report, model)
    if form is ShowFormat.JSON:
        terminal.write_json(importance_record(result, found))
    elif form is ShowFormat.CSV:
        sys.stdout.write(importance_table.to_csv(found))
    else:
        terminal.show(terminal.out(), *importance_table.importance_table(result, found, top=top))


def _show_folds(report: "RunReport") -> None:
    from bakeoff.cli.output.runs.fold_table import fold_table

    terminal.show(terminal.out(), *fold_table(report))


def _open_page(context: "Context", run_id: str) -> None:
    """The address is printed, too: there may be no browser on this machine."""
    import webbrowser

    from bakeoff.api import served_address
    from bakeoff.domain.errors import NotFoundError

    served = served_address.find(context.configuration)
    if served is None:
        raise NotFoundError(
            "no pages are served here: `bakeoff up` serves them with everything else, `bakeoff api` alone"
        )
    address = f"{served}/runs/{run_id}"
    terminal.out().print(address, soft_wrap=True)
    webbrowser.open(address)


def _watch(context: "Context", run_id: str, form: ShowFormat) -> "Run | None":
    from bakeoff.cli.output.runs.follow_run import follow_to_end

    return follow_to_end(context, run_id, terminal.out() if form is ShowFormat.TABLE else terminal.err())


def _leave(context: "Context", ended: "Run") -> None:
    from bakeoff.cli.output.runs.follow_run import exit_with_state_of

    exit_with_state_of(context, ended)


def _show_details(report: "RunReport", model: str, form: ShowFormat) -> None:
    from bakeoff.cli.output.runs import metric_details

    standings = metric_details.of_model(report, model)
    if form is ShowFormat.JSON:
        terminal.write_json([metric_details.details_record(standing) for standing in standings])
        return
    if form is not ShowFormat.TABLE:
        raise typer.BadParameter(f"--details is written as table or json, not as {form}")
    terminal.show(
        terminal.out(), *(part for standing in standings for part in metric_details.details(standing))
    )


def _write(report: "RunReport", form: ShowFormat, top: int | None) -> None:
    from dataclasses import replace

    from bakeoff.cli.output.runs import export_formats
    from bakeoff.operations.runs.run_report import report_record

    report = replace(report, standings=report.standings[:top])
    if form is ShowFormat.JSON:
        terminal.write_json(report_record(report))
    else:
        sys.stdout.write(
            export_formats.to_csv(report) if form is ShowFormat.CSV else export_formats.to_markdown(report)
        )
