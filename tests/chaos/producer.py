"""A producer that is killed where it hurts: `python -P producer.py RUN DEATH SEED MODEL...`."""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from bakeoff.evaluation.datasets import snapshot_store
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from bakeoff.operations import doorbells
from bakeoff.store.bakeoffs import run_rows
from bakeoff.store.bakeoffs.queue.queue_order import next_jobs
from tasks import enqueue
from tasks.celery import process_context

_SOME = 3


def _die(*_: Any, **__: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("never reached")


def _ring_for_some_and_die(*_: Any) -> NoReturn:
    """Whether they have messages already or not, so that there is always something to be amid of."""
    context = process_context()
    context.messenger.send_doorbells(next_jobs(context.engine, limit=_SOME))
    _die()


def _in_snapshot() -> None:
    snapshot_store.publish = _die


def _before_transaction() -> None:
    run_rows.create = _die


def _before_messages() -> None:
    doorbells.ring_next = _die


def _amid_messages() -> None:
    doorbells.ring_next = _ring_for_some_and_die


_DEATHS: Mapping[str, Callable[[], None]] = {
    "in snapshot": _in_snapshot,
    "before transaction": _before_transaction,
    "before messages": _before_messages,
    "amid messages": _amid_messages,
}


def main(run_id: str, death: str, seed: str, *models: str) -> None:
    _DEATHS[death]()
    enqueue.start_run(
        RunRequest(
            dataset="tiny", models=list(models), baseline=False, fresh=True, run_id=run_id, seed=int(seed)
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
