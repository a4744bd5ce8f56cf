"""`bakeoff worker`: run both Celery nodes of this machine until the user stops them."""

from enum import StrEnum
from typing import Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile


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
    config: ConfigFile = None,
) -> None:
    """Run a worker until it is stopped.

    Ctrl-C or SIGTERM stops it: running jobs may go on for some seconds and are then queued again.  A second
    Ctrl-C ends them at once.
    """
    from bakeoff.settings import log_setup
    from bakeoff.store.database import schema_version
    from bakeoff.worker import worker_processes
    from registry.catalog.catalog_schema import read

    context = project_access.open_project(config, evalWorkers=eval_workers)
    configuration = context.configuration
    log_setup.set_up(log_level, configuration.settings.log_format)
    schema_version.ensure(context.engine)
    read(configuration.catalog_file)
    context.broker.hold_or_fail()
    settings = configuration.settings
    terminal.announce(f"taking {settings.eval_workers} evaluations at once on {settings.node}; Ctrl-C stops")
    worker_processes.serve(configuration, log_level=log_level)
