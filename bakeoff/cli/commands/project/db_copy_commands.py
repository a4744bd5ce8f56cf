"""`bakeoff db backup`, `db restore` and `db copy`: copy the database of runs, and put a copy back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile
from bakeoff.domain.wording import counted

if TYPE_CHECKING:
    from bakeoff.store.database.backup import BackupCopy

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


def backup(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="By default a file in backups/, named by the time.", show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")] = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Copy the database to a file. Runs may go on meanwhile."""
    from bakeoff.store.database.backup import back_up

    context = project_access.open_project(config)
    configuration = context.configuration
    place = file or configuration.backups / f"bakeoff-{_time_stamp()}.db"
    with terminal.measured(terminal.err(), "copying the database") as progress:
        copy = back_up(context.engine, place.absolute(), progress, force=force)
    if as_json:
        terminal.write_json(_copy_record(copy))
    else:
        terminal.out().print(
            f"{place}: {copy.bytes / 1e6:,.1f} MB, {counted(copy.runs, 'run')}", soft_wrap=True
        )


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `bakeoff db backup` wrote.")],
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Replace the database by a copy, and keep the old one beside it. Stop the workers first."""
    from bakeoff.store.database import backup, schema_version

    context = project_access.open_project(config)
    configuration = context.configuration
    database = configuration.database_file or file
    former = database.with_name(f"{database.stem}-before-{_time_stamp()}{database.suffix}")
    with terminal.measured(terminal.err(), "restoring the database") as progress:
        restored = backup.restore(context.engine, file.absolute(), former, progress)
    current = restored.copy.schema == schema_version.HEAD
    if as_json:
        kept = str(restored.former) if restored.former else None
        terminal.write_json({**_copy_record(restored.copy), "former": kept, "needsUpgrade": not current})
        return
    show = terminal.out().print
    show(f"restored {counted(restored.copy.runs, 'run')} from {file}", soft_wrap=True)
    if restored.former:
        show(f"the database from before is kept as {restored.former}", soft_wrap=True)
    show(
        "next: `bakeoff worker` goes on with the runs that had not ended"
        if current
        else "next: `bakeoff db upgrade`"
    )


def copy(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="URL",
            show_default=False,
            help="The target, such as postgresql+psycopg://user@host/name.",
        ),
    ],
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Copy all rows into an empty database on a PostgreSQL server. Stop the workers first."""
    from bakeoff.store.database import database_copy, schema_version
    from bakeoff.store.database.engine_and_transactions import open_database

    source, target = project_access.existing_database(project_access.open_project(config)), open_database(to)
    with terminal.measured(terminal.err(), "copying the rows") as progress:
        rows = database_copy.copy(source, target, progress)
    shown = target.url.render_as_string(hide_password=True)
    if as_json:
        terminal.write_json({"to": shown, "schema": schema_version.HEAD, "rows": dict(rows)})
        return
    show = terminal.out().print
    show(f"{counted(sum(rows.values()), 'row')} copied to {shown}", soft_wrap=True)
    show("next: set databaseUrl to it, check with `bakeoff doctor`, and start the workers")


def _time_stamp() -> str:
    from bakeoff.domain.ids_and_times import utc_now

    return utc_now().strftime("%Y%m%dT%H%M%SZ")


def _copy_record(copy: "BackupCopy") -> dict[str, Any]:
    return {"file": str(copy.file), "bytes": copy.bytes, "schema": copy.schema, "runs": copy.runs}
