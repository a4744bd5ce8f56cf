"""The schedules: whether anybody looks after them, and whether their runs can be started."""

from collections.abc import Iterator

from bakeoff.cli.commands.project.schedules_command import LOOK_AFTER, rows
from bakeoff.operations.examination.diagnosis import Diagnosis, ok, warn
from bakeoff.settings.configuration import Configuration


def timetable(configuration: Configuration) -> Iterator[Diagnosis]:
    found = rows(configuration)
    for row in found:
        if row.is_overdue:
            yield warn(
                "schedules", f"{row.schedule.name} is overdue: nobody looks", f"start {LOOK_AFTER[:-1]}"
            )
        elif row.remark:
            yield warn(
                "schedules", f"{row.schedule.name}: {row.remark}", "mend that; it is tried again and again"
            )
    if not any(row.remark for row in found):
        yield ok("schedules", ", ".join(row.schedule.name for row in found) or "none")
