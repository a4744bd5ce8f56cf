"""`bakeoff schedules`: list the schedules, and when each starts next."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from bakeoff.operations.runs.scheduled_runs import ScheduleStatus


def schedules(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """List the schedules, and when each starts next.

    The runs are started by `bakeoff up`, or by `celery -A tasks beat` beside a worker.
    """
    from bakeoff.operations.runs.scheduled_runs import schedule_statuses

    found = schedule_statuses(project_access.open_project(config))
    if as_json:
        terminal.write_json([_record(row) for row in found])
    elif found:
        terminal.show(terminal.out(), _table(found), *_remarks(found))
    else:
        terminal.out().print("no schedules: add some under `schedules:` in the configuration")


def _record(row: "ScheduleStatus") -> dict[str, Any]:
    from bakeoff.domain.identity import iso, iso_or_none

    standing = row.standing
    last = standing.last.to_record() if standing.last else None
    return {
        "name": row.schedule.name,
        "dataset": row.settings.dataset,
        "signals": row.settings.signals,
        "when": str(row.schedule.rule),
        "nextAt": iso(row.next_at),
        "overdue": row.is_overdue,
        "last": last and {**last, "runStatus": row.run.state if row.run else None},
        "missed": standing.missed,
        "lastMissedAt": iso_or_none(standing.last_missed.at if standing.last_missed else None),
        "catchUp": row.schedule.missed,
    }


def _table(found: Sequence["ScheduleStatus"]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("schedule", "of", "when", "next", "last", "run", "missed"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    for row in found:
        last = row.standing.last
        table.add_row(
            Text(row.schedule.name, "bold"),
            Text(terminal.clean(row.settings.subject)),
            Text(str(row.schedule.rule)),
            Text(_local_time(row, row.next_at), "yellow" if row.is_overdue else ""),
            Text(_local_time(row, last.at), "dim") if last else Text("-", "dim"),
            _run_cell(row),
            Text(f"{row.standing.missed:,}", "yellow") if row.standing.missed else Text("0", "dim"),
        )
    return table


def _run_cell(row: "ScheduleStatus") -> "Text":
    from rich.text import Text

    from bakeoff.cli.output.runs import state_words

    if row.run is None:
        return Text(row.standing.last.state if row.standing.last else "-", "dim")
    run = row.run
    return Text.assemble(
        (run.id[:8], "bold"), " ", (state_words.words(run.state), state_words.style(run.state))
    )


def _remarks(found: Sequence["ScheduleStatus"]) -> "list[Text]":
    from rich.text import Text

    remarks = [Text(f"{row.schedule.name}: {terminal.clean(row.problem)}") for row in found if row.problem]
    return [Text(), *remarks] if remarks else []


def _local_time(row: "ScheduleStatus", moment: datetime) -> str:
    """In the time zone of the schedule."""
    return moment.astimezone(row.schedule.rule.zone).strftime("%Y-%m-%d %H:%M %Z")
