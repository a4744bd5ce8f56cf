import pytest

from bakeoff.domain.runs.job import MOVES, JobState
from bakeoff.domain.runs.run import RunState


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("queued", "running"),
        ("queued", "cancelled"),
        ("running", "queued"),
        ("running", "completed"),
        ("running", "failed"),
        ("running", "timed_out"),
        ("running", "cancelled"),
        ("running", "waiting"),
        ("waiting", "queued"),
        ("waiting", "stopped"),
        ("waiting", "cancelled"),
    ],
)
def test_a_job_moves_along_the_arrows(before: str, after: str) -> None:
    assert JobState(after) in MOVES[JobState(before)]


def test_there_are_no_arrows_but_these() -> None:
    assert sum(len(targets) for targets in MOVES.values()) == 11


def test_a_job_has_ended_in_one_of_five_states() -> None:
    assert [state for state in JobState if state.has_ended] == [
        "completed",
        "failed",
        "timed_out",
        "cancelled",
        "stopped",
    ]


def test_a_run_has_ended_in_one_of_four_states() -> None:
    assert [state for state in RunState if state.has_ended] == ["completed", "partial", "failed", "cancelled"]


def test_the_states_are_the_words_that_leave_the_system() -> None:
    assert [str(state) for state in JobState] == [
        "queued",
        "running",
        "waiting",
        "completed",
        "failed",
        "timed_out",
        "cancelled",
        "stopped",
    ]
    assert [str(state) for state in RunState] == [
        "queued",
        "running",
        "completed",
        "partial",
        "failed",
        "cancelled",
    ]
