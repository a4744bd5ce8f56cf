"""Commands that change an existing run, or start it again.

bakeoff cancel      stop its queued and running jobs
bakeoff retry       start a new run that evaluates its candidates without a result again
bakeoff priority    move its queued jobs forward or back in the queue
bakeoff label       words by which people find it again
"""

import time
from typing import Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.command_table import HELP_NAMES
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile


def cancel(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id or its first characters, name, or `latest`.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="The run as JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Cancel a run; what has completed stays.

    One that has ended already is left as it is, and that is no error.
    """
    from bakeoff.operations.runs.run_report import run_record
    from bakeoff.store.bakeoffs import cancellation, run_rows

    context = project_access.open_project(config)
    engine = project_access.database(context)
    run_id = run_rows.find_to_change(engine, run)
    cancelled = cancellation.cancel_run(engine, run_id)
    summary = run_rows.summary(engine, run_id)
    if as_json:
        terminal.write_json({"cancelled": cancelled, "run": run_record(summary)})
    else:
        terminal.out().print(_cancellation_message(run_id, summary.run.state, cancelled=cancelled))


def _cancellation_message(run_id: str, state: str, *, cancelled: bool) -> str:
    if not cancelled:
        return f"run {run_id} had ended already: {state}"
    if state == "cancelled":
        return f"run {run_id} is cancelled"
    return f"run {run_id} is being cancelled: its workers stop within seconds"


def retry(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id or its first characters, name, or `latest`.")
    ],
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait until the run has ended.")] = False,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Start no worker, even if none answers.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The leaderboard as JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Evaluate the candidates without a result again.

    This makes a new run of the same candidates on the same data, and takes over the results that exist.
    """
    from bakeoff.cli.output.runs.follow_run import follow_and_show, show_how_to_follow
    from bakeoff.cli.output.runs.run_header import header
    from bakeoff.operations.runs import start_run
    from bakeoff.store.bakeoffs import run_rows
    from bakeoff.worker.temporary import worker_for_command_run

    began = time.monotonic()
    context = project_access.open_project(config)
    engine = project_access.database(context)
    context.broker.hold_or_fail()
    new_run_id = start_run.retry(context, run_rows.find(engine, run))
    own_worker = not no_worker and worker_for_command_run.start_for(context, new_run_id)
    console = terminal.err() if as_json else terminal.out()
    terminal.show(console, header(run_rows.get(engine, new_run_id)))
    if detach:
        show_how_to_follow(context, new_run_id, console, as_json=as_json)
    else:
        follow_and_show(context, new_run_id, console, own_worker=own_worker, began=began, as_json=as_json)


app = typer.Typer(add_completion=False, rich_markup_mode="rich")


# Without `ignore_unknown_options`, the priority -5 would be taken for an option.
@app.command(context_settings={**HELP_NAMES, "ignore_unknown_options": True})
def priority(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id or its first characters, name, or `latest`.")
    ],
    number: Annotated[
        int, typer.Argument(min=-100, max=100, metavar="N", help="Higher goes first; a run starts with 0.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="The run as JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Change the priority of a run in the queue.

    Its queued jobs move; running jobs are not affected, nor is a run that has ended.
    """
    from bakeoff.operations.runs.run_report import run_record
    from bakeoff.store.bakeoffs import run_rows

    context = project_access.open_project(config)
    engine = project_access.database(context)
    run_id = run_rows.find_to_change(engine, run)
    changed = run_rows.prioritise(engine, run_id, number)
    summary = run_rows.summary(engine, run_id)
    if as_json:
        terminal.write_json({"changed": changed, "run": run_record(summary)})
    elif changed:
        terminal.out().print(f"run {run_id} has priority {number}")
    else:
        terminal.out().print(f"run {run_id} had ended already: {summary.run.state}")


def label(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id or its first characters, name, or `latest`.")
    ],
    labels: Annotated[
        list[str] | None, typer.Argument(metavar="LABEL…", show_default=False, help="To add, or to remove.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take these labels away.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Its labels as JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Give a run labels, take some away, or print those it has.

    `bakeoff runs --label LABEL` finds it again.
    """
    from bakeoff.domain.errors import NotFoundError
    from bakeoff.domain.ids_and_times import user_name
    from bakeoff.domain.wording import quoted
    from bakeoff.store.bakeoffs import run_label_rows, run_rows

    context = project_access.open_project(config)
    engine = project_access.database(context)
    run_id = run_rows.find(engine, run)
    given = [run_label_rows.checked(one) for one in labels or []]
    if remove and not given:
        raise typer.BadParameter(
            f"name the labels to remove; `bakeoff label {run_id[:8]}` prints those that it has",
            param_hint="LABEL",
        )
    if remove and not run_label_rows.remove(engine, run_id, *given):
        there = run_label_rows.of_runs(engine, [run_id]).get(run_id, [])
        lacking = ", ".join(quoted(one) for one in given if one not in there)
        raise NotFoundError(
            f"run {run_id} has no label {lacking}, and none was removed: `bakeoff label {run_id[:8]}` prints "
            "those that it has"
        )
    if given and not remove:
        run_label_rows.add(engine, run_id, *given, by=user_name())
    found = run_label_rows.of_runs(engine, [run_id]).get(run_id, [])
    if as_json:
        terminal.write_json({"runId": run_id, "labels": found})
    else:
        terminal.out().print(", ".join(found) or "no labels", soft_wrap=True)
