"""`bakeoff cancel`: stop what is left of a run."""

from typing import Annotated

import typer

from cli import project, terminal
from cli.project import ConfigFile


def cancel(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id or its first characters, name, or `latest`.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="The run as JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Cancel a run; what has completed stays."""
    from store import cancelling, runs
    from tasks.report import run_record

    engine = project.database(project.open_project(config))
    run_id = runs.find(engine, run)
    cancelled = cancelling.cancel_run(engine, run_id)
    summary = runs.summary(engine, run_id)
    if as_json:
        terminal.write_json({"cancelled": cancelled, "run": run_record(summary)})
    else:
        terminal.out().print(_say(run_id, summary.run.state, cancelled=cancelled))


def _say(run_id: str, state: str, *, cancelled: bool) -> str:
    if not cancelled:
        return f"run {run_id} had ended already: {state}"
    if state == "cancelled":
        return f"run {run_id} is cancelled"
    return f"run {run_id} is being cancelled: its workers stop within seconds"
