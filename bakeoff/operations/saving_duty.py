"""Saving the models of runs that have ended: whose turn it is, and what came of it."""

import logging
import math

from bakeoff.domain.background_work import StoppedError, meanwhile
from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.saving import SavingOutcome
from bakeoff.operations import process_context
from bakeoff.operations.save_winners import deliver
from bakeoff.settings import log_setup
from bakeoff.store.bakeoffs import run_rows, saving_turns
from bakeoff.store.bakeoffs.saving_turns import SavingTurn

log = logging.getLogger(__name__)

_LONGEST_PAUSE_S = 600


def save_what_is_due() -> None:
    """For a process that does nothing else: StoppedError means that it must end, and its threads with it."""
    for run_id in saving_turns.due(process_context.engine()):
        turn = saving_turns.take(process_context.engine(), run_id, lease_s=_lease_s())
        if turn is not None:
            with log_setup.about(runId=run_id):
                _save(turn)


def _save(turn: SavingTurn) -> None:
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
    return process_context.configuration().settings.lease_seconds


def _is_mine(turn: SavingTurn) -> bool:
    try:
        return saving_turns.hold(process_context.engine(), turn, lease_s=_lease_s())
    except InfrastructureError as exc:
        log.warning("run %s: the saver ends, for it cannot hold its turn: %s", turn.run_id, exc)
        return False


def _deliver(run_id: str) -> SavingOutcome:
    run = run_rows.get(process_context.engine(), run_id)
    assert run.save is not None  # noqa: S101 - no saving is begun for others
    return deliver(run, run.save, process_context.configuration())


def _finish(turn: SavingTurn, outcome: SavingOutcome) -> None:
    saving_turns.finish(process_context.engine(), turn, outcome)
    saved = ", ".join(one.uri for one in outcome.saved)
    log.info("run %s: saved %s", turn.run_id, saved or f"nothing: {outcome.remark}")


def _put_off(turn: SavingTurn, exc: Exception) -> None:
    pause_s = min(_LONGEST_PAUSE_S, 2**turn.number)
    log.warning("run %s: its models are saved later, in %d s", turn.run_id, pause_s, exc_info=exc)
    saving_turns.put_off(
        process_context.engine(), turn, SavingOutcome(error=str(exc) or type(exc).__name__), by_s=pause_s
    )
