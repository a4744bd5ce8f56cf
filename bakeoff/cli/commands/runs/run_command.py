"""`bakeoff run`: start a run, follow it, and show its leaderboard.

What a run needs is imported when the request has been checked: a mistake in it is told at once.
"""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli import project_access, run_options
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile
from bakeoff.evaluation.planning.parse_request_bodies import HelpPanel

if TYPE_CHECKING:
    from rich.console import Console

    from bakeoff.evaluation.planning.declared_run_options import RunRequest
    from bakeoff.evaluation.planning.run_plan import Plan
    from bakeoff.evaluation.reuse.reuse_plan import Prospect
    from bakeoff.operations.context import Context


def _running_option(metavar: str | None, meaning: str, *names: str) -> Any:
    return typer.Option(
        *names, metavar=metavar, help=meaning, rich_help_panel=HelpPanel.RUNNING, show_default=False
    )


@run_options.takes_run_options(of_plan=False)
def run(
    *,
    source: run_options.DatasetArgument = None,
    dataset: run_options.DatasetOption = None,
    given: Mapping[str, Any],
    added: run_options.WithOption = None,
    grid: run_options.GridOption = None,
    tune: run_options.TuneOption = None,
    trials: run_options.TrialsOption = None,
    detach: Annotated[bool, _running_option(None, "Do not wait for its end.", "--detach")] = False,
    no_worker: Annotated[
        bool, _running_option(None, "Start no worker, even if none answers.", "--no-worker")
    ] = False,
    eval_workers: Annotated[int | None, _running_option("N", "Evaluations at once.")] = None,
    timeout: Annotated[float | None, _running_option("SECONDS", "Time limit of each evaluation.")] = None,
    in_process: Annotated[
        bool, _running_option(None, "In this process, for breakpoints; nothing is kept.", "--in-process")
    ] = False,
    as_json: Annotated[bool, _running_option(None, "The leaderboard as JSON.", "--json")] = False,
    config: ConfigFile = None,
) -> None:
    """Evaluate candidates on a dataset and rank them.

    On several datasets, A,B,C, they are judged over all of these, as by `bakeoff suites`.

    Ctrl-C ends this command and not the run, which goes on.  Exit code 3: not all candidates have a result;
    1: a finding was in the way of a strict run.
    """
    began = time.monotonic()
    context = project_access.open_project(config, evalWorkers=eval_workers, evaluationTimeout=timeout)
    several = run_options.several_datasets(source, dataset, context.configuration)
    request = run_options.request_of(
        context.configuration,
        given,
        source=several[0] if several else source,
        dataset=None if several else dataset,
        grid=grid or (),
        tune=tune or (),
        trials=trials,
        save="none" if in_process else None,
    )
    console = terminal.err() if as_json else terminal.out()
    if several:
        _refuse_with_several({"--in-process": in_process, "--with": added})
        _run_suite(context, request, several, console, detach=detach, no_worker=no_worker, as_json=as_json)
        return
    if in_process:
        own = {
            "--timeout": timeout,
            "--eval-workers": eval_workers,
            "--detach": detach,
            "--no-worker": no_worker,
        }
        needing_cells = [
            *(name for name, value in own.items() if value),
            *run_options.given_and_needing_cells(given),
        ]
        _refuse_what_needs_cells(needing_cells)
        _run_in_process(context, request, added or [], console, as_json=as_json)
        return
    run_id, own_worker = _start(context, request, added or [], console, may_start_worker=not no_worker)
    # Imported now, while the worker starts up and begins.
    from bakeoff.cli.output.runs.follow_run import follow_and_show, show_how_to_follow

    if detach:
        show_how_to_follow(context, run_id, console, as_json=as_json)
    else:
        follow_and_show(context, run_id, console, own_worker=own_worker, began=began, as_json=as_json)


def _refuse_with_several(options: Mapping[str, Any]) -> None:
    from bakeoff.domain.errors import InvalidInputError

    given = [name for name, value in options.items() if value]
    if given:
        cure = "name the candidates with --models" if "--with" in given else "name one dataset"
        raise InvalidInputError(f"{given[0]} does not go with several datasets: leave it out, or {cure}")


def _run_suite(
    context: "Context",
    request: "RunRequest",
    datasets: Sequence[str],
    console: "Console",
    *,
    detach: bool,
    no_worker: bool,
    as_json: bool,
) -> None:
    """One run on each dataset, judged together."""
    from bakeoff.cli.commands.runs import suites_command
    from bakeoff.operations.suites.start_suite import suite_of_datasets
    from bakeoff.store.database import schema_version

    schema_version.ensure(context.engine)
    suite = suite_of_datasets(request, datasets, name=request.name)
    suite = suites_command.start(context, suite, console, may_start_worker=not no_worker)
    suites_command.follow_to_its_end(context, suite, console, detach=detach, as_json=as_json)


def _refuse_what_needs_cells(options: Sequence[str]) -> None:
    from bakeoff.domain.errors import InvalidInputError

    if options:
        raise InvalidInputError(
            f"{', '.join(options)} can do nothing with --in-process, where there is no worker and no cell: "
            "leave out the one or the other"
        )


def _start(
    context: "Context",
    request: "RunRequest",
    added: Sequence[str],
    console: "Console",
    *,
    may_start_worker: bool,
) -> tuple[str, bool]:
    """The id of the run, and whether a worker was started for it.

    The worker starts up while the candidates are checked and the data are read.
    """
    from bakeoff.domain.ids_and_times import new_id
    from bakeoff.domain.machine.work_in_thread import start_in_thread
    from bakeoff.store.database import schema_version
    from bakeoff.worker.temporary import worker_for_command_run

    run_id = new_id()
    schema_version.ensure(context.engine)
    context.broker.hold_or_fail()
    starting = start_in_thread(lambda: may_start_worker and worker_for_command_run.start_for(context, run_id))
    from bakeoff.operations.runs import start_run

    plan = run_options.plan_of(context, request, added, console)
    own_worker = starting.result()
    prospects = start_run.start_planned(context, plan, run_id=run_id, name=request.name)
    _show_header(plan, console, run_id=run_id, name=request.name, prospects=prospects)
    return run_id, own_worker


def _run_in_process(
    context: "Context", request: "RunRequest", added: Sequence[str], console: "Console", *, as_json: bool
) -> None:
    from bakeoff.cli.in_process_run import evaluate_here
    from bakeoff.domain.ids_and_times import new_id

    plan, run_id = run_options.plan_of(context, request, added, console), new_id()
    _show_header(plan, console, run_id=run_id, name="in this process")
    evaluate_here(context, plan, console, run_id=run_id, as_json=as_json)


def _show_header(
    plan: "Plan",
    console: "Console",
    *,
    run_id: str,
    name: str | None,
    prospects: "Sequence[Prospect]" = (),
) -> None:
    from bakeoff.cli.output.runs.run_header import header, how_many_reused
    from bakeoff.operations.runs import start_run

    run = start_run.run_of(plan, run_id=run_id, name=name)
    told = header(
        run,
        preparation=plan.preparation,
        left_out=plan.left_out,
        reused=how_many_reused(prospects),
        findings=plan.findings,
    )
    terminal.show(console, told)
    console.file.flush()
