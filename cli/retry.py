"""`bakeoff retry`: the candidates of a run that have no result, once more."""

import time
from typing import Annotated

import typer

from cli import project, terminal
from cli.project import ConfigFile


def retry(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id or its first characters, name, or `latest`.")
    ],
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait for its end.")] = False,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Start no worker, even if none answers.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The leaderboard as JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Evaluate again what has no result.

    It is a new run of the same candidates on the same data; the results there are, are taken over.
    """
    from cli.following import say_how_to_come_back, see_to_its_end
    from cli.header import header
    from store import runs
    from tasks import broker, enqueue, workers

    began = time.monotonic()
    engine = project.database(project.open_project(config))
    broker.demand()
    again = enqueue.retry(runs.find(engine, run))
    own_worker = not no_worker and workers.start_for(again)
    console = terminal.err() if as_json else terminal.out()
    terminal.show(console, header(runs.get(engine, again)))
    if detach:
        say_how_to_come_back(again, console, as_json=as_json)
    else:
        see_to_its_end(again, console, own_worker=own_worker, began=began, as_json=as_json)
