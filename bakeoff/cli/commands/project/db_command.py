"""`bakeoff db`: show and upgrade the schemas of the database of runs and of the embedded registry."""

from typing import TYPE_CHECKING, Any

import typer

from bakeoff.cli import project_access
from bakeoff.cli.commands.project.db_copy_commands import AsJson, backup, copy, restore
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from bakeoff.operations.context import Context
    from bakeoff.store.database.schema_version import Branch

app = typer.Typer(
    help="Show, upgrade, back up, restore and move the database.",
    no_args_is_help=True,
    add_completion=False,
)
app.command()(backup)
app.command()(restore)
app.command()(copy)


@app.command()
def upgrade(as_json: AsJson = False, config: ConfigFile = None) -> None:
    """Upgrade the schema to the one that this version needs. Stop the workers first."""
    from bakeoff.store.database import schema_version
    from registry.models import registry_opening

    context = project_access.open_project(config)
    configuration = context.configuration
    schema_version.upgrade(context.engine)
    registry = registry_opening.database(configuration)
    if registry is not None:
        schema_version.upgrade(registry, branch=schema_version.Branch.REGISTRY)
    _show_schemas(context, as_json=as_json)


@app.command()
def current(as_json: AsJson = False, config: ConfigFile = None) -> None:
    """Show which schema the database and the registry have, and which this version needs."""
    _show_schemas(project_access.open_project(config), as_json=as_json)


def _show_schemas(context: "Context", *, as_json: bool) -> None:
    from bakeoff.store.database.schema_version import Branch
    from registry.models import registry_opening

    runs = context.engine if context.has_database() else None
    registry = registry_opening.database(context.configuration)
    if as_json:
        found = None if registry is None else _record(registry, Branch.REGISTRY)
        terminal.write_json({**_record(runs, Branch.RUNS), "registry": found})
        return
    lines = [
        _line(engine, branch)
        for engine, branch in ((runs, Branch.RUNS), (registry, Branch.REGISTRY))
        if engine
    ]
    terminal.out().print(
        "\n".join(lines) or "there is no database yet: `bakeoff run` makes it", soft_wrap=True
    )


def _line(engine: "Engine", branch: "Branch") -> str:
    from bakeoff.store.database import schema_version

    where, found = engine.url.render_as_string(hide_password=True), schema_version.current(engine)
    state = (
        "up to date" if found == branch.head else f"this version needs {branch.head}: `bakeoff db upgrade`"
    )
    return f"{where} has schema {found}: {state}"


def _record(engine: "Engine | None", branch: "Branch") -> dict[str, Any]:
    from bakeoff.store.database import schema_version

    return {"current": None if engine is None else schema_version.current(engine), "needed": branch.head}
