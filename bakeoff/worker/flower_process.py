"""Flower, as `bakeoff up` starts it: on loopback, with a password."""

import os
import secrets
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile

from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.settings.configuration import Configuration
from bakeoff.worker import celery_process
from bakeoff.worker.process_supervisor import Child

HOST = "127.0.0.1"
USER = "bakeoff"
OPEN_PAGE = "/healthcheck"  #: needs no password; nor does /metrics

_AUTH = "FLOWER_BASIC_AUTH"
_RANDOM_BYTES = 18


def child(configuration: Configuration, *, port: int) -> Child:
    """The process of Flower. Its options are in its environment: other users can read command lines."""
    if find_spec("flower") is None:
        raise InvalidInputError("Flower is not installed: pip install 'bakeoff[dashboard]'")
    ours = {
        "FLOWER_ADDRESS": HOST,
        "FLOWER_PORT": str(port),
        "FLOWER_TASKS_COLUMNS": "name,args,state,received,runtime,worker",
        "FLOWER_UNAUTHENTICATED_API": "false",
        _AUTH: os.environ.get(_AUTH) or f"{USER}:{_password(password_file(configuration))}",
    }
    return Child(
        name="flower",
        command=(*celery_process.COMMAND, "flower"),
        environment={**os.environ, **configuration.as_environment(), **ours},
        log=configuration.logs / "flower.log",
        is_vital=False,
    )


def is_told_by_environment() -> bool:
    """Whether the user has set user and password of Flower in the environment."""
    return bool(os.environ.get(_AUTH))


def password_file(configuration: Configuration) -> Path:
    return configuration.data_dir / "flower-password"


def _password(file: Path) -> str:
    """The password. It is created once, atomically, in a file that only this user can read."""
    try:
        if not file.exists():
            with NamedTemporaryFile("w", dir=file.parent, prefix=".flower-") as made:
                made.write(secrets.token_urlsafe(_RANDOM_BYTES))
                made.flush()
                with suppress(FileExistsError):
                    os.link(made.name, file)
        return file.read_text("utf-8").strip()
    except OSError as exc:
        raise InfrastructureError(f"the password of Flower cannot be kept in {file}: {exc}") from exc
