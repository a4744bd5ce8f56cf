"""`python -P -m bakeoff.worker.celery_process worker ...`: Celery's own command line, with our application.

Celery imports the application from the current folder first, where a project may have a `tasks.py` of its
own. Here ours is imported before Celery looks for it.
"""

import importlib
import sys

from bakeoff.domain.machine.folders import SOURCES
from bakeoff.domain.machine.short_lived import collect_seldom

#: What starts a process of Celery; a command such as `worker` follows. -P: not from the current folder.
COMMAND = (sys.executable, "-P", "-m", "bakeoff.worker.celery_process", "-A", "tasks", "--quiet")
#: An argument of this module alone: the worker has an oven, which is started before all else.
OVEN_FIRST = "--oven-first"


def main() -> None:
    collect_seldom()
    if OVEN_FIRST in sys.argv:
        from bakeoff.worker.worker_oven import start_early

        sys.argv.remove(OVEN_FIRST)
        start_early()
    from celery.__main__ import main as celery

    sys.path.insert(0, str(SOURCES))  # before the entries of PYTHONPATH, which may be those of a project
    importlib.import_module("tasks.celery")
    sys.path.remove(str(SOURCES))
    celery()


if __name__ == "__main__":
    main()
