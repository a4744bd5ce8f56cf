"""`bakeoff api`: the HTTP API, and the tokens of those who may use it."""

from typing import Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.commands.services.worker_command import LogLevel
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

app = typer.Typer(invoke_without_command=True, add_completion=False)


@app.callback()
def api(
    context: typer.Context,
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Where to listen.", show_default=False)
    ] = None,
    port: Annotated[
        int | None, typer.Option(metavar="N", help="0 takes one that is free.", show_default=False)
    ] = None,
    log_level: Annotated[
        LogLevel, typer.Option("--log-level", case_sensitive=False, help="How much it says.")
    ] = LogLevel.INFO,
    config: ConfigFile = None,
) -> None:
    """Serve the HTTP API until told to stop.

    Without tokens it is open to all users of this machine, and to nobody else: it listens on loopback.
    It starts runs; `bakeoff worker` carries them out.
    """
    if config is not None:
        project_access.remember(config)
    if context.invoked_subcommand is not None:
        return
    from bakeoff.api.api_process import serve
    from bakeoff.settings import log_setup

    project = project_access.open_project(config, apiHost=host, apiPort=port)
    log_setup.set_up(log_level, project.configuration.settings.log_format)
    serve(project, say=terminal.announce)


@app.command()
def token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is, for people to read.")],
    role: Annotated[str, typer.Option(metavar="user|admin", help="What it allows.")] = "user",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Make a token, and print it: this once, since only its hash is kept.

    To take it back, remove its line from the file.  A running API notices both.
    """
    from bakeoff.api.security.tokens import Role, add
    from bakeoff.domain.errors import InvalidInputError

    if role not in list(Role):
        raise InvalidInputError(f"--role is {role!r}: expected one of {', '.join(Role)}")
    file = project_access.open_project(config).configuration.tokens_file
    made = add(file, name, Role(role))
    if as_json:
        terminal.write_json({"name": name, "role": role, "token": made, "file": str(file)})
    else:
        terminal.out().print(made)
        terminal.err().print(f"{name} is {role} with it; its hash is in {file}", soft_wrap=True)
