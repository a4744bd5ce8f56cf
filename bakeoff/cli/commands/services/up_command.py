"""`bakeoff up`: start all services on one machine, and keep them running until the user stops them."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.commands.services.worker_command import LogLevel
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from rich.table import Table

    from bakeoff.operations.context import Context
    from bakeoff.settings.configuration import Configuration
    from bakeoff.worker.process_supervisor import Child

_SLOW_AFTER_S = 60.0
_PROBE_S = 1.0
_FORKED = 4  #: services of ours, which come first


def up(  # noqa: PLR0917 - one parameter for each option
    flower: Annotated[
        bool, typer.Option("--flower", help="Start Flower, too: the dashboard of Celery.")
    ] = False,
    eval_workers: Annotated[
        int | None, typer.Option(metavar="N", help="How many evaluations run at once.", show_default=False)
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="The address that the API listens on.", show_default=False),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="N", help="The port of the API; 0 takes a free one.", show_default=False),
    ] = None,
    flower_port: Annotated[
        int, typer.Option(metavar="N", help="The port of Flower; 0 takes a free one.", min=0, max=65535)
    ] = 5555,
    log_level: Annotated[
        LogLevel, typer.Option("--log-level", case_sensitive=False, help="The lowest level that is logged.")
    ] = LogLevel.INFO,
    config: ConfigFile = None,
) -> None:
    """Start all services on one machine, and restart those that die.

    The services are the embedded Redis if there is no other broker, both nodes of the worker, beat for the
    schedules, the HTTP API, and with --flower the dashboard.

    Ctrl-C or SIGTERM stops them: running jobs may go on for some seconds and are then queued again.  A second
    Ctrl-C stops all at once.
    """
    from bakeoff.settings import log_setup
    from bakeoff.store.database import schema_version
    from bakeoff.worker import forked_module, run_celery_nodes
    from bakeoff.worker.process_supervisor import supervise
    from bakeoff.worker.temporary.worker_for_command_run import stop_idle
    from registry.catalog.models_yaml_schema import read

    context = project_access.open_project(config, evalWorkers=eval_workers, apiHost=host, apiPort=port)
    configuration = context.configuration
    log_setup.set_up(log_level, configuration.settings.log_format)
    configuration.logs.mkdir(parents=True, exist_ok=True)
    services = [
        *_nodes(context, log_level),
        _beat(configuration, log_level),
        _api(configuration, log_level),
        *([_flower(configuration, flower_port)] if flower else []),
    ]
    for service in services[:_FORKED]:
        service.child.is_forked = True
    schema_version.ensure(context.engine)
    read(configuration.catalog_file)
    context.broker.hold_or_fail()
    stop_idle(context)  # a worker that a run has left would take memory, and jobs
    forked_module.load(run_celery_nodes.MODULES)
    context.engine.dispose()  # a forked child must not inherit a connection
    supervise(
        [service.child for service in services], meanwhile=_StartAnnouncer(services, configuration).check
    )


@dataclass(frozen=True, kw_only=True)
class _Service:
    child: "Child"
    what: str  #: shown to the user: where it is, or what it does
    answers: Callable[[], bool]


def _nodes(context: "Context", log_level: str) -> list[_Service]:
    from bakeoff.worker.process_supervisor import AskedByChild
    from bakeoff.worker.run_celery_nodes import nodes

    configuration = context.configuration
    evaluating, controlling = nodes(configuration, log_level, logs=configuration.logs)
    settings, machine = configuration.settings, configuration.settings.node
    return [
        _Service(
            child=evaluating,
            what=f"{settings.eval_workers} evaluations at once on {settings.node}",
            answers=AskedByChild(lambda: context.messenger.worker_answers(f"eval@{machine}")),
        ),
        _Service(
            child=controlling,
            what="everything else",
            answers=AskedByChild(lambda: context.messenger.worker_answers(f"control@{machine}")),
        ),
    ]


def _beat(configuration: "Configuration", log_level: str) -> _Service:
    from bakeoff.worker.run_celery_nodes import beat

    names = ", ".join(configuration.settings.scheduled)
    child = beat(configuration, log_level)
    return _Service(
        child=child,
        what=f"schedules: {names}; see `bakeoff schedules`" if names else "no schedules",
        answers=child.is_alive,
    )


def _api(configuration: "Configuration", log_level: str) -> _Service:
    """Binds its port once before any service starts: a port that is taken is an error at once."""
    from bakeoff.api.listening_socket import listen, url_of
    from bakeoff.worker.process_supervisor import Child

    settings = configuration.settings
    with listen(settings.api_host, settings.api_port) as free:
        url, port = url_of(free), free.getsockname()[1]
    command = (
        sys.executable,
        "-P",
        "-m",
        "bakeoff.cli.main",
        "api",
        "--port",
        str(port),
        "--log-level",
        log_level,
    )
    return _Service(
        child=Child(
            name="api",
            command=command,
            environment={**os.environ, **configuration.as_environment()},
            log=configuration.logs / "api.log",
            is_vital=False,
        ),
        what=f"{url}, for browsers and programs",
        answers=lambda: _answers_http(settings.api_host, port, "/health/live"),
    )


def _flower(configuration: "Configuration", port: int) -> _Service:
    from bakeoff.worker import flower_process

    found = _checked_port(flower_process.HOST, port)
    file = _relative(flower_process.password_file(configuration), configuration)
    who = f"user {flower_process.USER}, password in {file}"
    if flower_process.is_told_by_environment():
        who = "user and password from FLOWER_BASIC_AUTH"
    return _Service(
        child=flower_process.child(configuration, port=found),
        what=f"http://{flower_process.HOST}:{found}, {who}",
        answers=lambda: _answers_http(flower_process.HOST, found, flower_process.OPEN_PAGE),
    )


def _checked_port(host: str, port: int) -> int:
    from bakeoff.domain.errors import InfrastructureError

    try:
        with socket.create_server((host, port)) as free:
            return int(free.getsockname()[1])
    except OSError as exc:
        raise InfrastructureError(
            f"Flower cannot listen on {host}, port {port}: {os.strerror(exc.errno or 0)}; is another "
            "one running? choose with --flower-port"
        ) from exc


def _answers_http(host: str, port: int, path: str) -> bool:
    connection = HTTPConnection(host, port, timeout=_PROBE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500  # noqa: PLR2004 - of the protocol
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


class _StartAnnouncer:
    """Announces once that all services answer, and where; or, after a minute, which do not answer yet."""

    def __init__(self, services: Sequence[_Service], configuration: "Configuration") -> None:
        self._services = services
        self._configuration = configuration
        self._awaited = list(services)
        self._slow_at = time.monotonic() + _SLOW_AFTER_S
        terminal.announce("starting " + ", ".join(service.child.name for service in services))

    def check(self) -> bool:
        """Whether some are still awaited."""
        if not self._awaited:
            return False
        self._awaited = [service for service in self._awaited if not service.answers()]
        if not self._awaited:
            self._announce_all_up()
        elif time.monotonic() > self._slow_at:
            self._announce_slow_ones()
        return bool(self._awaited)

    def _announce_all_up(self) -> None:
        if terminal.err().is_terminal:
            terminal.show(terminal.err(), _table(self._rows()))
        else:
            for name, what, log in self._rows():
                terminal.announce(f"{name}: {what}" + (f"; {log}" if log else ""))
        terminal.announce("all is up; Ctrl-C stops it")

    def _rows(self) -> Iterator[tuple[str, str, str]]:
        for service in self._services:
            log = service.child.log
            yield (
                service.child.name,
                service.what,
                f"log {_relative(log, self._configuration)}" if log else "",
            )
        yield "redis", _broker_address(self._configuration), ""

    def _announce_slow_ones(self) -> None:
        for service in self._awaited:
            terminal.announce(f"{service.child.name} does not answer yet: see {service.child.log}")
        self._slow_at = float("inf")


def _table(lines: Iterator[tuple[str, str, str]]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    for name, what, log in lines:
        table.add_row(Text(name, "bold"), Text(terminal.clean(what)), Text(log, "dim"))
    return table


def _broker_address(configuration: "Configuration") -> str:
    from bakeoff.domain.wording import masked

    given = configuration.settings.broker_url
    return (
        masked(given)
        if given
        else f"embedded, in {_relative(configuration.data_dir / 'redis', configuration)}"
    )


def _relative(path: Path, configuration: "Configuration") -> str:
    """The path relative to the project folder, if it is inside."""
    root = configuration.root.resolve()
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
