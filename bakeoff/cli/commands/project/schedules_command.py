"""`bakeoff schedules`: what starts by itself, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from bakeoff.domain.run import Run
    from bakeoff.domain.schedule import Schedule
    from bakeoff.settings.configuration import Configuration
    from bakeoff.settings.schedule_settings import ScheduleSettings
    from bakeoff.store.bakeoffs.schedule_slots import SlotStanding

LOOK_AFTER = "`bakeoff up`, or `celery -A tasks beat` beside a worker,"


@dataclass(frozen=True, kw_only=True)
class Row:
    settings: "ScheduleSettings"
    schedule: "Schedule"
    standing: "SlotStanding"
    run: "Run | None"  #: of the last slot; None when there is none, or it was forgotten

    @property
    def next_at(self) -> datetime:
        """In the past where nobody has looked at its time."""
        return self.schedule.rule.next_after(self.standing.noted_until or self.standing.at)

    @property
    def is_overdue(self) -> bool:
        from bakeoff.domain.schedule import ON_TIME

        return self.standing.at - self.next_at > ON_TIME

    @property
    def remark(self) -> str:
        """What is not as it should be; empty when all is well."""
        last = self.standing.last
        if last and last.error:
            said = terminal.clean(last.error)
            return f"its run could not be started so far, tried {last.tries} times: {said}"
        return f"nobody looks: {LOOK_AFTER} starts what is due" if self.is_overdue else ""


def schedules(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """List what starts by itself, and when.

    `bakeoff up`, or `celery -A tasks beat` beside a worker, sees to it.
    """
    found = rows(project_access.open_project(config))
    if as_json:
        terminal.write_json([_record(row) for row in found])
    elif found:
        terminal.show(terminal.out(), _table(found), *_remarks(found))
    else:
        terminal.out().print("no schedules: name some under `schedules:` in the configuration")


def rows(configuration: "Configuration") -> list[Row]:
    """Also where there is no database yet; none is made."""
    scheduled = configuration.settings.scheduled
    return [_row(settings, settings.to_schedule(name)) for name, settings in scheduled.items()]


def _row(settings: "ScheduleSettings", schedule: "Schedule") -> Row:
    from bakeoff.domain.errors import NotFoundError
    from bakeoff.operations import process_context
    from bakeoff.store.bakeoffs import run_rows, schedule_slots
    from bakeoff.store.database import schema_version

    if not process_context.has_database():
        never = schedule_slots.SlotStanding(
            noted_until=None, last=None, missed=0, last_missed=None, at=datetime.now(UTC)
        )
        return Row(settings=settings, schedule=schedule, standing=never, run=None)
    schema_version.ensure(process_context.engine())
    standing = schedule_slots.standing(process_context.engine(), schedule)
    try:
        run = run_rows.get(process_context.engine(), standing.last.run_id) if standing.last else None
    except NotFoundError:
        run = None
    return Row(settings=settings, schedule=schedule, standing=standing, run=run)


def _record(row: Row) -> dict[str, Any]:
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


def _table(found: Sequence[Row]) -> "Table":
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
            Text(_local(row, row.next_at), "yellow" if row.is_overdue else ""),
            Text(_local(row, last.at), "dim") if last else Text("-", "dim"),
            _run(row),
            Text(f"{row.standing.missed:,}", "yellow") if row.standing.missed else Text("0", "dim"),
        )
    return table


def _run(row: Row) -> "Text":
    from rich.text import Text

    from bakeoff.cli.output import state_words

    if row.run is None:
        return Text(row.standing.last.state if row.standing.last else "-", "dim")
    run = row.run
    return Text.assemble(
        (run.id[:8], "bold"), " ", (state_words.words(run.state), state_words.style(run.state))
    )


def _remarks(found: Sequence[Row]) -> "list[Text]":
    from rich.text import Text

    remarks = [Text(f"{row.schedule.name}: {row.remark}") for row in found if row.remark]
    return [Text(), *remarks] if remarks else []


def _local(row: Row, moment: datetime) -> str:
    """By the clock that the schedule goes by."""
    return moment.astimezone(row.schedule.rule.zone).strftime("%Y-%m-%d %H:%M %Z")
