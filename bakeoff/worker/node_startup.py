"""What a worker of ours has beside Celery's pool: the embedded Redis, the oven, the sweep, a grace period.

It hangs on Celery's own signals, so that `celery -A tasks worker` has all of it, too.
"""

import logging
import mmap
import os
import select
import struct
import time
from collections import deque
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from threading import Thread
from typing import Any

from celery import bootsteps, signals
from celery.worker import state
from click import Option

from bakeoff.broker import broker_access
from bakeoff.broker.broker_access import CONTROL, EVALUATIONS
from bakeoff.cell.oven.oven_handle import Oven
from bakeoff.domain.errors import BakeoffError
from bakeoff.operations import evaluation_caps, process_context
from bakeoff.settings import log_setup
from bakeoff.settings.log_setup import RepeatedWarning
from bakeoff.settings.setting_definitions import Settings
from bakeoff.store.bakeoffs import cancellation, job_rows, run_rows, saving_rows
from bakeoff.store.database import schema_version, stopped_writers
from bakeoff.store.database.engine import SILENCE_TIMEOUT_S
from bakeoff.worker import job_batch, saver_process, temporary_workers
from registry.code.class_import import add_to_import_path
from registry.code.import_environment import import_path
from registry.models.local.artefact_files import DATABASE as REGISTRY_DATABASE

log = logging.getLogger(__name__)

#: What every cell is forked with in memory, for it is loaded once, in the oven.
_ALWAYS = (
    "bakeoff.settings.log_setup:set_up_for_strangers",
    "numpy",
    "pandas",
    "pyarrow",
    "pyarrow.pandas_compat",
    "threadpoolctl",
    "joblib",
    "bakeoff.evaluation.jobs.fit_and_predict:warm_up",
)
#: Of libraries whose parts are modules of their own.
_PARTS = {
    "sklearn": (
        "sklearn.pipeline",
        "sklearn.compose",
        "sklearn.preprocessing",
        "sklearn.impute",
        "sklearn.linear_model",
        "sklearn.ensemble",
        "sklearn.neighbors",
        "sklearn.svm",
        "sklearn.naive_bayes",
        "sklearn.neural_network",
        "sklearn.discriminant_analysis",
        "sklearn.dummy",
        "sklearn.tree",
        "bakeoff.evaluation.jobs.fit_and_predict:warm_up_sklearn",
    )
}

_OVENS = 5  #: so many deaths of it within _WITHIN_S, and this worker is of no use
_WITHIN_S = 60.0
_BROKER_S = 2.0
_CAPS_S = 1.0

_oven: Oven | None = None
_lit: deque[float] = deque(maxlen=_OVENS)

#: When running jobs must be put back (monotonic seconds, 0: never), seen by all processes of the pool.
_let_go_at = mmap.mmap(-1, 8)

#: Where the present oven listens, seen by all processes of the pool.
_socket = mmap.mmap(-1, 256)


def must_let_go() -> bool:
    (at,) = struct.unpack("d", _let_go_at[:])
    return bool(0 < at < time.monotonic())


def is_stopping() -> bool:
    """Then nothing new is begun."""
    return _let_go_at[:] != bytes(len(_let_go_at))


def oven_socket() -> Path:
    return Path(os.fsdecode(_socket[:].rstrip(b"\0")))


def _or_stop(prepare: Callable[..., None]) -> Callable[..., None]:
    """Celery only logs what a receiver of its signals raises, and goes on; SystemExit it lets through."""

    @wraps(prepare)
    def prepared(**given: Any) -> None:
        try:
            prepare(**given)
        except BakeoffError as exc:
            raise SystemExit(f"error: {exc}") from exc

    return prepared


@signals.setup_logging.connect
@_or_stop
def _set_up_journal(loglevel: int = logging.INFO, logfile: str | None = None, **_: Any) -> None:
    form = process_context.configuration().settings.log_format
    log_setup.set_up(loglevel, form, Path(logfile) if logfile else None)


@signals.celeryd_init.connect
@signals.beat_init.connect
@_or_stop
def _begin(**_: Any) -> None:
    """Celery has something to say before it sets up its logging."""
    _set_up_journal()
    broker_access.hold()


@signals.worker_init.connect
@_or_stop
def _prepare(sender: Any, **_: Any) -> None:
    add_to_import_path(process_context.configuration().root)  # metrics of the project's own
    process_context.configuration().require_shared_dir()
    schema_version.ensure(process_context.engine())
    if EVALUATIONS in sender.app.amqp.queues.consume_from:
        _light_oven()
    if CONTROL in sender.app.amqp.queues.consume_from:
        process_context.catalog()  # says which candidates are ready, and stops here if there is no catalog


def preloaded(settings: Settings) -> list[str]:
    """For the oven, whose order it is."""
    return [*_ALWAYS, *(part for name in settings.preload for part in _PARTS.get(name, (name,)))]


def _light_oven() -> None:
    global _oven  # noqa: PLW0603 - one per process, made when the worker starts and not before
    _lit.append(time.monotonic())
    configuration = process_context.configuration()
    _oven = Oven.start(
        preload=preloaded(configuration.settings),
        import_path=import_path(configuration.root),
        closed=configuration.secrets,
        hidden=broker_access.sockets(),
    )
    _socket[:] = os.fsencode(_oven.socket).ljust(len(_socket), b"\0")


@signals.worker_shutting_down.connect
def _begin_grace(how: str, **_: Any) -> None:
    """A warm shutdown gives the running jobs some time, a cold one gives none, also when it comes second."""
    grace_s = process_context.configuration().settings.shutdown_grace if how == "Warm" else 0
    _let_go_at[:] = struct.pack("d", time.monotonic() + grace_s)


@signals.worker_process_shutdown.connect
def _leave_the_pool(exitcode: int | None = None, **_: Any) -> None:
    """Billiard would have it wait a second here, for a main process that wants to know why it left."""
    if is_stopping():
        os._exit(exitcode or 0)


@signals.worker_shutdown.connect
def _leave(**_: Any) -> None:
    if _oven is not None:
        _oven.stop()


@signals.task_revoked.connect
def _cancel_revoked(request: Any, **_: Any) -> None:
    """A revoke from Flower or `celery control` means the job, not just the doorbell."""
    job_id = job_batch.job_of(request.id) or request.kwargs.get("jobId")
    if isinstance(job_id, str) and cancellation.cancel_job(process_context.engine(), job_id):
        _ring_next()


class Housekeeper(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Sweeps, and looks after the oven and what is to be saved, in the main process of every worker."""

    requires = ("celery.worker.components:Timer", "celery.worker.components:Pool")

    def __init__(self, worker: Any, for_run: str | None = None, **options: Any) -> None:
        super().__init__(worker, **options)
        self._for_run = for_run

    def start(self, worker: Any) -> None:
        lease_s = process_context.configuration().settings.lease_seconds
        worker.timer.call_repeatedly(lease_s / 3, _sweep)
        worker.timer.call_repeatedly(1.0, _look_after_oven)
        worker.timer.call_repeatedly(1.0, _look_after_savings)
        worker.timer.call_repeatedly(
            _CAPS_S, _follow_caps, (worker, evaluation_caps.Follower(process_context.configuration()))
        )
        if self._for_run:
            worker.timer.call_repeatedly(0.5, _leave_after, (self._for_run,))
        for duty in (_look_after_broker, _look_after_writers):
            Thread(target=duty, daemon=True).start()

    def stop(self, worker: Any) -> None:
        """The timer stops with the worker."""


FOR_RUN = Option(["--for-run"], help="Leave when this run is over and nothing else waits.")


def _reluctantly(duty: Callable[..., None]) -> Callable[..., None]:
    """What fails now is tried again at the next turn."""
    trouble = RepeatedWarning(log)

    @wraps(duty)
    def tried(*args: Any) -> None:
        try:
            duty(*args)
        except BakeoffError as exc:
            trouble.make(str(exc))
        else:
            trouble.withdraw()

    return tried


@_reluctantly
def _ring_next() -> None:
    from tasks.doorbell import ring_next

    ring_next()


@_reluctantly
def _sweep() -> None:
    from tasks.sweep_duty import sweep

    sweep()


@_reluctantly
def _look_after_oven() -> None:
    if _oven is None or _oven.alive():
        return
    _oven.stop()
    if len(_lit) == _OVENS and time.monotonic() - _lit[0] < _WITHIN_S:
        log.error(
            "the oven died %d times within a minute: this worker stops, `bakeoff doctor` tells more", _OVENS
        )
        state.should_stop = os.EX_SOFTWARE
        return
    log.warning("the oven died and is started again")
    _light_oven()


@_reluctantly
def _look_after_savings() -> None:
    saver_process.start_if_due()


@_reluctantly
def _follow_caps(worker: Any, follower: evaluation_caps.Follower) -> None:
    """And take no more messages than may run here: on a full machine they would only be refused."""
    before, found = process_context.caps(), follower.look()
    if found is not None:
        log.info("from now on %d evaluations at once here, and %d in all", found.per_node, found.overall)
        evaluation_caps.announce(found)
        if worker.pool.num_processes >= before.per_node:  # not one that was made small on purpose
            _grow(worker.pool, found.per_node)
        _ring_next()
    if _oven is not None:
        worker.max_concurrency = min(worker.pool.num_processes, process_context.caps().per_node)


def _grow(pool: Any, slots: int) -> None:
    missing = slots - pool.num_processes
    if _oven is not None and missing > 0:
        pool.grow(missing)
        pool.maintain_pool()  # at once, and not at its next turn


def _look_after_broker() -> None:
    """In a thread, for Celery's own loop stands still as long as it is not connected."""
    while True:
        time.sleep(_BROKER_S)
        _ensure_broker()


def _look_after_writers() -> None:
    """In a thread, for whoever waits for them does nothing else."""
    configuration = process_context.configuration()
    patience_s = min(SILENCE_TIMEOUT_S, configuration.settings.lease_seconds)
    files = (configuration.database_file, configuration.registry_path / REGISTRY_DATABASE)
    watches = [stopped_writers.StoppedWriterWatch(file, patience_s=patience_s) for file in files if file]
    while True:
        time.sleep(patience_s / 4)
        for pid in filter(None, [watch.look() for watch in watches]):
            log.warning("process %d was stopped in a write, where all others wait for it: it was ended", pid)


@_reluctantly
def _ensure_broker() -> None:
    broker_access.ensure()


@_reluctantly
def _leave_after(run_id: str) -> None:
    if _is_over(run_id) and _nothing_waits() and temporary_workers.may_leave() and _nothing_waits():
        state.should_stop = 0


def _nothing_waits() -> bool:
    backlog = job_rows.backlog(process_context.engine())
    return (
        backlog.queued + backlog.running == 0
        and not saver_process.is_at_it()
        and not saving_rows.due(process_context.engine())
    )


def _is_over(run_id: str) -> bool:
    """Also when whoever wanted to start it is gone before it was there."""
    if run_rows.exists(process_context.engine(), run_id):
        return run_rows.get(process_context.engine(), run_id).state.has_ended
    readable, _, _ = select.select([0], [], [], 0)
    return bool(readable) and os.read(0, 1) == b""
