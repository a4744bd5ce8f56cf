"""Scheduled runs: beat rings, and whoever answers looks which slots are due and starts their runs.

Any number of looks may happen at once. Whoever dies, leaves an open slot to the next look.
"""

import logging

from celery import shared_task

from bakeoff.domain.background_work import StoppedError
from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.schedule import Slot
from bakeoff.domain.wording import counted
from bakeoff.evaluation.planning.run_plan import RunRequest
from bakeoff.evaluation.signals.signal_run_plan import SignalRequest
from bakeoff.operations import process_context
from bakeoff.operations.leased_work import work_while_leased
from bakeoff.settings import log_setup
from bakeoff.settings.schedule_settings import ScheduleSettings
from bakeoff.store.bakeoffs import schedule_slots
from bakeoff.store.database import schema_version
from tasks.enqueue import start_run
from tasks.signal_runs import start_signals

log = logging.getLogger(__name__)


@shared_task(name="bakeoff.retrain", throws=(BakeoffError,))
def retrain_task() -> str:
    log_setup.begin()
    return f"{counted(start_what_is_due(), 'scheduled run')} started"


def start_what_is_due() -> int:
    """How many runs."""
    engine, scheduled = process_context.engine(), process_context.configuration().settings.scheduled
    schema_version.ensure(engine)
    for name, settings in scheduled.items():
        schedule_slots.note(engine, settings.to_schedule(name))
    open_slots = schedule_slots.due(engine, scheduled.keys())
    return sum(_see_to(slot, scheduled[slot.schedule]) for slot in open_slots)


def _see_to(slot: Slot, settings: ScheduleSettings) -> bool:
    """Whether this look has started its run."""
    with log_setup.about(runId=slot.run_id):
        return _start(slot, settings)


def _start(slot: Slot, settings: ScheduleSettings) -> bool:
    lease = schedule_slots.take(process_context.engine(), slot, lease_s=_lease_s())
    if lease is None:
        return False
    try:
        work_while_leased(
            lambda: start_of(slot, settings), lease, lease_s=_lease_s(), name=f"the run {slot.run_name}"
        )
    except StoppedError:
        return False
    except Exception as exc:  # noqa: BLE001 - a dataset may be a function of anybody's
        log.warning("the run %s is started later, in %d s: %s", slot.run_name, lease.pause_s, exc)
        lease.postpone(by_s=lease.pause_s, error=str(exc) or type(exc).__name__)
        return False
    schedule_slots.finish(process_context.engine(), slot)
    log.info("run %s was started by the schedule %s", slot.run_name, slot.schedule)
    return True


def start_of(slot: Slot, settings: ScheduleSettings) -> str:
    if settings.dataset is not None:
        return start_run(_bakeoff(slot, settings, settings.dataset))
    return start_signals(
        SignalRequest(
            models=settings.models, priority=settings.priority, name=slot.run_name, run_id=slot.run_id
        )
    )


def _bakeoff(slot: Slot, settings: ScheduleSettings, dataset: str) -> RunRequest:
    return RunRequest(
        dataset=dataset,
        models=settings.models,
        metrics=settings.metrics,
        seed=settings.seed,
        test_size=settings.test_size,
        priority=settings.priority,
        save=settings.save,
        save_as=settings.save_as,
        name=slot.run_name,
        run_id=slot.run_id,
    )


def _lease_s() -> float:
    return process_context.configuration().settings.lease_seconds
