"""How states of jobs and runs are shown: word, colour and sign."""

from collections.abc import Mapping

from rich.text import Text

from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import RunState

_LOOKS: Mapping[str, tuple[str, str]] = {
    JobState.QUEUED: ("·", "dim"),
    JobState.RUNNING: ("▸", "cyan"),
    JobState.WAITING: ("·", "cyan"),
    JobState.COMPLETED: ("✓", "green"),
    RunState.PARTIAL: ("◐", "yellow"),
    JobState.FAILED: ("✗", "red"),
    JobState.TIMED_OUT: ("✗", "red"),
    JobState.CANCELLED: ("○", "yellow"),
    JobState.STOPPED: ("■", "dim"),
}


def glyph(state: JobState | RunState) -> Text:
    sign, colour = _LOOKS[state]
    return Text(sign, colour)


def style(state: JobState | RunState) -> str:
    return _LOOKS[state][1]


def words(state: JobState | RunState) -> str:
    return state.replace("_", " ")


def signed(state: JobState | RunState) -> Text:
    """`✓ completed`."""
    return Text.assemble(glyph(state), " ", (words(state), style(state)))


def counts(jobs: Mapping[JobState, int]) -> Text:
    """`9 completed, 2 failed`: the states that occur, in the order of a job's life."""
    said = [Text(f"{jobs[state]:,} {words(state)}", style(state)) for state in JobState if jobs.get(state)]
    return Text(", ").join(said)
