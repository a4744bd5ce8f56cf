"""The two nodes of `bakeoff worker`, and beat: their commands, and running them until somebody stops them."""

import os
from pathlib import Path

from bakeoff.broker import CONTROL, EVALUATIONS
from bakeoff.settings.configuration import Configuration
from bakeoff.worker import celery_process, early_oven, forked_module
from bakeoff.worker.process_supervisor import Child, supervise

#: What the nodes and beat import. Not `celery.bin.celery`, which imports all commands and plugins of Celery.
MODULES = (
    "tasks.celery",
    "tasks.evaluate",
    "tasks.start_sweep_and_score_tasks",
    "celery.bin.worker",
    "celery.bin.beat",
    "celery.apps.worker",
    "celery.apps.beat",
    "celery.concurrency.prefork",
    "celery.concurrency.thread",
    "celery.worker.worker",
    "celery.worker.consumer",
    "celery.worker.components",
    "celery.events.state",
    "celery.loaders.app",
    "kombu.transport.redis",
    "sqlalchemy.dialects.sqlite",
    "bakeoff.operations.runs.scheduled_runs",
    "bakeoff.worker.worker_lifecycle",
    "bakeoff.worker.jobs.job_runner",
    "bakeoff.worker.jobs.several_jobs_in_one_task",
)


def eval_command(configuration: Configuration, log_level: str, *, name: str = "eval") -> list[str]:
    oven = early_oven.argument(configuration.root, configuration.settings.preload)
    node = configuration.settings.node_name
    return [*celery_process.worker_command(EVALUATIONS, name, log_level, node=node), *oven]


def control_command(configuration: Configuration, log_level: str) -> list[str]:
    node = configuration.settings.node_name
    return [
        *celery_process.worker_command(CONTROL, "control", log_level, node=node),
        *("-P", "threads", "-c", "4"),
    ]


def nodes(configuration: Configuration, log_level: str, *, logs: Path | None = None) -> list[Child]:
    """Both nodes of a worker, each with a log of its own in the folder `logs`, if it is given."""
    environment = {**os.environ, **configuration.as_environment()}
    commands = {
        "eval": eval_command(configuration, log_level),
        "control": control_command(configuration, log_level),
    }
    return [
        Child(name=name, command=command, environment=environment, log=logs and logs / f"{name}.log")
        for name, command in commands.items()
    ]


def beat(configuration: Configuration, log_level: str) -> Child:
    """Celery's beat, which sends the messages for sweeps and schedules."""
    return Child(
        name="beat",
        command=(*celery_process.BEAT, "-l", log_level),
        environment={**os.environ, **configuration.as_environment()},
        log=configuration.logs / "beat.log",
        is_vital=False,
    )


def serve(configuration: Configuration, *, log_level: str = "INFO") -> None:
    """Runs both nodes until SIGTERM or Ctrl-C. Running jobs have a grace period; at a second signal none.

    They are forked from this process, which may have no connection to an SQLite database.
    """
    children = nodes(configuration, log_level)
    for child in children:
        child.is_forked = True
    forked_module.load(MODULES)
    supervise(children)
