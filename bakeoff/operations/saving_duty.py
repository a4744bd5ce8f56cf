"""Save the models of runs that have ended: which runs are due, and what is noted of each attempt."""

import logging

from bakeoff.domain.machine.background_work import StoppedError
from bakeoff.domain.saving import SavingOutcome
from bakeoff.operations.context import Context
from bakeoff.operations.leased_work import work_while_leased
from bakeoff.operations.save_winners import deliver
from bakeoff.settings import log_setup
from bakeoff.store.bakeoffs import run_rows, saving_rows
from bakeoff.store.bakeoffs.row_lease import RowLease

log = logging.getLogger(__name__)


def save_what_is_due(context: Context) -> None:
    """For a process that does nothing else: StoppedError means that it must end, and its threads with it."""
    for run_id in saving_rows.due(context.engine):
        lease = saving_rows.take(context.engine, run_id, lease_s=_lease_s(context))
        if lease is not None:
            with log_setup.with_ids(runId=run_id):
                _save(context, run_id, lease)


def _save(context: Context, run_id: str, lease: RowLease) -> None:
    try:
        outcome = work_while_leased(
            lambda: _deliver(context, run_id),
            lease,
            lease_s=_lease_s(context),
            name=f"the saving of run {run_id}",
        )
    except StoppedError:
        raise
    except (
        Exception
    ) as exc:  # a backend may be a third party's, and raise anything; the next attempt may succeed
        log.warning("run %s: its models are saved later, in %d s", run_id, lease.pause_s, exc_info=exc)
        error = SavingOutcome(error=str(exc) or type(exc).__name__)
        saving_rows.postpone(lease, error, by_s=lease.pause_s)
    else:
        saving_rows.finish(lease, outcome)
        saved = ", ".join(one.uri for one in outcome.saved)
        log.info("run %s: saved %s", run_id, saved or f"nothing: {outcome.remark}")


def _lease_s(context: Context) -> float:
    return context.configuration.settings.lease_seconds


def _deliver(context: Context, run_id: str) -> SavingOutcome:
    run = run_rows.get(context.engine, run_id)
    assert run.save is not None  # noqa: S101 - no saving is begun for others
    return deliver(context, run, run.save)
