"""`bakeoff db`: the schema of the database."""

from typing import Annotated, Any

import typer

from cli import project, terminal
from cli.project import ConfigFile

app = typer.Typer(
    help="Look at the database's schema, and upgrade it.", no_args_is_help=True, add_completion=False
)

_AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command()
def upgrade(as_json: _AsJson = False, config: ConfigFile = None) -> None:
    """Bring the schema up to this version. Stop the workers first."""
    from store import schema
    from tasks import wiring

    project.open_project(config)
    schema.upgrade(wiring.engine())
    _tell(as_json=as_json)


@app.command()
def current(as_json: _AsJson = False, config: ConfigFile = None) -> None:
    """Say which schema the database has, and which one this version needs."""
    if project.has_database(project.open_project(config)):
        _tell(as_json=as_json)
    elif as_json:
        terminal.write_json(_record(None))
    else:
        terminal.out().print("there is no database yet: `bakeoff run` makes it")


def _tell(*, as_json: bool) -> None:
    from store import schema
    from tasks import wiring

    found = schema.current(wiring.engine())
    where = wiring.engine().url.render_as_string(hide_password=True)
    if as_json:
        terminal.write_json(_record(found))
        return
    state = (
        "up to date" if found == schema.HEAD else f"this version needs {schema.HEAD}: `bakeoff db upgrade`"
    )
    terminal.out().print(f"{where} has schema {found}: {state}")


def _record(found: str | None) -> dict[str, Any]:
    from store import schema

    return {"current": found, "needed": schema.HEAD}
