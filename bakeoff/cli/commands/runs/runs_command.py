"""`bakeoff runs`: list the runs, newest first."""

from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rich.console import Console, RenderableType
    from rich.text import Text

    from bakeoff.cli.output.width_fitting_table import FittingColumn
    from bakeoff.domain.runs.run import Run, RunState
    from bakeoff.store.bakeoffs.run_rows import RunSummary

_SHORTEST_NAME = 16


def runs(
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="How many.")] = 20,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="Only queued, running, completed, partial, …")
    ] = None,
    label: Annotated[str | None, typer.Option(metavar="LABEL", help="Only those with this label.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """List the runs, newest first."""
    found = _page(limit, _parsed_state(state), label, config)
    if as_json:
        from bakeoff.operations.runs.run_report import run_record

        terminal.write_json([run_record(summary) for summary in found])
    elif found:
        terminal.show(terminal.out(), *_listed(found, terminal.out()))
    else:
        terminal.out().print(
            "no runs" if state or label else "no runs yet: `bakeoff run` makes the first one"
        )


def _page(
    limit: int, state: "RunState | None", label: str | None, config: "ConfigFile"
) -> "Sequence[RunSummary]":
    from bakeoff.store.bakeoffs.run_rows import page
    from bakeoff.store.database import schema_version

    context = project_access.open_project(config)
    if not context.has_database():
        return []
    schema_version.ensure(context.engine)
    return page(context.engine, limit=limit, state=state, label=label)


def _parsed_state(text: str | None) -> "RunState | None":
    from bakeoff.domain.errors import InvalidInputError
    from bakeoff.domain.runs.run import RunState

    if text is not None and text not in list(RunState):
        raise InvalidInputError(f"--state is {text!r}: expected one of {', '.join(RunState)}")
    return None if text is None else RunState(text)


def _listed(found: "Sequence[RunSummary]", console: "Console") -> "list[RenderableType]":
    """Ids and states are never cut. Other columns are left out where there is no room, and named below."""
    from bakeoff.cli.output.width_fitting_table import fitted

    columns = _columns(found, longest=max(_SHORTEST_NAME, console.width // 4))
    return fitted(columns, console.width, elsewhere="--json")


def _columns(found: "Sequence[RunSummary]", *, longest: int) -> "list[FittingColumn]":
    from rich.text import Text

    from bakeoff.cli.output import states_and_findings
    from bakeoff.cli.output.width_fitting_table import ALWAYS, FittingColumn, cut

    runs = [summary.run for summary in found]

    def column(name: str, cells: "Iterable[Text]", keep: int) -> FittingColumn:
        return FittingColumn(name=name, cells=list(cells), justify="left", keep=keep, style="dim")

    columns = [
        column("run", (Text(run.id[:8], "bold") for run in runs), ALWAYS),
        column("name", (cut(Text(terminal.clean(run.name)), longest) for run in runs), 5),
        column("dataset", (cut(_subject(run), longest) for run in runs), 2),
        column("state", (states_and_findings.signed(run.state) for run in runs), ALWAYS),
        column("jobs", (states_and_findings.counts(summary.jobs) for summary in found), 1),
        column("began", (Text(_local_time(run.created_at), "dim") for run in runs), 3),
    ]
    if any(run.priority for run in runs):
        columns.append(column("priority", map(_priority, runs), 4))
    return columns


def _subject(run: "Run") -> "Text":
    from rich.text import Text

    text = Text(terminal.clean(run.dataset.name))
    return text if run.signals is None else text.append(f" as of {run.signals.as_of}", "dim")


def _priority(run: "Run") -> "Text":
    from rich.text import Text

    return Text(f"{run.priority:+}" if run.priority else "")


def _local_time(moment: "datetime") -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")
