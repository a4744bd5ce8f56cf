"""`bakeoff db`: the schemas of the database of runs, and of the embedded registry's; and copies."""

from typing import TYPE_CHECKING, Any

import typer

from cli import project, terminal
from cli.backups import AsJson, backup, copy, restore
from cli.project import ConfigFile

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from config.loading import Configuration
    from store.schema import Branch

app = typer.Typer(
    help="Look at the database, upgrade it, back it up, restore it, move it.",
    no_args_is_help=True,
    add_completion=False,
)
app.command()(backup)
app.command()(restore)
app.command()(copy)


@app.command()
def upgrade(as_json: AsJson = False, config: ConfigFile = None) -> None:
    """Bring the schema up to this version. Stop the workers first."""
    from registry import opening
    from store import schema
    from tasks import wiring

    configuration = project.open_project(config)
    schema.upgrade(wiring.engine())
    registry = opening.database(configuration)
    if registry is not None:
        schema.upgrade(registry, branch=schema.Branch.REGISTRY)
    _tell(configuration, as_json=as_json)


@app.command()
def current(as_json: AsJson = False, config: ConfigFile = None) -> None:
    """Say which schema the database has, and which one this version needs; and that of the registry."""
    _tell(project.open_project(config), as_json=as_json)


def _tell(configuration: "Configuration", *, as_json: bool) -> None:
    from registry import opening
    from store.schema import Branch
    from tasks import wiring

    runs = wiring.engine() if wiring.has_database() else None
    registry = opening.database(configuration)
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
    from store import schema

    where, found = engine.url.render_as_string(hide_password=True), schema.current(engine)
    state = (
        "up to date" if found == branch.head else f"this version needs {branch.head}: `bakeoff db upgrade`"
    )
    return f"{where} has schema {found}: {state}"


def _record(engine: "Engine | None", branch: "Branch") -> dict[str, Any]:
    from store import schema

    return {"current": None if engine is None else schema.current(engine), "needed": branch.head}
