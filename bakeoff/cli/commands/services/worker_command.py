"""`bakeoff worker`: run both Celery nodes of this machine until the user stops them."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from bakeoff.operations.context import Context


class LogLevel(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def worker(
    eval_workers: Annotated[
        int | None, typer.Option(metavar="N", help="How many evaluations run at once.", show_default=False)
    ] = None,
    log_level: Annotated[
        LogLevel, typer.Option("--log-level", case_sensitive=False, help="The lowest level that is logged.")
    ] = LogLevel.INFO,
    stop: Annotated[
        bool,
        typer.Option(
            "--stop", help="End the worker that `bakeoff run` keeps for the next run, and do no more."
        ),
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Run a worker until it is stopped.

    Ctrl-C or SIGTERM stops it: running jobs may go on for some seconds and are then queued again.  A second
    Ctrl-C ends them at once.
    """
    from bakeoff.settings import log_setup
    from bakeoff.store.database import schema_version
    from bakeoff.worker import run_celery_nodes
    from bakeoff.worker.temporary import worker_for_command_run
    from registry.catalog.models_yaml_schema import read

    context = project_access.open_project(config, evalWorkers=eval_workers)
    if stop:
        _stop(context)
        return
    configuration = context.configuration
    log_setup.set_up(log_level, configuration.settings.log_format)
    schema_version.ensure(context.engine)
    read(configuration.catalog_file)
    context.broker.hold_or_fail()
    worker_for_command_run.stop_idle(context)  # it would take memory, and jobs
    settings = configuration.settings
    terminal.announce(f"taking {settings.eval_workers} evaluations at once on {settings.node}; Ctrl-C stops")
    context.engine.dispose()  # a forked child must not inherit a connection
    run_celery_nodes.serve(configuration, log_level=log_level)


def _stop(context: "Context") -> None:
    from bakeoff.worker.temporary.worker_files import TemporaryWorker
    from bakeoff.worker.temporary.worker_for_command_run import stop_idle

    if stop_idle(context):
        said = "stopped"
    elif any(TemporaryWorker.all_of(context.configuration.data_dir)):
        said = "the worker is at work, and stays until its runs have ended: `bakeoff cancel RUN` ends one"
    else:
        said = "no worker waits for a next run"
    terminal.out().print(said)
