"""Worker processes: two nodes kept alive until somebody stops them, or one for a single run."""

import os
import subprocess
from pathlib import Path

from bakeoff.broker.broker_access import CONTROL, EVALUATIONS
from bakeoff.operations.context import Context
from bakeoff.settings.configuration import Configuration
from bakeoff.worker import celery_process, temporary_workers
from bakeoff.worker.process_supervisor import Child, supervise
from bakeoff.worker.temporary_workers import WorkersLock


def eval_command(log_level: str, *, name: str = "eval") -> list[str]:
    return [*_worker(log_level), "-Q", EVALUATIONS, "-n", f"{name}@%h"]


def control_command(log_level: str) -> list[str]:
    return [*_worker(log_level), "-Q", CONTROL, "-n", "control@%h", "-P", "threads", "-c", "4"]


def _worker(log_level: str) -> list[str]:
    return [*celery_process.COMMAND, "worker", "-l", log_level, "--without-gossip", "--without-mingle"]


#: Workers that we started and do not wait for. Held, since our end of their standard input must stay open.
_started: list["subprocess.Popen[bytes]"] = []


def start_for(context: Context, run_id: str) -> bool:
    """A worker for this run, if no other worker answers (else False). It leaves when the run is over.

    It has a session of its own, so that Ctrl-C at the run leaves it alone. If this process dies before the
    run is there, the worker notices it by its standard input, which this process holds.
    """
    configuration = context.configuration
    was_running = context.broker.is_running()
    context.broker.hold()
    WorkersLock(configuration.data_dir).rely_on_workers()
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
    temporary_workers.release()
    _started.append(worker)
    return True


def replace_the_dead(context: Context, run_id: str) -> bool:
    """If the worker that we started for this run has died, start another one."""
    if not _started or _started[-1].poll() is None:
        return False
    return start_for(context, run_id)


def nodes(configuration: Configuration, log_level: str, *, logs: Path | None = None) -> list[Child]:
    """Both, each with a log of its own in the folder `logs`, if there is one."""
    environment = {**os.environ, **configuration.as_environment()}
    commands = {"eval": eval_command(log_level), "control": control_command(log_level)}
    return [
        Child(name=name, command=command, environment=environment, log=logs and logs / f"{name}.log")
        for name, command in commands.items()
    ]


def beat(configuration: Configuration, log_level: str) -> Child:
    """It sends the messages for sweeps and schedules."""
    return Child(
        name="beat",
        command=(*celery_process.COMMAND, "beat", "-l", log_level),
        environment={**os.environ, **configuration.as_environment()},
        log=configuration.logs / "beat.log",
        is_vital=False,
    )


def serve(configuration: Configuration, *, log_level: str = "INFO") -> None:
    """Both nodes until SIGTERM or Ctrl-C: running jobs get their grace; with the second signal none."""
    supervise(nodes(configuration, log_level))
