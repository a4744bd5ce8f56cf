"""Scheduled runs: beat rings, and whoever answers looks which slots are due and starts their runs.

Any number of looks may happen at once. Whoever dies, leaves an open slot to the next look.
"""

import logging
import math

from celery import shared_task

from config import journal
from config.schedules import ScheduleSettings
from domain.errors import BakeoffError, InfrastructureError
from domain.meanwhile import StoppedError, meanwhile
from domain.naming import counted
from domain.schedule import Slot
from evaluation.plan import RunRequest
from evaluation.signals.request import SignalRequest
from store import schema, slots
from tasks import wiring
from tasks.enqueue import start_run
from tasks.signals import start_signals

log = logging.getLogger(__name__)

_LONGEST_PAUSE_S = 600


@shared_task(name="bakeoff.retrain", throws=(BakeoffError,))
def retrain_task() -> str:
    journal.begin()
    return f"{counted(start_what_is_due(), 'scheduled run')} started"


def start_what_is_due() -> int:
    """How many runs."""
    engine, scheduled = wiring.engine(), wiring.configuration().settings.scheduled
    schema.ensure(engine)
    for name, settings in scheduled.items():
        slots.note(engine, settings.to_schedule(name))
    open_slots = slots.due(engine, scheduled.keys())
    return sum(_see_to(slot, scheduled[slot.schedule]) for slot in open_slots)


def _see_to(slot: Slot, settings: ScheduleSettings) -> bool:
    """Whether this look has started its run."""
    with journal.about(runId=slot.run_id):
        return _start(slot, settings)


def _start(slot: Slot, settings: ScheduleSettings) -> bool:
    taken = slots.take(wiring.engine(), slot, lease_s=_lease_s())
    if taken is None:
        return False
    try:
        meanwhile(
            lambda: start_of(taken, settings),
            keep_going=lambda: _is_mine(taken),
            longest_s=math.inf,
            tick_s=_lease_s() / 3,
        )
    except StoppedError:
        return False
    except Exception as exc:  # noqa: BLE001 - a dataset may be a function of anybody's
        _put_off(taken, exc)
        return False
    slots.finish(wiring.engine(), taken)
    log.info("run %s was started by the schedule %s", taken.run_name, taken.schedule)
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
    return wiring.configuration().settings.lease_seconds


def _is_mine(slot: Slot) -> bool:
    try:
        return slots.hold(wiring.engine(), slot, lease_s=_lease_s())
    except InfrastructureError as exc:
        log.warning("%s is left to the next look, for its turn cannot be held: %s", slot.run_name, exc)
        return False


def _put_off(slot: Slot, exc: Exception) -> None:
    pause_s = min(_LONGEST_PAUSE_S, 2**slot.tries)
    log.warning("the run %s is started later, in %d s: %s", slot.run_name, pause_s, exc)
    slots.put_off(wiring.engine(), slot, str(exc) or type(exc).__name__, by_s=pause_s)
