"""`bakeoff signals generate`: run the signal models, and combine their signals into the ensemble."""

import sys
import time
from contextlib import nullcontext, redirect_stdout
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from rich.console import Console

    from bakeoff.evaluation.signals.signal_run_plan import SignalPlan, SignalRequest
    from bakeoff.operations.context import Context

AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of",
        formats=["%Y-%m-%d"],
        metavar="DATE",
        help="As of which day, such as 2025-06-30.  [dim]\\[default: the last day with prices]",
        show_default=False,
    ),
]


def generate(  # noqa: PLR0917 - one parameter for each option
    symbols: Annotated[
        list[str] | None, typer.Argument(metavar="SYMBOL", help="Only these symbols; by default all.")
    ] = None,
    as_of: AsOf = None,
    models: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these signal models.", show_default=False)
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Compute all signals again, even those that are stored.")
    ] = False,
    no_persist: Annotated[bool, typer.Option("--no-persist", help="Do not store the ensemble.")] = False,
    priority: Annotated[
        int, typer.Option(metavar="N", help="Higher goes first: -100 to 100.", show_default=False)
    ] = 0,
    name: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A name for the run.", show_default=False)
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait until the run has ended.")] = False,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Start no worker, even if none answers.")
    ] = False,
    in_process: Annotated[
        bool, typer.Option("--in-process", help="Run in this process, for breakpoints; nothing is stored.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Run the signal models, and combine their signals into the ensemble.

    Exit code 3: the run ended, and not all models have given signals.
    """
    from bakeoff.cli.key_value_and_grid_options import split
    from bakeoff.cli.output.runs.follow_run import follow_and_show, show_how_to_follow
    from bakeoff.evaluation.signals.signal_run_plan import SignalRequest

    began = time.monotonic()
    context = project_access.open_project(config)
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
        _run_in_process(context, request, console, as_json=as_json)
        return
    run_id, own_worker = _start(context, request, console, may_start_worker=not no_worker)
    if detach:
        show_how_to_follow(context, run_id, console, as_json=as_json)
    else:
        follow_and_show(context, run_id, console, own_worker=own_worker, began=began, as_json=as_json)


def _refuse_what_needs_a_worker(options: "dict[str, Any]") -> None:
    from bakeoff.domain.errors import InvalidInputError

    given = [name for name, value in options.items() if value]
    if given:
        raise InvalidInputError(
            f"{', '.join(given)} has no effect with --in-process, which starts no worker: leave out one or "
            "the other"
        )


def _start(
    context: "Context", request: "SignalRequest", console: "Console", *, may_start_worker: bool
) -> tuple[str, bool]:
    """The id of the run, and whether a worker was started for it. It starts up while prices are read."""
    from bakeoff.domain.ids_and_times import new_id
    from bakeoff.domain.machine.work_in_thread import start_in_thread
    from bakeoff.operations.signals import start_signals
    from bakeoff.store.database import schema_version
    from bakeoff.worker.temporary import worker_for_command_run

    run_id = new_id()
    schema_version.ensure(context.engine)
    context.broker.hold_or_fail()
    starting = start_in_thread(lambda: may_start_worker and worker_for_command_run.start_for(context, run_id))
    plan = _plan(context, request, console)
    own_worker = starting.result()
    start_signals.start_planned_signals(context, plan, run_id=run_id, name=request.name)
    _show_header(plan, console, run_id=run_id, name=request.name)
    return run_id, own_worker


def _plan(context: "Context", request: "SignalRequest", console: "Console") -> "SignalPlan":
    from bakeoff.operations.signals import start_signals

    with terminal.busy(console, "checking the models and reading prices"):
        return start_signals.plan_signals(context, request)


def _show_header(plan: "SignalPlan", console: "Console", *, run_id: str, name: str | None) -> None:
    from bakeoff.cli.output.runs.run_header import header
    from bakeoff.cli.output.signal_run_view import saved_models
    from bakeoff.operations.signals import start_signals

    run = start_signals.signal_run_of(plan, run_id=run_id, name=name)
    terminal.show(console, header(run, uses=saved_models(plan), warnings=plan.warnings))
    console.file.flush()


def _run_in_process(
    context: "Context", request: "SignalRequest", console: "Console", *, as_json: bool
) -> None:
    from bakeoff.cli.output import signal_run_view
    from bakeoff.domain.ids_and_times import new_id
    from bakeoff.operations.signals.start_signals import signals_in_process

    plan = _plan(context, request, console)
    _show_header(plan, console, run_id=new_id(), name="in this process")
    with (
        redirect_stdout(sys.stderr) if as_json else nullcontext()
    ):  # what the models print must not mix with the JSON
        signals = signals_in_process(
            context, plan, on_model=lambda model: terminal.show(console, f"{model} …")
        )
    if as_json:
        terminal.write_json({"signals": [signal.to_record() for signal in signals]})
    else:
        terminal.show(console, *signal_run_view.ensemble(signals))
