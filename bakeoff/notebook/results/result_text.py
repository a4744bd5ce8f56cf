"""A result as text, for terminals: as `bakeoff show` prints it, with calls where that names commands."""

import re
import shutil
from io import StringIO
from typing import TYPE_CHECKING

from bakeoff.cli.output.runs.show_run_report import show_report

if TYPE_CHECKING:
    from bakeoff.domain.runs.job import Job
    from bakeoff.operations.runs.run_report import RunReport

_WIDEST = 140
_CALLS = {
    "(--format csv has them)": "(.leaderboard has them)",
    " (--details MODEL says how many)": "",
    ": --members shows all": ": .leaderboard has all",
    "`bakeoff show --findings` says": ".findings says",
    ": --errors shows all": ": .errors has all",
}


def where_to_look(job: "Job") -> str:
    """A traceback is kept with the job, and its log is empty if the candidate printed nothing."""
    name = job.candidate.id
    return f".errors[{name!r}].traceback" if job.error and job.error.traceback else f".log({name!r})"


def text_of(report: "RunReport") -> str:
    from rich.console import Console

    width = min(shutil.get_terminal_size((_WIDEST, 0)).columns, _WIDEST)
    text = StringIO()
    show_report(
        report,
        Console(file=text, width=width, color_system=None, highlight=False, markup=False, emoji=False),
    )
    lines = "\n".join(line.rstrip() for line in text.getvalue().strip("\n").split("\n"))
    calls = {job.id[:8]: where_to_look(job) for job in report.unsuccessful}
    lines = re.sub(r"bakeoff logs (\w{8})", lambda found: calls.get(found[1], found[0]), lines)
    for command, call in _CALLS.items():
        lines = lines.replace(command, call)
    return lines
