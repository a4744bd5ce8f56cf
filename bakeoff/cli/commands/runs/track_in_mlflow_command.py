"""`bakeoff track`: runs are logged to MLflow's tracking now, by this process."""

from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from bakeoff.operations.context import Context

_UNREACHED = 4


def track(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            help="Run ids or their first characters, names, or `latest`.  [dim]\\[default: latest]",
            show_default=False,
        ),
    ] = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="All that still wait for it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Log runs to MLflow: parameters, scores, verdicts, reports.

    Where the setting `tracking` names a server, workers do this by themselves once a run has ended.  A run
    that is there already is completed, and never there twice.  Exit code 4: MLflow did not take one.
    """
    from bakeoff.operations.judging.judge_ended_runs import wait_for_verdict
    from bakeoff.operations.runs.track_runs_in_mlflow import track_run, track_waiting_runs
    from bakeoff.store.bakeoffs import run_rows
    from bakeoff.store.bakeoffs.results import tracking_rows

    if waiting and runs:
        raise typer.BadParameter("give --waiting or name runs, not both")
    context = project_access.open_project(config)
    engine = project_access.database(context)
    if waiting:
        logged = track_waiting_runs(context, lambda run_id: _report(context, run_id))
        failed = tracking_rows.waiting(engine).error
        if as_json:
            terminal.write_json({"logged": logged, "error": failed})
        else:
            told = f"{logged} logged" + (f"; not yet: {failed}" if failed else "")
            terminal.out().print(told, soft_wrap=True, markup=False, highlight=False)
        if failed:
            raise typer.Exit(_UNREACHED)
        return
    found = []
    for run_id in [run_rows.find(engine, asked) for asked in runs or ["latest"]]:
        wait_for_verdict(context, run_id)
        tracking = track_run(context, run_id, lambda run_id: _report(context, run_id))
        found.append(tracking)
        if not as_json:
            said = tracking.address and (tracking.address.page or tracking.address.uri)
            place = f"not yet: {tracking.error}" if tracking.error else said
            terminal.out().print(f"{run_id[:8]}  {place}", soft_wrap=True, markup=False, highlight=False)
    if as_json:
        terminal.write_json([{"runId": one.run_id, **one.to_record()} for one in found])
    if any(one.error for one in found):
        raise typer.Exit(_UNREACHED)


def _report(context: "Context", run_id: str) -> str:
    from bakeoff.web.reports.html_report import html_report
    from bakeoff.web.reports.report_contents import read_contents

    return html_report(read_contents(context, run_id))
