"""Scheduled runs: which slots are due, starting their runs, and the state of each schedule.

Beat sends a message every few seconds, and the worker that takes it starts the runs that are due. Any number
of workers may do so at once. If a worker dies, the next one starts the run of its slot.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bakeoff.domain.errors import BakeoffError, InvalidInputError, NotFoundError
from bakeoff.domain.ids_and_times import iso, iso_or_none
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.schedule import ON_TIME, Pause, Schedule, Slot
from bakeoff.domain.wording import counted, listed, nearest, quoted
from bakeoff.evaluation.metrics.metric_names import check_names
from bakeoff.evaluation.planning.declared_run_options import RunRequest, RunSpec
from bakeoff.evaluation.signals.signal_run_plan import SignalRequest
from bakeoff.operations.context import Context
from bakeoff.operations.runs.start_run import start_run
from bakeoff.operations.signals.start_signals import start_signals
from bakeoff.operations.upkeep.work_under_lease import start_while_leased
from bakeoff.settings import log_setup
from bakeoff.settings.schedule_and_suite_settings import ScheduleSettings
from bakeoff.store.bakeoffs import run_rows, schedule_slots
from bakeoff.store.bakeoffs.schedule_slots import SlotSummary
from bakeoff.store.database import schema_version
from registry.catalog.live_catalog import declared_ids

log = logging.getLogger(__name__)

#: For messages: what starts scheduled runs.
STARTS_RUNS = "`bakeoff up`, or `celery -A tasks beat` beside a worker,"


def start_due_runs(context: Context) -> int:
    """How many runs were started."""
    engine, scheduled = context.engine, context.configuration.settings.scheduled
    schema_version.ensure(engine)
    active = scheduled.keys() - schedule_slots.paused(engine).keys()
    for name in active:
        schedule_slots.note(engine, scheduled[name].to_schedule(name))
    open_slots = schedule_slots.due(engine, active)
    started = 0
    for slot in open_slots:
        with log_setup.with_ids(runId=slot.run_id):
            started += _start(context, slot, scheduled[slot.schedule])
    return started


def _start(context: Context, slot: Slot, settings: ScheduleSettings) -> bool:
    """Starts the run of the slot. False if another process has, it is paused, or it cannot be started now."""
    engine, lease_s = context.engine, context.configuration.settings.lease_seconds
    lease = schedule_slots.take(engine, slot, lease_s=lease_s)
    if lease is None:
        return False
    name = f"the run {slot.run_name}"
    if not start_while_leased(lambda: start_slot(context, slot, settings), lease, lease_s=lease_s, name=name):
        return False
    schedule_slots.finish(engine, slot)
    log.info("run %s was started by the schedule %s", slot.run_name, slot.schedule)
    return True


def start_slot(context: Context, slot: Slot, settings: ScheduleSettings) -> str:
    """Starts the run of the slot and returns its id. The slot knows the id, so two starts make one run."""
    if settings.dataset is None:
        return start_signals(
            context,
            SignalRequest(
                models=settings.models, priority=settings.priority, name=slot.run_name, run_id=slot.run_id
            ),
        )
    scheduled = RunSpec.model_fields.keys() & ScheduleSettings.model_fields.keys()
    options = {name: getattr(settings, name) for name in scheduled}
    return start_run(context, RunRequest(**options, name=slot.run_name, run_id=slot.run_id))


@dataclass(frozen=True, kw_only=True)
class ScheduleStatus:
    settings: ScheduleSettings
    schedule: Schedule
    standing: SlotSummary
    run: Run | None  #: of the last slot; None when there is none, or it was removed
    pause: Pause | None = None  #: None: it is not paused
    obstacle: str = ""  #: why none of its runs can be started; empty: nothing in the configuration

    @property
    def next_at(self) -> datetime:
        """When the next run is due. It is in the past if no worker was running at that time."""
        return self.schedule.rule.next_after(self.standing.noted_until or self.standing.at)

    @property
    def is_overdue(self) -> bool:
        return self.pause is None and self.standing.at - self.next_at > ON_TIME

    @property
    def problem(self) -> str:
        """Empty when all is well."""
        if self.pause is not None:
            return ""
        if self.obstacle:
            return f"none of its runs can be started: {self.obstacle}"
        last = self.standing.last
        if last and last.error:
            return f"its run could not be started so far, tried {counted(last.tries, 'time')}: {last.error}"
        return f"nobody looks: {STARTS_RUNS} starts what is due" if self.is_overdue else ""

    def to_record(self) -> dict[str, Any]:
        """As `bakeoff schedules --json` prints it, and as it is answered over HTTP."""
        standing = self.standing
        last = standing.last.to_record() if standing.last else None
        return {
            "name": self.schedule.name,
            "dataset": self.settings.dataset,
            "signals": self.settings.signals,
            "when": str(self.schedule.rule),
            "nextAt": iso(self.next_at),
            "overdue": self.is_overdue,
            "pausedAt": iso_or_none(self.pause.at if self.pause else None),
            "pausedBy": self.pause.by if self.pause else None,
            "last": last and {**last, "runStatus": self.run.state if self.run else None},
            "missed": standing.missed,
            "lastMissedAt": iso_or_none(standing.last_missed.at if standing.last_missed else None),
            "catchUp": self.schedule.missed,
        }


def schedule_statuses(context: Context) -> list[ScheduleStatus]:
    """The state of each schedule, also where there is no database yet; none is created."""
    scheduled = context.configuration.settings.scheduled
    enabled = _enabled_by_id(context) if any(one.models for one in scheduled.values()) else None
    return [
        replace(_status(context, settings, settings.to_schedule(name)), obstacle=_obstacle(settings, enabled))
        for name, settings in scheduled.items()
    ]


def _enabled_by_id(context: Context) -> Mapping[str, bool] | None:
    """None for a catalog that cannot be read: it says so where it is needed."""
    try:
        return declared_ids(context.configuration.catalog_file)
    except BakeoffError:
        return None


def _obstacle(settings: ScheduleSettings, enabled: Mapping[str, bool] | None) -> str:
    if enabled is not None:
        for model in settings.models or ():
            if model not in enabled:
                return f"there is no candidate {quoted(model)}{nearest(model, enabled)}"
            if not enabled[model]:
                return (
                    f"candidate {quoted(model)} is disabled: set `enabled: true` in its entry of the catalog"
                )
    try:
        check_names(settings.metrics or ())
    except InvalidInputError as exc:
        return str(exc)
    return ""


def schedule_status(context: Context, name: str) -> ScheduleStatus:
    """NotFoundError for a name that no schedule has."""
    _schedule(context, name)
    return next(one for one in schedule_statuses(context) if one.schedule.name == name)


def pause_schedule(context: Context, name: str, *, by: str) -> bool:
    """False if it is paused already."""
    _schedule(context, name)
    schema_version.ensure(context.engine)
    return schedule_slots.pause(context.engine, name, by=by)


def resume_schedule(context: Context, name: str) -> bool:
    """False if it is not paused."""
    schema_version.ensure(context.engine)
    return schedule_slots.resume(context.engine, _schedule(context, name))


def _schedule(context: Context, name: str) -> Schedule:
    known = context.configuration.settings.scheduled
    if name not in known:
        cure = nearest(name, known) or f"; there are {listed(sorted(known))}"
        raise NotFoundError(f"there is no schedule {quoted(name)} in the configuration{cure}")
    return known[name].to_schedule(name)


def _status(context: Context, settings: ScheduleSettings, schedule: Schedule) -> ScheduleStatus:
    if not context.has_database():
        never = SlotSummary(noted_until=None, last=None, missed=0, last_missed=None, at=datetime.now(UTC))
        return ScheduleStatus(settings=settings, schedule=schedule, standing=never, run=None)
    schema_version.ensure(context.engine)
    standing = schedule_slots.summary(context.engine, schedule)
    pause = schedule_slots.paused(context.engine).get(schedule.name)
    try:
        run = run_rows.get(context.engine, standing.last.run_id) if standing.last else None
    except NotFoundError:
        run = None
    return ScheduleStatus(settings=settings, schedule=schedule, standing=standing, run=run, pause=pause)
