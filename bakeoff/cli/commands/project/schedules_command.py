"""`bakeoff schedules`: list the schedules, and when each starts next; pause and resume one."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType
    from rich.text import Text

    from bakeoff.operations.runs.scheduled_runs import ScheduleStatus


app = typer.Typer(
    help="List the schedules, pause and resume them.", invoke_without_command=True, add_completion=False
)


@app.callback()
def schedules(
    called: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """List the schedules, and when each starts next.

    The runs are started by `bakeoff up`, or by `celery -A tasks beat` beside a worker.
    """
    if called.invoked_subcommand is not None:
        return
    from bakeoff.operations.runs.scheduled_runs import schedule_statuses

    found = schedule_statuses(project_access.open_project(config))
    if as_json:
        terminal.write_json([row.to_record() for row in found])
    elif found:
        terminal.show(terminal.out(), *_table(found, terminal.out().width), *_remarks(found))
    else:
        terminal.out().print("no schedules: add some under `schedules:` in the configuration")


Name = Annotated[str, typer.Argument(metavar="NAME", help="A schedule of the configuration.")]
AsJson = Annotated[bool, typer.Option("--json", help="The schedule as JSON, as it is then.")]


@app.command("pause")
def pause(name: Name, as_json: AsJson = False, config: ConfigFile = None) -> None:
    """Start nothing from this schedule until it is resumed. Runs that are under way go on."""
    from bakeoff.domain.ids_and_times import user_name
    from bakeoff.operations.runs.scheduled_runs import pause_schedule, schedule_status

    context = project_access.open_project(config)
    changed = pause_schedule(context, name, by=user_name())
    if as_json:
        terminal.write_json(schedule_status(context, name).to_record())
        return
    said = "is paused" if changed else "was paused already"
    terminal.out().print(f"{name} {said}: `bakeoff schedules resume {name}` goes on with it")


@app.command("resume")
def resume(name: Name, as_json: AsJson = False, config: ConfigFile = None) -> None:
    """Go on with a schedule that was paused. What was due meanwhile is not caught up."""
    from bakeoff.operations.runs.scheduled_runs import resume_schedule, schedule_status

    context = project_access.open_project(config)
    changed = resume_schedule(context, name)
    if as_json:
        terminal.write_json(schedule_status(context, name).to_record())
    else:
        terminal.out().print(f"{name} goes on" if changed else f"{name} was not paused")


def _table(found: Sequence["ScheduleStatus"], width: int) -> "list[RenderableType]":
    from rich.text import Text

    from bakeoff.cli.output.width_fitting_table import ALWAYS, FittingColumn, fitted

    def column(name: str, cells: "Iterable[Text]", keep: int) -> FittingColumn:
        return FittingColumn(name=name, cells=list(cells), justify="left", keep=keep, style="dim")

    columns = [
        column("schedule", (Text(row.schedule.name, "bold") for row in found), ALWAYS),
        column("of", (Text(terminal.clean(row.settings.subject)) for row in found), 4),
        column("when", (Text(str(row.schedule.rule)) for row in found), 3),
        column("next", map(_next, found), ALWAYS),
        column("last", map(_last, found), 1),
        column("run", map(_run_cell, found), 5),
        column("missed", map(_missed, found), 2),
    ]
    return fitted(columns, width, elsewhere="--json")


def _next(row: "ScheduleStatus") -> "Text":
    from rich.text import Text

    if row.pause:
        return Text("paused", "yellow")
    return Text(_local_time(row, row.next_at), "yellow" if row.is_overdue else "")


def _last(row: "ScheduleStatus") -> "Text":
    from rich.text import Text

    last = row.standing.last
    return Text(_local_time(row, last.at) if last else "-", "dim")


def _missed(row: "ScheduleStatus") -> "Text":
    from rich.text import Text

    missed = row.standing.missed
    return Text(f"{missed:,}", "yellow") if missed else Text("0", "dim")


def _run_cell(row: "ScheduleStatus") -> "Text":
    from rich.text import Text

    from bakeoff.cli.output import states_and_findings

    if row.run is None:
        return Text(row.standing.last.state if row.standing.last else "-", "dim")
    run = row.run
    return Text.assemble(
        (run.id[:8], "bold"),
        " ",
        (states_and_findings.words(run.state), states_and_findings.style(run.state)),
    )


def _remarks(found: Sequence["ScheduleStatus"]) -> "list[Text]":
    from rich.text import Text

    said = {row.schedule.name: _paused(row) if row.pause else terminal.clean(row.problem) for row in found}
    remarks = [Text(f"{name}: {remark}") for name, remark in said.items() if remark]
    return [Text(), *remarks] if remarks else []


def _paused(row: "ScheduleStatus") -> str:
    if row.pause is None:
        return ""
    by = f" by {terminal.clean(row.pause.by)}" if row.pause.by else ""
    goes_on = f"`bakeoff schedules resume {row.schedule.name}` goes on with it"
    return f"paused{by} since {_local_time(row, row.pause.at)}: {goes_on}"


def _local_time(row: "ScheduleStatus", moment: datetime) -> str:
    """In the time zone of the schedule."""
    return moment.astimezone(row.schedule.rule.zone).strftime("%Y-%m-%d %H:%M %Z")
