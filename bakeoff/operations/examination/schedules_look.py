"""The schedules: whether anything starts what is due, and whether their runs can be started."""

from collections.abc import Iterator

from bakeoff.operations.context import Context
from bakeoff.operations.examination.diagnosis import Diagnosis, ok, warn
from bakeoff.operations.scheduled_runs import STARTS_RUNS, schedule_statuses


def timetable(context: Context) -> Iterator[Diagnosis]:
    found = schedule_statuses(context)
    for status in found:
        name = status.schedule.name
        if status.is_overdue:
            yield warn("schedules", f"{name} is overdue: nobody looks", f"start {STARTS_RUNS[:-1]}")
        elif status.problem:
            yield warn("schedules", f"{name}: {status.problem}", "mend that; it is tried again and again")
    if not any(status.problem for status in found):
        yield ok("schedules", ", ".join(status.schedule.name for status in found) or "none")
