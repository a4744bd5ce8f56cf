"""`bakeoff priority`: let a run go before others, or after them."""

from typing import Annotated

import typer

from cli import project, terminal
from cli.commands import HELP_NAMES
from cli.project import ConfigFile

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(context_settings={**HELP_NAMES, "ignore_unknown_options": True})  # a number below 0 is none
def priority(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id or its first characters, name, or `latest`.")
    ],
    number: Annotated[
        int, typer.Argument(min=-100, max=100, metavar="N", help="Higher goes first; runs start with 0.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="The run as JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Let a run go before others, or after them.

    Its queued jobs move; what is running goes on.
    """
    from store import runs
    from tasks.report import run_record

    engine = project.database(project.open_project(config))
    run_id = runs.find(engine, run)
    changed = runs.prioritise(engine, run_id, number)
    summary = runs.summary(engine, run_id)
    if as_json:
        terminal.write_json({"changed": changed, "run": run_record(summary)})
    elif changed:
        terminal.out().print(f"run {run_id} has priority {number}")
    else:
        terminal.out().print(f"run {run_id} had ended already: {summary.run.state}")
