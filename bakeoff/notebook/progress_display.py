"""The progress of a run: a bar in a terminal and in Jupyter, one line for each candidate in a log."""

import html
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TextIO

from bakeoff.cli.output import states_and_findings
from bakeoff.cli.output.number_format import duration, plain
from bakeoff.cli.output.runs.poll_run import PolledRun
from bakeoff.cli.output.terminal import clean
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.metric_names_and_scoring_rules import short_name
from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.run import seconds_left

if TYPE_CHECKING:
    from bakeoff.operations.context import Context

_PATIENCE_S = 10.0
_REDRAWN_AFTER_S = 0.3


class ProgressDisplay(AbstractContextManager["ProgressDisplay"], Protocol):
    def update(self, polled: PolledRun) -> None: ...


def display_for(context: "Context", *, wanted: bool | None) -> ProgressDisplay:
    """`wanted`: None shows what fits the place; False shows nothing."""
    if wanted is False:
        return _Nothing()
    if is_in_jupyter():
        return _JupyterProgress()
    if sys.stderr.isatty():
        from bakeoff.cli.output import terminal
        from bakeoff.cli.output.runs.poll_run import LiveLeader
        from bakeoff.cli.output.runs.run_progress import LiveProgress
        from bakeoff.operations.judging.compute_run_verdict import verdict_so_far

        return LiveProgress(terminal.err(), LiveLeader(lambda run: verdict_so_far(context, run)))
    return LinePerCandidate(sys.stderr)


def is_in_jupyter() -> bool:
    """Whether this process is the kernel of a notebook, which shows HTML."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return getattr(shell, "kernel", None) is not None


class _Nothing:
    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def update(self, polled: PolledRun) -> None:
        """Nothing is shown."""


class LinePerCandidate(_Nothing):
    """For logs: one line when a candidate has ended, and why nothing runs if nothing does."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._told: set[str] = set()
        self._waiting_since: float | None = None
        self._has_told_why = False

    def update(self, polled: PolledRun) -> None:
        for job in polled.jobs:
            if job.state.has_ended and job.id not in self._told:
                self._told.add(job.id)
                place = f"{len(self._told)}/{len(polled.jobs)}"
                self._write(f"bakeoff: {place} {line_of(job, polled)}")
        self._note_waiting(polled.waiting)

    def _note_waiting(self, why: str | None) -> None:
        """Why nothing runs is told once, and not while a worker is merely being started."""
        if why is None:
            self._waiting_since = None
            return
        now = time.monotonic()
        self._waiting_since = self._waiting_since or now
        if now > self._waiting_since + _PATIENCE_S and not self._has_told_why:
            self._has_told_why = True
            self._write(f"bakeoff: waiting: {why}")

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


def line_of(job: Job, polled: PolledRun) -> str:
    """`forest f1 0.953 in 1.2 s`, or why it has no result."""
    took_s = None if job.ended_at is None else polled.seconds_of(job)
    took = "" if took_s is None else f" in {duration(took_s)}"
    if job.state is JobState.COMPLETED:
        score = f"{short_name(polled.run.rules.metrics[0])} {plain(polled.scores.get(job.id))}"
        return f"{job.candidate.id} {score}{took or ', reused'}"
    why = clean(f": {job.error.type}: {job.error.message}").split("\n", 1)[0] if job.error else ""
    return f"{job.candidate.id} {states_and_findings.words(job.state)}{took}{why}"


class _JupyterProgress(_Nothing):
    """A bar in the output of the cell, which is emptied at the end: the result takes its place."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._handle: Any = None
        self._shown = ""
        self._shown_at = 0.0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.update(_Html(""))

    def update(self, polled: PolledRun) -> None:
        """Each change is a message to the browser, so there are few of them."""
        text = bar_html(polled)
        if text == self._shown or self._clock() < self._shown_at + _REDRAWN_AFTER_S:
            return
        self._shown, self._shown_at = text, self._clock()
        if self._handle is None:
            self._handle = import_module("IPython.display").display(_Html(text), display_id=True)
        else:
            self._handle.update(_Html(text))


class _Html:
    def __init__(self, text: str) -> None:
        self._text = text

    def _repr_html_(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return ""


def bar_html(polled: PolledRun) -> str:
    total, ended = len(polled.jobs), polled.ended
    running = [job.candidate.id for job in polled.jobs if job.state is JobState.RUNNING]
    words = [f"{ended} of {total}"]
    if running:
        words.append(f"fitting {', '.join(running)}")
    if polled.run.started_at is not None:
        elapsed = max(0.0, (utc_now() - polled.run.started_at).total_seconds())
        left = seconds_left(polled.jobs, elapsed)
        words.append(duration(elapsed) + (f", about {duration(left)} left" if left else ""))
    if polled.waiting:
        words.append(f"waiting: {polled.waiting}")
    bar = f'<progress value="{ended}" max="{total}" style="width:16em;vertical-align:middle"></progress>'
    return f"<div>{bar} <small>{html.escape(' · '.join(words))}</small></div>"
