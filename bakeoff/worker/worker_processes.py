"""Worker processes: the two nodes of `bakeoff worker`, or a temporary worker for a single run."""

import fcntl
import os
import subprocess
import time
from pathlib import Path

from bakeoff.broker.deployment_redis import CONTROL, EVALUATIONS
from bakeoff.operations.context import Context
from bakeoff.settings.configuration import Configuration
from bakeoff.worker import celery_process
from bakeoff.worker.process_supervisor import Child, supervise


def eval_command(log_level: str, *, name: str = "eval") -> list[str]:
    return [*_worker(log_level), "-Q", EVALUATIONS, "-n", f"{name}@%h"]


def control_command(log_level: str) -> list[str]:
    return [*_worker(log_level), "-Q", CONTROL, "-n", "control@%h", "-P", "threads", "-c", "4"]


def _worker(log_level: str) -> list[str]:
    return [*celery_process.COMMAND, "worker", "-l", log_level, "--without-gossip", "--without-mingle"]


_LEAVING_S = 15.0  #: a worker that takes longer to end is not waited for
_held: list[int] = []  #: descriptors of locks, held until this process ends or releases them


class WorkersLock:
    """Keeps a temporary worker of this machine from leaving just before it is needed.

    A temporary worker serves other runs, too, and ends when no run waits. A command that finds such a worker
    starts none of its own, and writes its run a moment later. The worker must not end in between. So the
    command holds the lock shared, and a worker ends only while it holds the lock exclusively.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def rely_on_workers(self) -> None:
        """From now on no temporary worker ends. One that is already ending has ended when this returns."""
        deadline = time.monotonic() + _LEAVING_S
        while not self._take(fcntl.LOCK_SH) and time.monotonic() < deadline:
            time.sleep(0.02)

    def may_leave(self) -> bool:
        """Whether no command relies on this worker. If so, none can begin to rely on it any more."""
        return bool(_held) or self._take(fcntl.LOCK_EX)

    def _take(self, kind: int) -> bool:
        self._data_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._data_dir / "workers.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        _held.append(descriptor)
        return True

    @staticmethod
    def release() -> None:
        """This process does not rely on workers any more."""
        while _held:
            os.close(_held.pop())


#: Temporary workers that this process started. Kept, because their standard input must stay open.
_started: list["subprocess.Popen[bytes]"] = []


def start_for(context: Context, run_id: str) -> bool:
    """Starts a temporary worker for this run. False, and none is started, if another worker answers.

    The worker has a session of its own, so that Ctrl-C does not reach it. If this process dies before it has
    written the run, the worker notices that by its standard input, which this process holds.
    """
    configuration = context.configuration
    was_running = context.broker.is_running()
    context.broker.hold()
    lock = WorkersLock(configuration.data_dir)
    lock.rely_on_workers()
    if was_running and context.messenger.evaluations_are_read():
        return False
    log_file = configuration.worker_log
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("ab") as output:
        worker = subprocess.Popen(
            [*eval_command("INFO", name=f"run-{run_id[:8]}"), "--for-run", run_id],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={**os.environ, **configuration.as_environment()},
            start_new_session=True,
        )
    lock.release()
    _started.append(worker)
    return True


def replace_the_dead(context: Context, run_id: str) -> bool:
    """Starts another worker if the one that this process started for the run has died."""
    if not _started or _started[-1].poll() is None:
        return False
    return start_for(context, run_id)


def nodes(configuration: Configuration, log_level: str, *, logs: Path | None = None) -> list[Child]:
    """Both nodes of a worker, each with a log of its own in the folder `logs`, if it is given."""
    environment = {**os.environ, **configuration.as_environment()}
    commands = {"eval": eval_command(log_level), "control": control_command(log_level)}
    return [
        Child(name=name, command=command, environment=environment, log=logs and logs / f"{name}.log")
        for name, command in commands.items()
    ]


def beat(configuration: Configuration, log_level: str) -> Child:
    """Celery's beat, which sends the messages for sweeps and schedules."""
    return Child(
        name="beat",
        command=(*celery_process.COMMAND, "beat", "-l", log_level),
        environment={**os.environ, **configuration.as_environment()},
        log=configuration.logs / "beat.log",
        is_vital=False,
    )


def serve(configuration: Configuration, *, log_level: str = "INFO") -> None:
    """Runs both nodes until SIGTERM or Ctrl-C. Running jobs have a grace period; at a second signal none."""
    supervise(nodes(configuration, log_level))
