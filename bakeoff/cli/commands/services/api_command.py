"""`bakeoff api`: serve the HTTP API and the pages; `bakeoff api token`: make a token for a user of them."""

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
        str | None, typer.Option(metavar="ADDRESS", help="The address to listen on.", show_default=False)
    ] = None,
    port: Annotated[
        int | None, typer.Option(metavar="N", help="The port; 0 takes a free one.", show_default=False)
    ] = None,
    log_level: Annotated[
        LogLevel, typer.Option("--log-level", case_sensitive=False, help="The lowest level that is logged.")
    ] = LogLevel.INFO,
    config: ConfigFile = None,
) -> None:
    """Serve the HTTP API and the pages until they are stopped.

    While there is no token, every user of this machine may use them, and they listen on loopback only.
    The API starts runs; `bakeoff worker` executes them.
    """
    if config is not None:
        project_access.remember(config)
    if context.invoked_subcommand is not None:
        return
    from bakeoff.api.api_process import serve
    from bakeoff.settings import log_setup
    from bakeoff.web.page_app import make_pages

    project = project_access.open_project(config, apiHost=host, apiPort=port)
    log_setup.set_up(log_level, project.configuration.settings.log_format)
    serve(project, say=terminal.announce, pages=make_pages)


@app.command()
def token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The owner of the token.")],
    role: Annotated[str, typer.Option(metavar="user|admin", help="The role of the owner.")] = "user",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Make a token, and print it. It is printed only once: the file stores its hash.

    To revoke a token, remove its line from the file.  A running API picks up both changes.
    """
    from bakeoff.api.security.tokens import Role, add
    from bakeoff.domain.errors import InvalidInputError

    if role not in list(Role):
        raise InvalidInputError(f"--role is {role!r}: expected one of {', '.join(Role)}")
    file = project_access.open_project(config).configuration.tokens_file
    new_token = add(file, name, Role(role))
    if as_json:
        terminal.write_json({"name": name, "role": role, "token": new_token, "file": str(file)})
    else:
        terminal.out().print(new_token)
        terminal.err().print(
            f"{name} has the role {role} with this token; its hash is in {file}", soft_wrap=True
        )
