"""The command `bakeoff`.

Exit codes: 0 done, 1 a gate or a check failed, 2 bad usage, 3 finished with failures or cancelled,
4 the infrastructure failed.
"""

import sys
from typing import Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.command_table import HELP_NAMES, Commands
from bakeoff.domain.machine.faster_process_start_and_end import collect_seldom, run_and_end

app = typer.Typer(
    cls=Commands,
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=HELP_NAMES,
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        sys.stdout.write(f"bakeoff {version('bakeoff')}\n")
        raise typer.Exit


@app.callback()
def main(
    config: project_access.ConfigFile = None,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Bake-offs for machine-learning models: many candidates, one dataset, one leaderboard."""
    project_access.remember(config)


def run() -> None:
    collect_seldom()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without Unicode shows question marks
    run_and_end(lambda: app(prog_name="bakeoff"))


if __name__ == "__main__":
    run()
