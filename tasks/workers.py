"""Worker processes: two nodes kept alive until somebody says stop, or one for a single run."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cell.libc import die_with_parent
from config.loading import Configuration
from domain.errors import InfrastructureError
from tasks import broker, presence, wiring
from tasks.broker import CONTROL, EVALUATIONS
from tasks.waiting import is_read

log = logging.getLogger(__name__)

_CRASHES = 5  #: so many within _WITHIN_S, and it is not worth going on
_WITHIN_S = 60.0
_LOOK_S = 0.2


def eval_command(log_level: str, *, name: str = "eval") -> list[str]:
    return [*_celery(log_level), "-Q", EVALUATIONS, "-n", f"{name}@%h"]


def control_command(log_level: str) -> list[str]:
    return [*_celery(log_level), "-Q", CONTROL, "-n", "control@%h", "-P", "threads", "-c", "4"]


def _celery(log_level: str) -> list[str]:
    quick = ["--without-gossip", "--without-mingle"]
    return [sys.executable, "-m", "celery", "-A", "tasks", "--quiet", "worker", "-l", log_level, *quick]


@dataclass
class _Node:
    command: list[str]
    environment: Mapping[str, str]
    process: "subprocess.Popen[bytes] | None" = None
    started: deque[float] = field(default_factory=lambda: deque(maxlen=_CRASHES))

    def start(self) -> None:
        if len(self.started) == _CRASHES and time.monotonic() - self.started[0] < _WITHIN_S:
            raise InfrastructureError(
                f"a worker died {_CRASHES} times within a minute: `{' '.join(self.command)}`"
            )
        self.started.append(time.monotonic())
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            process_group=0,  # Ctrl-C comes to us alone, and we pass it on
            preexec_fn=lambda: die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - there is no thread here
        )

    def look(self) -> None:
        if self.process is None or self.process.poll() is None:
            return
        log.warning("a worker ended with code %s and is started again", self.process.returncode)
        self.start()

    def tell(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


#: Workers that we started and do not wait for. Held, since our end of their standard input must stay open.
_started: list["subprocess.Popen[bytes]"] = []


def start_for(run_id: str) -> bool:
    """A worker for this run, if nobody else answers (else False). It leaves when the run is over.

    It has a session of its own, so that Ctrl-C at the run leaves it alone. If this process dies before the
    run is there, it notices by its standard input, which is ours to hold.
    """
    was_running = broker.is_running()
    broker.hold()
    presence.count_on_workers()
    if was_running and is_read():
        return False
    configuration = wiring.configuration()
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
    presence.count_on_nobody()
    _started.append(worker)
    return True


def replace_the_dead(run_id: str) -> bool:
    """If the worker that we started for this run has died, start another one."""
    if not _started or _started[-1].poll() is None:
        return False
    return start_for(run_id)


def serve(configuration: Configuration, *, log_level: str = "INFO") -> None:
    """Both nodes until SIGTERM or Ctrl-C: running jobs get their grace; with the second signal none."""
    passed_on: list[int] = []
    nodes = [
        _Node(command=command, environment={**os.environ, **configuration.as_environment()})
        for command in (eval_command(log_level), control_command(log_level))
    ]

    def pass_on(*_: Any) -> None:
        number = signal.SIGQUIT if passed_on else signal.SIGTERM
        passed_on.append(number)
        for node in nodes:
            node.tell(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, pass_on)
    for node in nodes:
        node.start()
    while not passed_on:
        time.sleep(_LOOK_S)
        for node in nodes:
            node.look()
    for node in nodes:
        if node.process is not None:
            node.process.wait()
