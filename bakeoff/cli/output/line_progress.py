"""A run that is followed without a terminal: one line for each thing that happens."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

from bakeoff.cli.output import state_words
from bakeoff.cli.output.number_format import duration, plain
from bakeoff.cli.output.poll_run import Look
from bakeoff.cli.output.terminal import clean
from bakeoff.domain.job import Job, JobState

if TYPE_CHECKING:
    from rich.console import Console


class Lines:
    def __init__(self, console: "Console") -> None:
        self._console = console
        self._known: dict[str, tuple[JobState, int]] = {}
        self._waiting: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is left open."""

    def update(self, look: Look) -> None:
        for job in look.jobs:
            now = (job.state, job.attempt)
            if now != self._known.get(job.id, (JobState.QUEUED, 0)):
                self._say(_line(job, look))
            self._known[job.id] = now
        if look.waiting and look.waiting != self._waiting:
            self._say(f"waiting: {look.waiting}")
        self._waiting = look.waiting

    def _say(self, line: str) -> None:
        """Past the console's buffer, which Ctrl-C in the wrong moment would print twice."""
        self._console.file.write(line + "\n")
        self._console.file.flush()


def _line(job: Job, look: Look) -> str:
    return f"{job.candidate.id}: {state_words.words(job.state)}{what_of(job, look)}"


def what_of(job: Job, look: Look) -> str:
    """What there is to say beside the state."""
    if job.state is JobState.RUNNING:
        return f" on {job.node}" + (f", attempt {job.attempt}" if job.attempt > 1 else "")
    if job.state is JobState.COMPLETED:
        return f"{_took(job)}, {look.run.rules.metrics[0]} {plain(look.scores.get(job.id))}"
    if job.error is not None:
        return f"{_took(job)}: {clean(f'{job.error.type}: {job.error.message}').splitlines()[0]}"
    return ", its worker is gone, it will be tried again" if job.attempt and not job.state.has_ended else ""


def _took(job: Job) -> str:
    if job.started_at is None or job.ended_at is None:
        return ""
    return f" in {duration((job.ended_at - job.started_at).total_seconds())}"
