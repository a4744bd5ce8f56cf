"""Saving the models of runs that have ended: whose turn it is, and what came of it."""

import logging
import math

from config import journal
from domain.errors import InfrastructureError
from domain.meanwhile import StoppedError, meanwhile
from domain.saving import Outcome
from store import runs, savings
from store.savings import Turn
from tasks import wiring
from tasks.delivery import deliver

log = logging.getLogger(__name__)

_LONGEST_PAUSE_S = 600


def save_what_is_due() -> None:
    """For a process that does nothing else: StoppedError means that it must end, and its threads with it."""
    for run_id in savings.due(wiring.engine()):
        turn = savings.take(wiring.engine(), run_id, lease_s=_lease_s())
        if turn is not None:
            with journal.about(runId=run_id):
                _save(turn)


def _save(turn: Turn) -> None:
    try:
        outcome = meanwhile(
            lambda: _deliver(turn.run_id),
            keep_going=lambda: _is_mine(turn),
            longest_s=math.inf,
            tick_s=_lease_s() / 3,
        )
    except StoppedError:
        raise
    except Exception as exc:  # noqa: BLE001 - a backend may be a third party's, and raise anything
        _put_off(turn, exc)
    else:
        _finish(turn, outcome)


def _lease_s() -> float:
    return wiring.configuration().settings.lease_seconds


def _is_mine(turn: Turn) -> bool:
    try:
        return savings.hold(wiring.engine(), turn, lease_s=_lease_s())
    except InfrastructureError as exc:
        log.warning("run %s: the saver ends, for it cannot hold its turn: %s", turn.run_id, exc)
        return False


def _deliver(run_id: str) -> Outcome:
    run = runs.get(wiring.engine(), run_id)
    assert run.save is not None  # noqa: S101 - no saving is begun for others
    return deliver(run, run.save, wiring.configuration())


def _finish(turn: Turn, outcome: Outcome) -> None:
    savings.finish(wiring.engine(), turn, outcome)
    saved = ", ".join(one.uri for one in outcome.saved)
    log.info("run %s: saved %s", turn.run_id, saved or f"nothing: {outcome.remark}")


def _put_off(turn: Turn, exc: Exception) -> None:
    pause_s = min(_LONGEST_PAUSE_S, 2**turn.number)
    log.warning("run %s: its models are saved later, in %d s", turn.run_id, pause_s, exc_info=exc)
    savings.put_off(wiring.engine(), turn, Outcome(error=str(exc) or type(exc).__name__), by_s=pause_s)
