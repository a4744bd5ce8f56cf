"""`bakeoff events`: print the events that are published to other services, and follow them."""

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Engine

    from bakeoff.domain.event import Event

_POLL_S = 0.5


def events(  # noqa: PLR0917 - one parameter for each option
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN", help="Only of this run: its id, the first characters of it, or its name."
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print new events until the run has ended.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="How many past events.")] = 20,
    kind: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Only those whose type begins like this.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, one envelope per line.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of an event.")] = False,
    config: ConfigFile = None,
) -> None:
    """Print the events of runs, and follow them.

    These are the events of the stream ml:run-events. They are read from the database: no broker is needed.
    """
    if schema:
        from bakeoff.events.event_stream import SCHEMA

        sys.stdout.write(SCHEMA.read_text(encoding="utf-8"))
        return
    context = project_access.open_project(config)
    engine = project_access.existing_database(context)
    type_prefix = _checked_type_prefix(kind)
    for event in _events(engine, run, limit, follow=follow):
        if event.type.startswith(type_prefix):
            _write(event, as_json=as_json)


def _checked_type_prefix(prefix: str | None) -> str:
    from bakeoff.domain.errors import InvalidInputError
    from bakeoff.domain.event import EventType

    if prefix and not any(kind.startswith(prefix) for kind in EventType):
        raise InvalidInputError(f"--type is {prefix!r}: there are {', '.join(EventType)}")
    return prefix or ""


def _events(engine: "Engine", run: str | None, limit: int, *, follow: bool) -> "Iterator[Event]":
    from bakeoff.store.bakeoffs import run_rows
    from bakeoff.store.bakeoffs.outbox import OutboxTail

    run_id = None if run is None else run_rows.find(engine, run)
    tail = OutboxTail(engine, run_id=run_id)
    yield from tail.latest(limit)
    while follow:
        is_over = run_id is not None and run_rows.get(engine, run_id).state.has_ended
        yield from tail.more()
        if is_over:
            return
        time.sleep(_POLL_S)


def _write(event: "Event", *, as_json: bool) -> None:
    """Flushed at once, because another program may read the lines through a pipe as they come."""
    if as_json:
        from bakeoff.events.event_stream import envelope

        sys.stdout.write(json.dumps(envelope(event), ensure_ascii=False) + "\n")
        sys.stdout.flush()
        return
    from rich.text import Text

    line = Text.assemble(
        (event.occurred_at.astimezone().strftime("%H:%M:%S"), "dim"),
        "  ",
        (event.run_id[:8], "bold"),
        "  ",
        f"{event.type:<20}",
        "  ",
        terminal.clean("  ".join(_details(event))),
    )
    terminal.out().print(line, soft_wrap=True)
    sys.stdout.flush()


def _details(event: "Event") -> "Iterable[str]":
    from bakeoff.cli.output.number_format import plain
    from bakeoff.domain.event import EventType

    payload = event.payload
    if event.type is EventType.RUN_COMPLETED:
        return (payload["status"], ", ".join(f"{count} {state}" for state, count in payload["jobs"].items()))
    if event.type is EventType.SIGNAL_GENERATED:
        counts = [f"{number} {signal}" for signal, number in payload["distribution"].items() if number]
        return (f"as of {payload['asOf']}", ", ".join(counts), f"{payload['conflicts']} in conflict")
    model = f"{payload['modelId']} {payload['modelVersion']}"
    match event.type:
        case EventType.EVALUATION_COMPLETED:
            metrics = ", ".join(f"{name} {plain(value)}" for name, value in payload["metrics"].items())
            return (model, metrics, *(["reused"] if payload["reusedFrom"] else []))
        case EventType.EVALUATION_FAILED:
            error = payload["error"]
            return (model, f"{error['type']}: {error['message']}".splitlines()[0])
        case _:
            return (model,)
