"""Draws docs/pictures/leaderboard.svg: the latest run as `bakeoff show` prints it. `make docs` calls it."""

import io
import sys
from pathlib import Path

from rich.console import Console

from bakeoff.cli import project_access
from bakeoff.cli.output.runs.show_run_report import show_report
from bakeoff.operations.runs.run_report import read_report
from bakeoff.store.bakeoffs import run_rows

_WIDTH = 116


def main() -> None:
    engine = project_access.database(project_access.open_project(None))
    console = Console(
        record=True,
        width=_WIDTH,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
    )
    console.print("$ bakeoff run breast_cancer --with broken", style="bold")
    show_report(read_report(engine, run_rows.find(engine, "latest")), console)
    Path(sys.argv[1]).write_text(console.export_svg(title="bakeoff", unique_id="bakeoff"), "utf-8")


if __name__ == "__main__":
    main()
