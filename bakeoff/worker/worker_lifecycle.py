"""What a worker has beside Celery's pool, from its start to its end: logging, the oven, a grace period.

It is attached to Celery's own signals, so that `celery -A tasks worker` has all of it, too.
"""

import gc
import logging
import os
import signal
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from celery import Celery, platforms, signals
from click import Option

from bakeoff.broker import CONTROL, EVALUATIONS
from bakeoff.cell.confinement.kernel_calls import die_with_parent
from bakeoff.domain.errors import BakeoffError
from bakeoff.operations.context import Context
from bakeoff.operations.doorbells import ring_next
from bakeoff.settings import log_setup
from bakeoff.store.bakeoffs import cancellation
from bakeoff.store.database import schema_version
from bakeoff.worker import worker_housekeeping
from bakeoff.worker.pool_shared_memory import SharedMemory
from bakeoff.worker.worker_oven import WorkerOven

log = logging.getLogger(__name__)


def _or_stop(prepare: Callable[..., None]) -> Callable[..., None]:
    """Stops the worker on an error. Celery logs what a receiver raises and goes on, except for SystemExit."""

    @wraps(prepare)
    def prepared(*args: Any, **given: Any) -> None:
        try:
            prepare(*args, **given)
        except BakeoffError as exc:
            raise SystemExit(f"error: {exc}") from exc

    return prepared


def _leave_at_once(**_: Any) -> None:
    """Lets beat end at SIGTERM and Ctrl-C without Celery's farewell.

    Celery closes the scheduler and its connection inside the handler of the signal. That may interrupt a send
    which holds a lock of the same connection, and then waits for ever. There is nothing to close: which slots
    are due is in the database, and the next sweep sends again what was cut off.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))


def end_pool_with_worker() -> None:
    """How each process of the pool asks the kernel for its end with the worker: a system call.

    Billiard's own way first compiles a parser of C, in each process of the pool: 10 MB, and a 40th second.
    """
    platforms._set_pdeathsig = die_with_parent  # noqa: SLF001 - there is no public way


class WorkerNode:
    """One for each Celery process. It starts nothing, and makes no context, before Celery's signals come.

    So it may be there already in a process that forks several nodes.
    """

    memory: SharedMemory  #: made when the worker begins, before its pool is forked
    oven: WorkerOven

    def __init__(self, context: Callable[[], Context]) -> None:
        self._context = context

    def attach_to(self, app: Celery) -> None:
        receivers = (
            (signals.setup_logging, self._set_up_logging),
            (signals.celeryd_init, self._begin),
            (signals.beat_init, self._begin),
            (signals.beat_init, _leave_at_once),
            (signals.worker_init, self._prepare),
            (signals.worker_shutting_down, self._begin_grace),
            (signals.worker_process_shutdown, self._leave_the_pool),
            (signals.worker_shutdown, self._stop_oven),
            (signals.task_revoked, self._cancel_revoked),
        )
        for sent, receiver in receivers:
            sent.connect(receiver, weak=False)
        app.steps["worker"].add(worker_housekeeping.step_for(self))
        app.user_options["worker"].add(
            Option(["--for-run"], help="Leave when this run is over and nothing else waits.")
        )
        app.user_options["worker"].add(
            Option(
                ["--for-owner"],
                is_flag=True,
                help="Leave when the standard input has ended and nothing else waits.",
            )
        )

    @property
    def context(self) -> Context:
        return self._context()

    @_or_stop
    def _set_up_logging(self, loglevel: int = logging.INFO, logfile: str | None = None, **_: Any) -> None:
        log_setup.set_up(
            loglevel, self.context.configuration.settings.log_format, Path(logfile) if logfile else None
        )

    @_or_stop
    def _begin(self, **_: Any) -> None:
        self._set_up_logging()  # now, because Celery logs lines before it calls this
        self.memory = SharedMemory()
        self.oven = WorkerOven(self.memory)
        self.context.broker.hold()

    @_or_stop
    def _prepare(self, sender: Any, **_: Any) -> None:
        context, queues = self.context, sender.app.amqp.queues.consume_from
        context.make_project_importable()
        context.share_caps_with_forks()
        context.configuration.require_shared_dir()
        if EVALUATIONS in queues:
            self.oven.start(context.configuration)  # first: until then it waits with the rest of its start
            end_pool_with_worker()
        schema_version.ensure(context.engine)
        if CONTROL in queues:
            context.catalog()  # logs which candidates are ready, and stops the worker if there is no catalog
        gc.freeze()  # else a collection in a process of the pool would copy the pages of what was imported

    def _begin_grace(self, how: str, **_: Any) -> None:
        """Sets the time when running jobs are put back: later for a warm shutdown, now for a cold one."""
        grace_s = self.context.configuration.settings.shutdown_grace if how == "Warm" else 0
        self.memory.begin_shutdown(grace_s=grace_s)

    def _leave_the_pool(self, exitcode: int | None = None, **_: Any) -> None:
        """Ends a pool process at once. Billiard would wait a second, in case the main process asks why."""
        if self.memory.is_stopping():
            os._exit(exitcode or 0)

    def _stop_oven(self, **_: Any) -> None:
        self.oven.stop()

    def _cancel_revoked(self, request: Any, **_: Any) -> None:
        """Cancels the job of a revoked task: a revoke from Flower or `celery control` means the job."""
        job_id = self.memory.job_of_task(request.id) or request.kwargs.get("jobId")
        if isinstance(job_id, str) and cancellation.cancel_job(self.context.engine, job_id):
            worker_housekeeping.retried_later(ring_next)(self.context)
