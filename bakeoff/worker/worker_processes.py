"""The two nodes of `bakeoff worker`, and beat: their commands, and running them until somebody stops them."""

import json
import os
from pathlib import Path

from bakeoff.broker.deployment_redis import CONTROL, EVALUATIONS
from bakeoff.settings.configuration import Configuration
from bakeoff.worker import celery_process
from bakeoff.worker.early_oven import OVEN_FIRST
from bakeoff.worker.process_supervisor import Child, supervise
from bakeoff.worker.worker_oven import oven_order


def eval_command(configuration: Configuration, log_level: str, *, name: str = "eval") -> list[str]:
    oven = json.dumps(oven_order(configuration))
    return [*_worker(log_level), "-Q", EVALUATIONS, "-n", f"{name}@%h", OVEN_FIRST, oven]


def control_command(log_level: str) -> list[str]:
    return [*_worker(log_level), "-Q", CONTROL, "-n", "control@%h", "-P", "threads", "-c", "4"]


def _worker(log_level: str) -> list[str]:
    return [*celery_process.WORKER, "-l", log_level, "--without-gossip", "--without-mingle"]


def nodes(configuration: Configuration, log_level: str, *, logs: Path | None = None) -> list[Child]:
    """Both nodes of a worker, each with a log of its own in the folder `logs`, if it is given."""
    environment = {**os.environ, **configuration.as_environment()}
    commands = {"eval": eval_command(configuration, log_level), "control": control_command(log_level)}
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
