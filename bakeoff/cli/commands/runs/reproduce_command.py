"""`bakeoff reproduce`: fit a candidate once more on the same data, and compare each prediction."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from bakeoff.evaluation.reuse.reproduction import Difference, ReproductionComparison
    from bakeoff.operations.context import Context

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
    """Fit a candidate once more, and compare the predictions.

    The candidate of a result is fitted on the same data.  The output names what has changed since: code,
    packages, commit, processor.  Exit code 1: the predictions differ.
    """
    from bakeoff.cli.project_access import find_job
    from bakeoff.operations.runs import reproduce_result
    from bakeoff.worker.temporary import worker_for_command_run

    began = time.monotonic()
    context = project_access.open_project(config)
    engine = project_access.database(context)
    fit = reproduce_result.first_fit(context, find_job(engine, evaluation, model))
    context.broker.hold_or_fail()
    run_id = reproduce_result.start_reproduction(context, fit)
    own_worker = not no_worker and worker_for_command_run.start_for(context, run_id)
    console = terminal.err() if as_json else terminal.out()
    _wait_for_end(context, run_id, console, own_worker=own_worker, began=began)
    found = reproduce_result.compare_with_first(context, fit, run_id)
    if as_json:
        terminal.write_json(found.to_record())
    else:
        terminal.show(console, _comparison_table(found))
    if not found.equal:
        raise typer.Exit(_NOT_EQUAL)


def _wait_for_end(
    context: "Context", run_id: str, console: "Console", *, own_worker: bool, began: float
) -> None:
    """Exits the command if the user detaches or the run fails: then there is nothing to compare."""
    from bakeoff.cli.output.runs.failure_list import failures
    from bakeoff.cli.output.runs.follow_run import exit_with_state_of, follow_to_end, show_how_to_follow
    from bakeoff.operations.runs.run_report import read_report

    ended = follow_to_end(context, run_id, console, own_worker=own_worker, began=began)
    if ended is None:
        show_how_to_follow(context, run_id, console, as_json=False)
        raise typer.Exit
    terminal.show(console, *failures(read_report(context.engine, run_id).unsuccessful))
    exit_with_state_of(context, ended)


def _comparison_table(found: "ReproductionComparison") -> "RenderableType":
    from rich.text import Text

    from bakeoff.cli.output.runs.run_header import grid

    verdict = (
        Text("equal, bit for bit", "green") if found.equal else Text(_number_of_differences(found), "red")
    )
    rows = [("predicts", verdict), *(("changed", _change_since(one)) for one in found.differences)]
    return grid(rows)


def _number_of_differences(found: "ReproductionComparison") -> str:
    if found.differing is None:
        return "something else"
    return f"something else in {found.differing:,} of {found.again.test_rows:,} rows"


def _change_since(one: "Difference") -> "Text":
    from rich.text import Text

    if one.before is None and one.after is None:
        return Text(terminal.clean(one.what))
    return Text(terminal.clean(f"{one.what}: {one.before or 'none'}, now {one.after or 'none'}"))
