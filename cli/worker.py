"""`bakeoff worker`: both Celery nodes, until somebody says stop."""

from enum import StrEnum
from typing import Annotated

import typer

from cli import project, terminal
from cli.project import ConfigFile


class LogLevel(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def worker(
    eval_workers: Annotated[
        int | None, typer.Option(metavar="N", help="Evaluations at once.", show_default=False)
    ] = None,
    log_level: Annotated[
        LogLevel, typer.Option("--log-level", case_sensitive=False, help="How much it says.")
    ] = LogLevel.INFO,
    config: ConfigFile = None,
) -> None:
    """Take evaluations until told to stop.

    Ctrl-C or SIGTERM: running jobs get their grace and are then put back.  A second one ends them at once.
    """
    from config import journal
    from registry.schema import read
    from store import schema
    from tasks import broker, wiring, workers

    configuration = project.open_project(config, evalWorkers=eval_workers)
    journal.set_up(log_level, configuration.settings.log_format)
    schema.ensure(wiring.engine())
    read(configuration.catalog_file)
    broker.demand()
    settings = configuration.settings
    terminal.announce(f"taking {settings.eval_workers} evaluations at once on {settings.node}; Ctrl-C stops")
    workers.serve(configuration, log_level=log_level)
