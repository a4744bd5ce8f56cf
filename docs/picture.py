"""Draws docs/leaderboard.svg: the latest run as `bakeoff show` prints it. `make docs` calls it."""

import io
import sys
from pathlib import Path

from rich.console import Console

from cli import project
from cli.show import show_report
from store import runs
from tasks.report import read_report

_WIDTH = 112


def main() -> None:
    engine = project.database(project.open_project(None))
    console = Console(
        record=True,
        width=_WIDTH,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
    )
    console.print("$ bakeoff run breast_cancer --with broken", style="bold")
    show_report(read_report(engine, runs.find(engine, "latest")), console)
    Path(sys.argv[1]).write_text(console.export_svg(title="bakeoff", unique_id="bakeoff"), "utf-8")


if __name__ == "__main__":
    main()
