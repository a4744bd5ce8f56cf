"""A worker of its own for a project of usual settings, begun before this process knows more than its folder.

To read the configuration, and to ask whether a worker is there already, takes imports of half a second. The
worker and its oven load their libraries meanwhile, if no worker listens to the embedded Redis of the project.
That is a guess: one that is there all the same does no harm, since all serve alike. Quick to import.
"""

import os
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from bakeoff.broker import EVALUATIONS, embedded_redis
from bakeoff.settings import FILE_VARIABLE
from bakeoff.worker import early_oven
from bakeoff.worker.celery_process import worker_command

OWNED = "--for-owner"  #: a worker that ends with the process at the other end of its standard input


def begin_worker(file: Path, root: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes] | None":
    """Begins it for the project with this configuration file.

    None: a worker may be there already, or none can be started. Whoever needs one then says why.
    """
    data_dir = root / "data"
    if not embedded_redis.nobody_listens(data_dir):
        return None
    command = [*worker_command(EVALUATIONS, owned_name()), *early_oven.argument(root), OWNED]
    with suppress(OSError):  # a full disk, a folder that cannot be written to, too many processes
        return start_process(
            command,
            log=data_dir / "logs" / "worker.log",
            environment={**environment, FILE_VARIABLE: str(file)},
        )
    return None


def owned_name() -> str:
    return f"owned-{os.getpid()}"


def start_process(
    command: list[str], *, log: Path, environment: Mapping[str, str], passed_on: Iterable[int] = ()
) -> "subprocess.Popen[bytes]":
    """Starts it in a session of its own, so that Ctrl-C does not reach it.

    It notices by its standard input when this process dies.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            bufsize=0,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
            pass_fds=tuple(passed_on),
        )
