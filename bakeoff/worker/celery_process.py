"""`python -P -m bakeoff.worker.celery_process worker ...`: Celery's own command line, with our application.

Celery imports the application from the current folder first, where a project may have a `tasks.py` of its
own. Here ours is imported before Celery looks for it.

A worker is Celery's command `worker` alone, and beat its command `beat`: the whole program imports all of its
commands and those of plugins, Flower among them, which takes longer than all that these need of Celery.
"""

import importlib
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from bakeoff.cell.inside.cell_main import THREAD_VARIABLES
from bakeoff.domain.machine.faster_process_start_and_end import collect_seldom
from bakeoff.domain.machine.own_packages_and_disk_space import own_packages_first
from bakeoff.worker import early_oven

if TYPE_CHECKING:
    from celery import Celery

_PROCESS = (sys.executable, "-P", "-m", "bakeoff.worker.celery_process")  # -P: not from the current folder
#: What starts a process of Celery's whole program; a command such as that of a plugin follows.
COMMAND = (*_PROCESS, "-A", "tasks", "--quiet")
#: What starts beat; its options follow.
BEAT = (*_PROCESS, "beat")
_ALONE = ("worker", "beat")  #: commands of Celery that are run without its whole program
_HEARTBEAT_S = 10  #: for Flower, which misses a worker after twice as long; our leases do without
#: What starts a worker; its options follow.
WORKER = (*_PROCESS, "worker")


def worker_command(queue: str, name: str, log_level: str = "INFO", *, node: str | None = None) -> list[str]:
    """`node`: the name of this machine; None: its host name."""
    quiet = ["--without-gossip", "--without-mingle", "--heartbeat-interval", str(_HEARTBEAT_S)]
    return [*WORKER, "-l", log_level, *quiet, "-Q", queue, "-n", f"{name}@{node or '%h'}"]


def main() -> None:
    collect_seldom()
    early_oven.start_first(sys.argv)
    # Verdicts are small. Threads of BLAS would burn the time of a core while they wait, from its import on.
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    with own_packages_first():
        application = importlib.import_module("tasks.celery")
    if sys.argv[1] in _ALONE:
        _run_alone(application.app, *sys.argv[1:])
    from celery.__main__ import main as celery

    celery()


def _run_alone(app: "Celery", name: str, *options: str) -> NoReturn:
    from celery.bin.base import CLIContext

    if name == "worker":
        from celery.bin.worker import worker as command
    else:
        from celery.bin.beat import beat as command
    command.params.extend(app.user_options[name])
    settings = CLIContext(app=app, no_color=False, workdir=None, quiet=True)
    command.main(
        list(options), prog_name=f"celery {name}", auto_envvar_prefix=f"CELERY_{name.upper()}", obj=settings
    )
    raise SystemExit


if __name__ == "__main__":
    main()
