"""`bakeoff reproduce`: fit once more, and compare each prediction."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from cli import project, terminal
from cli.project import ConfigFile

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from evaluation.reproduction import Comparison, Difference

_NOT_EQUAL = 1


def reproduce(
    evaluation: Annotated[
        str,
        typer.Argument(
            metavar="EVALUATION", help="Evaluation id, its first characters, or a run if MODEL follows."
        ),
    ],
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Candidate of that run.")] = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Start no worker, even if none answers.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Fit once more, and compare what is predicted.

    The candidate of a result, on the same data.  What is not as it was is named: code, packages, commit,
    processor.  Exit code 1: it does not predict the same.
    """
    from cli.finding import find_job
    from tasks import broker, reproduction, workers

    began = time.monotonic()
    engine = project.database(project.open_project(config))
    fit = reproduction.first_fit(find_job(engine, evaluation, model))
    broker.demand()
    run_id = reproduction.begin(fit)
    own_worker = not no_worker and workers.start_for(run_id)
    console = terminal.err() if as_json else terminal.out()
    _see_to_its_end(run_id, console, own_worker=own_worker, began=began)
    found = reproduction.outcome(fit, run_id)
    if as_json:
        terminal.write_json(found.to_record())
    else:
        terminal.show(console, _said(found))
    if not found.equal:
        raise typer.Exit(_NOT_EQUAL)


def _see_to_its_end(run_id: str, console: "Console", *, own_worker: bool, began: float) -> None:
    """Leaves where there is nothing to compare."""
    from cli.failures import failures
    from cli.following import leave, say_how_to_come_back, watch
    from tasks import wiring
    from tasks.report import read_report

    ended = watch(run_id, console, own_worker=own_worker, began=began)
    if ended is None:
        say_how_to_come_back(run_id, console, as_json=False)
        raise typer.Exit
    terminal.show(console, *failures(read_report(wiring.engine(), run_id).unsuccessful))
    leave(ended)


def _said(found: "Comparison") -> "RenderableType":
    from rich.text import Text

    from cli.header import grid

    verdict = Text("equal, bit for bit", "green") if found.equal else Text(_how_many(found), "red")
    rows = [("predicts", verdict), *(("changed", _change(one)) for one in found.differences)]
    return grid(rows)


def _how_many(found: "Comparison") -> str:
    if found.differing is None:
        return "something else"
    return f"something else in {found.differing:,} of {found.again.test_rows:,} rows"


def _change(one: "Difference") -> "Text":
    from rich.text import Text

    if one.before is None and one.after is None:
        return Text(terminal.clean(one.what))
    return Text(terminal.clean(f"{one.what}: {one.before or 'none'}, now {one.after or 'none'}"))
