"""The progress of a run that is followed: a live table and bar on a terminal, else a line for each change."""

from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bakeoff.cli.output import states_and_findings
from bakeoff.cli.output.number_format import duration, plain
from bakeoff.cli.output.runs.poll_run import LiveLeader, PolledRun
from bakeoff.cli.output.terminal import clean
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.metric_names_and_scoring_rules import short_name
from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.run import seconds_left

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console, RenderableType

_MOST_JOBS = 20
_LINES_BELOW = 5
_REFRESH_HZ = 4
_BAR_WIDTH = 32
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_LONGEST_NAME = 36


class LiveProgress:
    """Progress on a terminal: jobs, bar, time left, and who leads. It disappears when closed."""

    def __init__(self, console: "Console", leader: LiveLeader) -> None:
        self._console = console
        self._leader = leader
        self._polled: PolledRun | None = None
        self._live = Live(
            get_renderable=self._render, console=console, refresh_per_second=_REFRESH_HZ, transient=True
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def update(self, polled: PolledRun) -> None:
        self._polled = polled

    def _render(self) -> "RenderableType":
        if self._polled is None:
            return Text()
        room = max(3, min(_MOST_JOBS, self._console.height - _LINES_BELOW))
        leader = self._leader.text(self._polled.run, self._polled.count(JobState.COMPLETED))
        return render(self._polled, now=utc_now(), room=room, leader=leader)


def render(
    polled: PolledRun, *, now: "datetime", room: int = _MOST_JOBS, leader: str | None = None
) -> "RenderableType":
    """`room`: how many jobs are listed at most."""
    shown = _choose(polled.jobs, room)
    parts: list[RenderableType] = [
        Text(),
        _jobs(polled, shown, now),
        Text(),
        _summary_row(polled, len(shown), now),
    ]
    if leader:
        parts.append(Text(clean(leader), "cyan"))
    if polled.waiting:
        parts.append(Text(f"waiting: {clean(polled.waiting)}", "yellow"))
    return Group(*parts)


def _choose(jobs: Sequence[Job], room: int) -> Sequence[Job]:
    """All jobs if they fit; else the running ones, and above them those that ended last."""
    if len(jobs) <= room:
        return jobs
    running = [job for job in jobs if job.state is JobState.RUNNING][:room]
    ended = sorted((job for job in jobs if job.ended_at), key=lambda job: str(job.ended_at))
    left = room - len(running)
    return [*(ended[-left:] if left else []), *running]


def _jobs(polled: PolledRun, shown: Sequence[Job], now: "datetime") -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=1)
    table.add_column(no_wrap=True, max_width=_LONGEST_NAME, overflow="ellipsis")
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right", min_width=6)
    table.add_column(no_wrap=True, overflow="ellipsis")
    for job in shown:
        style = "dim" if job.state in {JobState.QUEUED, JobState.STOPPED} else ""
        table.add_row(
            _sign(job, now),
            Text(job.candidate.id, style),
            Text(states_and_findings.words(job.state), states_and_findings.style(job.state)),
            Text(_time_of(job, polled, now), "dim"),
            _remark(job, polled),
        )
    return table


def _sign(job: Job, now: "datetime") -> Text:
    if job.state is not JobState.RUNNING:
        return states_and_findings.glyph(job.state)
    frame = int(now.timestamp() * _REFRESH_HZ) % len(_SPINNER)
    return Text(_SPINNER[frame], states_and_findings.style(job.state))


def _time_of(job: Job, polled: PolledRun, now: "datetime") -> str:
    took_s = replace(polled, at=now).seconds_of(job)
    return "" if took_s is None else duration(took_s)


def _remark(job: Job, polled: PolledRun) -> Text:
    if job.state is JobState.RUNNING:
        again = f", attempt {job.attempt} of {job.max_attempts}" if job.attempt > 1 else ""
        return Text(f"{job.node}{_fold_of(job, polled)}{again}", "dim")
    if job.state is JobState.COMPLETED:
        return Text(f"{short_name(polled.run.rules.metrics[0])} {plain(polled.scores.get(job.id))}")
    if job.state in {JobState.WAITING, JobState.STOPPED}:
        folds = f"{polled.folds_done.get(job.id, 0)} of {polled.run.dataset.design.fits} folds"
        return Text(f"after {folds}" if job.state is JobState.STOPPED else f"{folds} done", "dim")
    if job.error is not None:
        return Text(clean(f"{job.error.type}: {job.error.message}").split("\n", 1)[0], "red")
    return Text()


def _fold_of(job: Job, polled: PolledRun) -> str:
    """Which fold a job is at; of one split nothing."""
    design, done = polled.run.dataset.design, polled.folds_done.get(job.id, 0)
    if design.fits == 1:
        return ""
    return f", {design.fold_title(done)}" if done < design.fits else ", the model to save"


def _summary_row(polled: PolledRun, shown: int, now: "datetime") -> Table:
    row = Table.grid(padding=(0, 2, 0, 0))
    bar = ProgressBar(total=len(polled.jobs), completed=polled.ended, width=_BAR_WIDTH)
    parts: list[RenderableType] = [
        bar,
        Text(f"{polled.ended}/{len(polled.jobs)}", "bold"),
        _elapsed_and_left(polled, now),
    ]
    if shown < len(polled.jobs):
        parts.append(states_and_findings.counts({state: polled.count(state) for state in JobState}))
    row.add_row(*parts)
    return row


def _elapsed_and_left(polled: PolledRun, now: "datetime") -> Text:
    if polled.run.started_at is None:
        return Text("starting", "dim")
    elapsed = max(0.0, (now - polled.run.started_at).total_seconds())
    left = seconds_left(polled.jobs, elapsed)
    return Text(duration(elapsed) + (f", about {duration(left)} left" if left else ""), "dim")


class LineProgress:
    """Progress without a terminal: one line for each change of a job."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._known: dict[str, tuple[JobState, int]] = {}
        self._waiting: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def update(self, polled: PolledRun) -> None:
        for job in polled.jobs:
            now = (job.state, job.attempt)
            before = self._known.get(job.id, (JobState.QUEUED, 0))
            # That a job of a race waits for others, is queued with no attempt lost, and goes on, is no news.
            is_back = polled.run.is_race and job.state is JobState.QUEUED and job.attempt < before[1]
            if now == before or is_back or job.state is JobState.WAITING:
                continue
            self._write(_job_line(job, polled))
            self._known[job.id] = now
        if polled.waiting and polled.waiting != self._waiting:
            self._write(f"waiting: {polled.waiting}")
        self._waiting = polled.waiting

    def _write(self, line: str) -> None:
        """Bypasses the buffer of the console: Ctrl-C at the wrong moment would print its content twice."""
        self._console.file.write(line + "\n")
        self._console.file.flush()


def _job_line(job: Job, polled: PolledRun) -> str:
    return f"{job.candidate.id}: {states_and_findings.words(job.state)}{_details(job, polled)}"


def _details(job: Job, polled: PolledRun) -> str:
    """What follows the state in a line: node, result or error."""
    if job.state is JobState.RUNNING:
        return f" on {job.node}{_fold_of(job, polled)}" + (
            f", attempt {job.attempt}" if job.attempt > 1 else ""
        )
    if job.state is JobState.COMPLETED:
        score = f"{short_name(polled.run.rules.metrics[0])} {plain(polled.scores.get(job.id))}"
        return f"{_took(job, polled)}, {score}"
    if job.state is JobState.STOPPED:
        done, fits = polled.folds_done.get(job.id, 0), polled.run.dataset.design.fits
        return f" after {done} of {fits} folds: it is shown not to be the best"
    if job.error is not None:
        return f"{_took(job, polled)}: {clean(f'{job.error.type}: {job.error.message}').splitlines()[0]}"
    return ", its worker is gone, it will be tried again" if job.attempt and not job.state.has_ended else ""


def _took(job: Job, polled: PolledRun) -> str:
    took_s = None if job.ended_at is None else polled.seconds_of(job)
    return "" if took_s is None else f" in {duration(took_s)}"
