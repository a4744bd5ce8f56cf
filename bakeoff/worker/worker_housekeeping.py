"""The regular duties of a worker's main process: sweeps, oven, saver, tracker, caps, broker, leaving."""

import logging
import os
import select
import time
from collections.abc import Callable
from functools import partial, wraps
from threading import Thread
from typing import TYPE_CHECKING, Any

from celery import bootsteps
from celery.worker import state

from bakeoff.domain.errors import BakeoffError
from bakeoff.operations.concurrency_caps_and_job_resources import CapsFollower
from bakeoff.operations.doorbells import ring_next, sweep
from bakeoff.settings.log_setup import RepeatedWarning
from bakeoff.store.bakeoffs import cancellation, job_queries, outbox, run_rows, saving_rows, suite_rows
from bakeoff.store.bakeoffs.results import race_rows, tracking_rows, verdict_rows
from bakeoff.store.database import kill_stopped_writer
from bakeoff.store.database.engine_and_transactions import SILENCE_TIMEOUT_S
from bakeoff.worker.judge_and_save_process import Saver
from bakeoff.worker.temporary.when_worker_may_leave import WorkerOwner, WorkersLock
from bakeoff.worker.temporary.worker_files import file_of, listen
from bakeoff.worker.tracker_process import Tracker
from bakeoff.worker.when_to_ask_database import SeldomAsked
from registry.models.local.artefact_files import DATABASE as REGISTRY_DATABASE

if TYPE_CHECKING:
    from bakeoff.worker.worker_lifecycle import WorkerNode

log = logging.getLogger(__name__)

_LOOK_S = 1.0
_LOOK_ANYWAY_S = 10.0  #: while there are rows that become due by time
_BROKER_S = 5.0
_FOLDER_S = 2.0
_LEAVE_S = 0.5
_STANDS_STILL_S = 5.0  #: as long without a turn of its timer, Celery's loop waits for something


def step_for(node: "WorkerNode") -> type:
    """A class for Celery, which takes classes and no objects as steps of a worker."""

    class Housekeeping(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
        requires = ("celery.worker.components:Timer", "celery.worker.components:Pool")

        def __init__(
            self,
            worker: Any,
            for_run: str | None = None,
            for_owner: bool = False,  # noqa: FBT001, FBT002 - Celery passes options by name
            **options: Any,
        ) -> None:
            super().__init__(worker, **options)
            self._for_run = for_run
            self._for_owner = for_owner

        def start(self, worker: Any) -> None:
            Housekeeper(node, worker).begin(for_run=self._for_run, for_owner=self._for_owner)

        def stop(self, worker: Any) -> None:
            """The timer stops with the worker."""

    return Housekeeping


def retried_later(duty: Callable[..., object]) -> Callable[..., None]:
    """For a regular duty: an error is logged once, and the duty is tried again at its next turn."""
    trouble = RepeatedWarning(log)

    @wraps(duty)
    def tried(*args: Any) -> None:
        try:
            duty(*args)
        except BakeoffError as exc:
            trouble.warn(str(exc))
        else:
            trouble.resolve()

    return tried


def _one_by_one(*duties: Callable[[], None]) -> None:
    for duty in duties:
        duty()


class Housekeeper:
    def __init__(self, node: "WorkerNode", worker: Any) -> None:
        """`worker`: Celery's."""
        self._context = node.context
        self._oven = node.oven
        self._worker = worker
        self._saver = Saver(self._context)
        self._tracker = Tracker(self._context)
        self._caps = CapsFollower(self._context.configuration)
        self._idle_since: float | None = None
        self._had_turn = time.monotonic()  #: Celery's timer, to look whether this worker may leave
        self._lease_s = self._context.configuration.settings.lease_seconds
        file = self._context.configuration.database_file
        self._what_is_due = SeldomAsked(file, pause_s=min(_LOOK_ANYWAY_S, self._lease_s / 3))
        self._what_to_sweep = SeldomAsked(file, pause_s=0)

    def begin(self, *, for_run: str | None, for_owner: bool) -> None:
        """`for_run`: the worker is temporary, and ends some time after this run, if no other one waits.

        `for_owner`: it ends when the process is gone that holds the other end of its standard input.
        """
        every = self._worker.timer.call_repeatedly
        every(self._lease_s / 3, retried_later(self.sweep))
        # By one timer: each wakes Celery's loop, which costs more than what these do while nothing happens.
        looks = (self._keep_oven, self.start_what_is_due, self._follow_caps)
        every(_LOOK_S, _one_by_one, [retried_later(look) for look in looks])
        # In threads: Celery's loop stands still while it has no connection to the broker, and it may itself
        # be waiting for a lock that a stopped writer holds.
        in_threads = [self._keep_broker, self._end_stopped_writers]
        if for_run:
            keep_s = self._context.configuration.settings.keep_worker
            leaves = (lambda: self._is_over(for_run), keep_s)
            every(_LEAVE_S, retried_later(self._leave_when), leaves)
            in_threads.append(partial(self._leave_without_broker_when, *leaves))
            in_threads.insert(0, partial(self._end_with_the_project, for_run))
            data_dir = self._context.configuration.data_dir
            in_threads.insert(0, partial(listen, data_dir, for_run, self._ring))
        if for_owner:
            owner, engine = WorkerOwner(), self._context.engine
            gone = partial(owner.look, lambda run_id: cancellation.cancel_run(engine, run_id))
            every(_LEAVE_S, retried_later(self._leave_when), (gone,))
            in_threads.append(partial(self._leave_without_broker_when, gone))
            in_threads.insert(0, partial(owner.listen, self._ring))
        for duty in in_threads:
            Thread(target=duty, daemon=True).start()

    def _keep_oven(self) -> None:
        self._oven.start_again_if_dead(self._context.configuration)

    def start_what_is_due(self) -> None:
        """Saver and tracker. Asks again at the next look while something is due."""
        if self._what_is_due.is_to_be_asked() and not any(
            [self._saver.start_if_due(), self._tracker.start_if_due()]
        ):
            self._what_is_due.wait(self._becomes_due)

    def _becomes_due(self) -> bool:
        """Whether there are rows that become due by time, after an attempt that failed."""
        engine = self._context.engine
        tables = (verdict_rows, saving_rows, tracking_rows, suite_rows)
        return any(table.are_open(engine) for table in tables)

    def sweep(self) -> None:
        if self._what_to_sweep.is_to_be_asked():
            sweep(self._context)
            self._what_to_sweep.wait(self._is_swept_later)

    def _is_swept_later(self) -> bool:
        """Whether there are jobs, whose lease may run out, or events that the broker did not take."""
        backlog = job_queries.backlog(self._context.engine)
        return bool(backlog.queued + backlog.running) or outbox.is_anything_pending(self._context.engine)

    def _follow_caps(self) -> None:
        """Take up new caps. Celery then takes no more messages than jobs may run here."""
        before, found = self._context.shared_caps.present(), self._caps.look()
        pool = self._worker.pool
        if found is not None:
            log.info("from now on %d evaluations at once here, and %d in all", found.per_node, found.overall)
            self._context.shared_caps.announce(found)
            was_made_small_on_purpose = pool.num_processes < before.per_node
            if not was_made_small_on_purpose:
                self._grow_pool(found.per_node)
            ring_next(self._context)
        if self._oven.is_there:
            per_node = self._context.shared_caps.present().per_node
            self._worker.max_concurrency = min(pool.num_processes, per_node)

    def _grow_pool(self, slots: int) -> None:
        missing = slots - self._worker.pool.num_processes
        if self._oven.is_there and missing > 0:
            self._worker.pool.grow(missing)
            self._worker.pool.maintain_pool()  # now, not when Celery does it next

    def _ring(self) -> None:
        try:
            ring_next(self._context)
        except Exception:  # whatever it is, the thread that calls this goes on listening
            log.exception("this worker was asked for doorbells, which the sweep will send")

    def _keep_broker(self) -> None:
        ensure = retried_later(self._context.broker.ensure)
        while True:
            time.sleep(_BROKER_S)
            ensure()

    def _end_with_the_project(self, run_id: str) -> None:
        """Ends this process when its data folder was removed, and with it the broker and the database.

        The processes of the pool end with it.
        """
        file = file_of(self._context.configuration.data_dir, run_id)
        while file.exists():
            time.sleep(_FOLDER_S)
        self._end_at_once()

    def _end_at_once(self) -> None:
        self._oven.stop()
        os._exit(os.EX_OK)

    def _end_stopped_writers(self) -> None:
        configuration = self._context.configuration
        patience_s = min(SILENCE_TIMEOUT_S, configuration.settings.lease_seconds)
        files = (configuration.database_file, configuration.registry_path / REGISTRY_DATABASE)
        watches = [
            kill_stopped_writer.StoppedWriterWatch(file, patience_s=patience_s) for file in files if file
        ]
        while True:
            time.sleep(patience_s / 4)
            for pid in filter(None, [watch.look() for watch in watches]):
                log.warning(
                    "process %d was stopped in a write, where all others wait for it: it was ended", pid
                )

    def _leave_when(self, is_over: Callable[[], bool], keep_s: float = 0.0) -> None:
        self._had_turn = time.monotonic()
        if self._may_leave(is_over, keep_s):
            state.should_stop = 0

    def _leave_without_broker_when(self, is_over: Callable[[], bool], keep_s: float = 0.0) -> None:
        """For a broker that never comes back: Celery's loop waits for it for ever, and does not stop then.

        Without its timer nothing is started that could still be at work when this process ends.
        """

        def leave() -> None:
            stands_still = time.monotonic() > self._had_turn + _STANDS_STILL_S
            if stands_still and self._may_leave(is_over, keep_s):
                log.info("nothing is left to do, and the broker is away: this worker ends")
                self._end_at_once()

        look = retried_later(leave)
        while True:
            time.sleep(_STANDS_STILL_S)
            look()

    def _may_leave(self, is_over: Callable[[], bool], keep_s: float) -> bool:
        if not is_over() or self._something_waits():
            self._idle_since = None
            return False
        self._idle_since = self._idle_since or time.monotonic()
        if time.monotonic() < self._idle_since + keep_s:
            return False
        if not WorkersLock(self._context.configuration.data_dir).may_leave():
            return False
        # A job may have been queued between the check above and the lock. Once the lock is held, none can be
        # left to this worker: a command that wants to rely on it waits for the lock, finds no worker, and
        # starts one.
        return not self._something_waits()

    def _something_waits(self) -> bool:
        backlog = job_queries.backlog(self._context.engine)
        return bool(
            backlog.queued + backlog.running
            or race_rows.are_waiting(self._context.engine)
            or self._saver.is_running()
            or self._tracker.is_busy()
            or verdict_rows.are_open(self._context.engine)
            or saving_rows.due(self._context.engine)
            or suite_rows.are_open(self._context.engine)
        )

    def _is_over(self, run_id: str) -> bool:
        """Whether the run of this worker has ended, or will never exist.

        The command that started this worker writes the run. If it dies before, our standard input ends,
        since the command holds its other end.
        """
        if run_rows.exists(self._context.engine, run_id):
            return run_rows.get(self._context.engine, run_id).state.has_ended
        readable, _, _ = select.select([0], [], [], 0)
        return bool(readable) and os.read(0, 1) == b""
