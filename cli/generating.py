"""`bakeoff signals generate`: signal models are asked, and the ensemble is made of what they say."""

import sys
import time
from contextlib import nullcontext, redirect_stdout
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import project, terminal
from cli.project import ConfigFile

if TYPE_CHECKING:
    from rich.console import Console

    from evaluation.signals.plan import SignalPlan
    from evaluation.signals.request import SignalRequest

AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of",
        formats=["%Y-%m-%d"],
        metavar="DATE",
        help="As of which day, such as 2025-06-30.  [dim]\\[default: the last there is]",
        show_default=False,
    ),
]


def generate(  # noqa: PLR0917 - one parameter for each option
    symbols: Annotated[
        list[str] | None, typer.Argument(metavar="SYMBOL", help="These alone; else all there are.")
    ] = None,
    as_of: AsOf = None,
    models: Annotated[
        str | None, typer.Option(metavar="A,B", help="These signal models alone.", show_default=False)
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask again, whatever is known.")] = False,
    no_persist: Annotated[bool, typer.Option("--no-persist", help="Do not keep the ensemble.")] = False,
    priority: Annotated[
        int, typer.Option(metavar="N", help="Higher goes first: -100 to 100.", show_default=False)
    ] = 0,
    name: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A name for the run.", show_default=False)
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait for its end.")] = False,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Start no worker, even if none answers.")
    ] = False,
    in_process: Annotated[
        bool, typer.Option("--in-process", help="In this process, for breakpoints; nothing is kept.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Ask all signal models, and make the ensemble of what they say.

    Exit code 3: it ended, and not all models have answered.
    """
    from cli.asking import split
    from cli.following import say_how_to_come_back, see_to_its_end
    from evaluation.signals.request import SignalRequest

    began = time.monotonic()
    project.open_project(config)
    request = SignalRequest.parse(
        {
            "symbols": symbols or None,
            "asOf": as_of.date() if as_of else None,
            "models": split(models),
            "fresh": fresh,
            "persist": not no_persist,
            "priority": priority,
            "name": name,
        }
    )
    console = terminal.err() if as_json else terminal.out()
    if in_process:
        _refuse_what_needs_a_worker({"--detach": detach, "--no-worker": no_worker, "--priority": priority})
        _rehearse(request, console, as_json=as_json)
        return
    run_id, own_worker = _start(request, console, may_start_worker=not no_worker)
    if detach:
        say_how_to_come_back(run_id, console, as_json=as_json)
    else:
        see_to_its_end(run_id, console, own_worker=own_worker, began=began, as_json=as_json)


def _refuse_what_needs_a_worker(options: "dict[str, Any]") -> None:
    from domain.errors import InvalidInputError

    given = [name for name, value in options.items() if value]
    if given:
        raise InvalidInputError(
            f"{', '.join(given)} can do nothing with --in-process, where there is no worker: leave out the "
            "one or the other"
        )


def _start(request: "SignalRequest", console: "Console", *, may_start_worker: bool) -> tuple[str, bool]:
    """The run, and whether a worker was started for it: it comes up while prices are read."""
    from domain.identity import new_id
    from domain.meanwhile import begin
    from store import schema
    from tasks import broker, signals, wiring, workers

    run_id = new_id()
    schema.ensure(wiring.engine())
    broker.demand()
    starting = begin(lambda: may_start_worker and workers.start_for(run_id))
    plan = _plan(request, console)
    own_worker = starting.result()
    signals.submit(plan, run_id=run_id, name=request.name)
    _introduce(plan, console, run_id=run_id, name=request.name)
    return run_id, own_worker


def _plan(request: "SignalRequest", console: "Console") -> "SignalPlan":
    from tasks import signals

    with terminal.busy(console, "checking the models and reading prices"):
        return signals.plan_of(request)


def _introduce(plan: "SignalPlan", console: "Console", *, run_id: str, name: str | None) -> None:
    from cli.asked import saved_models
    from cli.header import header
    from tasks import signals, wiring

    rejected = [f"{model} was rejected: `bakeoff models` says why" for model in wiring.catalog().rejected]
    run = signals.run_of(plan, run_id=run_id, name=name)
    terminal.show(console, header(run, uses=saved_models(plan), warnings=[*plan.warnings, *rejected]))
    console.file.flush()


def _rehearse(request: "SignalRequest", console: "Console", *, as_json: bool) -> None:
    from cli import asked
    from domain.identity import new_id
    from tasks.signals import rehearse

    plan = _plan(request, console)
    _introduce(plan, console, run_id=new_id(), name="in this process")
    with redirect_stdout(sys.stderr) if as_json else nullcontext():  # what the models print is no JSON
        signals = rehearse(plan, tell=lambda model: terminal.show(console, f"{model} …"))
    if as_json:
        terminal.write_json({"signals": [signal.to_record() for signal in signals]})
    else:
        terminal.show(console, *asked.ensemble(signals))
