"""A result as text, for terminals: as `bakeoff show` prints it."""

import shutil
from io import StringIO
from typing import TYPE_CHECKING

from bakeoff.cli.output.runs.run_outcome import show_report

if TYPE_CHECKING:
    from bakeoff.operations.run_report import RunReport

_WIDEST = 140


def text_of(report: "RunReport") -> str:
    from rich.console import Console

    width = min(shutil.get_terminal_size((_WIDEST, 0)).columns, _WIDEST)
    text = StringIO()
    show_report(
        report,
        Console(file=text, width=width, color_system=None, highlight=False, markup=False, emoji=False),
    )
    return "\n".join(line.rstrip() for line in text.getvalue().strip("\n").split("\n"))
