"""`bakeoff gc`: remove data that nothing refers to any more."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from datetime import timedelta

    from bakeoff.operations.upkeep.collect_garbage import Garbage, GarbageFiles

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def gc(
    keep: Annotated[
        str | None,
        typer.Option(
            metavar="AGE",
            help="Also remove runs that ended longer ago than this: 12h, 30d, 8w. By default all runs stay.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be removed, and remove nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Remove data that nothing refers to any more.

    These are the snapshots, predictions, logs and fitted models of no run, and with --keep the old runs.

    Backups stay, and so does each run that a retry or a model of the registry refers to.
    """
    from bakeoff.operations.upkeep import collect_garbage
    from bakeoff.store.database import schema_version

    age = None if keep is None else _age(keep)
    context = project_access.open_project(config)
    schema_version.ensure(project_access.existing_database(context))
    found = (collect_garbage.find_garbage if dry_run else collect_garbage.remove_garbage)(context, age)
    if as_json:
        terminal.write_json({"dryRun": dry_run, **_record(found)})
    else:
        _show(found, dry_run=dry_run)


def _age(text: str) -> "timedelta":
    from datetime import timedelta

    from bakeoff.domain.errors import InvalidInputError

    found = re.fullmatch(r"(\d{1,6})([hdw])", text)
    if found is None:
        raise InvalidInputError(f"--keep is {text!r}: expected a number of hours, days or weeks, such as 30d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _record(found: "Garbage") -> dict[str, Any]:
    piles = {kind: {"number": pile.number, "bytes": pile.bytes} for kind, pile in _piles(found).items()}
    return {"runs": {"number": found.runs}, **piles, "bytes": found.bytes}


def _piles(found: "Garbage") -> "dict[str, GarbageFiles]":
    return {
        "snapshots": found.snapshots,
        "predictions": found.predictions,
        "logs": found.logs,
        "fitted": found.fitted,
        "unfinished": found.unfinished,
    }


def _show(found: "Garbage", *, dry_run: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("what")
    table.add_column("number", justify="right")
    table.add_column("MB", justify="right")
    table.add_row("runs", f"{found.runs:,}", "")
    for kind, pile in _piles(found).items():
        table.add_row(kind, f"{pile.number:,}", _mb(pile.bytes))
    outcome = "would be removed" if dry_run else "removed"
    terminal.show(terminal.out(), table, Text(), Text(f"{_mb(found.bytes)} MB {outcome}"))


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f}"
