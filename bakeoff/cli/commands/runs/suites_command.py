"""`bakeoff suites`: the same candidates on several datasets, started and judged together."""

from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from rich.console import Console

    from bakeoff.domain.runs.suite import Suite
    from bakeoff.operations.context import Context
    from bakeoff.operations.suites.suite_report import SuiteReport

_UNSUCCESSFUL = 3

app = typer.Typer(
    help="Evaluate the same candidates on several datasets, and judge them together.",
    invoke_without_command=True,
    add_completion=False,
)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.callback()
def suites(
    called: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=200, metavar="N", help="At most so many.")] = 20,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """List the suites that were run, newest first, and those of the configuration.

    `bakeoff suites run NAME` starts one of `suites:` in the configuration.
    """
    if called.invoked_subcommand is not None:
        return
    from bakeoff.cli.output.suite_view import suite_list
    from bakeoff.operations.suites.suite_report import read_suites
    from bakeoff.store.database import schema_version

    context = project_access.open_project(config)
    known = context.configuration.settings.suites
    found: list[SuiteReport] = []
    if context.has_database():
        schema_version.ensure(context.engine)
        found = read_suites(context, limit=limit)
    if as_json:
        terminal.write_json([report.to_record() for report in found])
    elif found or known:
        terminal.show(terminal.out(), *suite_list(found, known, width=terminal.out().width))
    else:
        terminal.out().print("no suites: add some under `suites:` in the configuration")


@app.command("run")
def run(  # noqa: PLR0917 - one parameter for each option
    name: Annotated[str, typer.Argument(metavar="NAME", help="A suite of the configuration.")],
    fresh: Annotated[bool, typer.Option("--fresh", help="Fit all, whatever was fitted before.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait for its end.")] = False,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Start no worker, even if none answers.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Start the runs of a suite, follow them, and say which candidate to take for all datasets.

    If an earlier call was killed before it had started all runs, that suite is completed.  Ctrl-C ends this
    command and not the runs.  Exit code 3: not each dataset has results of all candidates.
    """
    from bakeoff.domain.errors import ConflictError
    from bakeoff.operations.suites import start_suite
    from bakeoff.store.database import schema_version

    context = project_access.open_project(config)
    console = terminal.err() if as_json else terminal.out()
    start_suite.settings_of(context, name)  # before a worker is started
    schema_version.ensure(context.engine)
    unfinished = start_suite.unfinished_start(context, name)
    if unfinished is not None and fresh and not unfinished.is_fresh:
        raise ConflictError(
            f"not all runs of suite {unfinished.id[:8]} are started yet, and it is without --fresh: "
            f"complete it with `bakeoff suites run {name}`, then start another with --fresh"
        )
    if unfinished is not None:
        _start_worker(context, unfinished.members[-1].run_id, may_start=not no_worker)
        told = f"suite {unfinished.id[:8]}: not all its runs are started yet; the others are started now"
        console.print(told)
        suite = start_suite.finish_start(context, unfinished)
    else:
        suite = start_suite.new_suite(context, name, fresh=fresh)
        suite = start(context, suite, console, may_start_worker=not no_worker)
    follow_to_its_end(context, suite, console, detach=detach, as_json=as_json)


def start(context: "Context", suite: "Suite", console: "Console", *, may_start_worker: bool) -> "Suite":
    """Starts the runs of a suite, and a worker if none answers."""
    from bakeoff.operations.suites import start_suite

    _start_worker(context, suite.members[-1].run_id, may_start=may_start_worker)
    with terminal.busy(console, f"reading {len(suite.members)} datasets"):
        suite = start_suite.start_suite(context, suite)
    console.print(f"suite {suite.name}  {suite.id[:8]}", highlight=False)
    return suite


def follow_to_its_end(
    context: "Context", suite: "Suite", console: "Console", *, detach: bool, as_json: bool
) -> None:
    """Ctrl-C, and `detach`, end this command and not the runs. Exit code 3: a run has not all results."""
    if detach:
        _show_how_to_follow(suite, console, context, as_json=as_json)
        return
    report = _follow(context, suite.id, console)
    if report is None:
        console.print("detached: the runs go on")
        _show_how_to_follow(suite, console, context, as_json=as_json)
        return
    _show(report, as_json=as_json)
    _leave(context, report)


def _start_worker(context: "Context", run_id: str, *, may_start: bool) -> None:
    from bakeoff.worker.temporary import worker_for_command_run

    context.broker.hold_or_fail()
    if may_start:
        worker_for_command_run.start_for(context, run_id)


def _follow(context: "Context", suite_id: str, console: "Console") -> "SuiteReport | None":
    from bakeoff.cli.output.suite_view import follow_suite

    try:
        return follow_suite(context, suite_id, console)
    except KeyboardInterrupt:
        return None


def _show_how_to_follow(suite: "Suite", console: "Console", context: "Context", *, as_json: bool) -> None:
    from bakeoff.operations.suites.suite_report import read_suite

    if as_json:
        terminal.write_json(read_suite(context, suite.id).to_record())
    else:
        console.print(f"  bakeoff suites show {suite.id[:8]}   look at it")


@app.command("show")
def show(
    suite: Annotated[
        str, typer.Argument(metavar="SUITE", help="Its name, the beginning of its id, or `latest`.")
    ] = "latest",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Watch it to its end first.")] = False,
    pairs: Annotated[bool, typer.Option("--pairs", help="All pairs of candidates, too.")] = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Show the runs of a suite, and what can be said of its candidates over all datasets."""
    from bakeoff.operations.suites.suite_report import read_suite
    from bakeoff.store.bakeoffs import suite_rows

    context = project_access.open_project(config)
    engine = project_access.database(context)
    suite_id = suite_rows.find(engine, suite)
    console = terminal.err() if as_json else terminal.out()
    watched = _follow(context, suite_id, console) if follow else None
    _show(watched or read_suite(context, suite_id), as_json=as_json, pairs=pairs)
    if watched is not None:
        _leave(context, watched)


def _show(report: "SuiteReport", *, as_json: bool, pairs: bool = False) -> None:
    from bakeoff.cli.output.suite_view import suite_parts

    if as_json:
        terminal.write_json(report.to_record())
    else:
        terminal.show(terminal.out(), *suite_parts(report, width=terminal.out().width, pairs=pairs))


def _leave(context: "Context", report: "SuiteReport") -> None:
    from bakeoff.domain.runs.run import RunState
    from bakeoff.operations.runs.run_report import scored_nobody

    for one in report.members:
        if one.summary is None or one.summary.run.state is not RunState.COMPLETED:
            raise typer.Exit(_UNSUCCESSFUL)
        if scored_nobody(context.engine, one.summary.run):
            raise typer.Exit(_UNSUCCESSFUL)
