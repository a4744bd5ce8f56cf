"""The saver: a process that judges runs that save models or that nobody judged, saves models, and ends.

It also makes the looks of races that nobody made, judges the suites whose runs are all judged, and starts the
runs of those whose own process died before it had started them all.

The main process of each worker starts it when there is something to do. It is a process of its own because
the pool processes are the slots of evaluations, the main loop must not wait, and there may be no control
node. Its memory, with the backend of the registry, is freed when it ends.
"""

import os
import subprocess
import sys
from contextlib import suppress

from bakeoff.domain.machine.faster_process_start_and_end import collect_seldom, run_and_end
from bakeoff.domain.machine.own_packages_and_disk_space import SOURCES
from bakeoff.domain.machine.work_in_thread import StoppedError
from bakeoff.operations.context import Context
from bakeoff.settings import log_setup
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import saving_rows, suite_rows
from bakeoff.store.bakeoffs.results import race_rows, verdict_rows
from registry.code.cell_import_and_readable_paths import import_path


class Saver:
    """The saver of one worker, which runs once at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._process: subprocess.Popen[bytes] | None = None
        self._unjudged: set[str] = set()  #: runs that were due to be judged at the last look
        self._suites: set[str] = set()  #: suites that were
        self._rounds: set[tuple[str, int]] = set()  #: rounds of races that were over

    def start_if_due(self) -> bool:
        """Whether there is something to look at again, or a saver at work."""
        if self.is_running():
            return True
        # The process that ends a run, or a round, judges it within a second. If one is due at two checks, it
        # has died.
        engine = self._context.engine
        unjudged = set(verdict_rows.due(engine))
        # A suite is judged by whoever shows it, or else here: the others may be closed by then. Once: what
        # cannot be judged must not start a process at each look.
        suites = set(suite_rows.to_be_judged(engine))
        rounds = set(race_rows.due(engine))
        waiting = verdict_rows.due(engine, for_saver=True) or saving_rows.due(engine)
        left = self._unjudged & unjudged or self._rounds & rounds
        if is_due := bool(left or suites - self._suites or waiting or suite_rows.are_due(engine)):
            self._process = self._start()
        self._unjudged, self._suites, self._rounds = unjudged, suites, rounds
        return is_due or bool(unjudged or rounds)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> "subprocess.Popen[bytes]":
        configuration = self._context.configuration
        path = os.pathsep.join([str(SOURCES), *import_path(configuration.root)])
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "bakeoff.worker.judge_and_save_process"],
            env={**os.environ, **configuration.as_environment(), "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
        )


def main() -> None:
    collect_seldom()
    from bakeoff.operations.doorbells import ring_next
    from bakeoff.operations.judging.judge_ended_runs import judge_beside_production, judge_what_is_due
    from bakeoff.operations.judging.race_rounds import look_where_rounds_are_over
    from bakeoff.operations.runs.save_winners import save_due_models
    from bakeoff.operations.suites.start_suite import start_due_members
    from bakeoff.operations.suites.suite_report import judge_due_suites

    context = Context(load())
    log_setup.set_up("INFO", context.configuration.settings.log_format)
    if look_where_rounds_are_over(context):
        ring_next(context)
    judge_what_is_due(context)
    with suppress(StoppedError):
        for run_id in verdict_rows.due(context.engine, for_saver=True):
            judge_beside_production(context, run_id)
            context.event_relay.publish_pending()
            # Before the next run is judged: that is then compared with what this one puts into Production.
            save_due_models(context)
        save_due_models(context)
    judge_due_suites(context)
    if suite_rows.are_due(context.engine):  # last: it reads data, and what waits above is ready
        context.make_project_importable()
        start_due_members(context)


if __name__ == "__main__":
    run_and_end(main)
