"""`bakeoff runs`: list the runs, newest first."""

from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.table import Table
    from rich.text import Text

    from bakeoff.domain.runs.run import Run, RunState
    from bakeoff.store.bakeoffs.run_rows import RunSummary


def runs(
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="How many.")] = 20,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="Only queued, running, completed, partial, …")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """List the runs, newest first."""
    found = _page(limit, _parsed_state(state), config)
    if as_json:
        from bakeoff.operations.run_report import run_record

        terminal.write_json([run_record(summary) for summary in found])
    elif found:
        terminal.show(terminal.out(), _table(found))
    else:
        terminal.out().print("no runs" if state else "no runs yet: `bakeoff run` makes the first one")


def _page(limit: int, state: "RunState | None", config: "ConfigFile") -> "Sequence[RunSummary]":
    from bakeoff.store.bakeoffs.run_rows import page
    from bakeoff.store.database import schema_version

    context = project_access.open_project(config)
    if not context.has_database():
        return []
    schema_version.ensure(context.engine)
    return page(context.engine, limit=limit, state=state)


def _parsed_state(text: str | None) -> "RunState | None":
    from bakeoff.domain.errors import InvalidInputError
    from bakeoff.domain.runs.run import RunState

    if text is not None and text not in list(RunState):
        raise InvalidInputError(f"--state is {text!r}: expected one of {', '.join(RunState)}")
    return None if text is None else RunState(text)


def _table(found: "Sequence[RunSummary]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from bakeoff.cli.output.runs import state_words

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    prioritised = any(summary.run.priority for summary in found)
    for name in ("run", "name", "dataset", "state", "jobs", "began", *(["priority"] if prioritised else [])):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for summary in found:
        run = summary.run
        table.add_row(
            Text(run.id[:8], "bold"),
            Text(terminal.clean(run.name)),
            _subject(run),
            Text.assemble(
                state_words.glyph(run.state),
                " ",
                (state_words.words(run.state), state_words.style(run.state)),
            ),
            state_words.counts(summary.jobs),
            Text(_local_time(run.created_at), "dim"),
            *([_priority(run)] if prioritised else []),
        )
    return table


def _subject(run: "Run") -> "Text":
    from rich.text import Text

    text = Text(terminal.clean(run.dataset.name))
    return text if run.signals is None else text.append(f" as of {run.signals.as_of}", "dim")


def _priority(run: "Run") -> "Text":
    from rich.text import Text

    return Text(f"{run.priority:+}" if run.priority else "")


def _local_time(moment: "datetime") -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")
