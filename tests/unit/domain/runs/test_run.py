import pytest

from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import end_of_run


@pytest.mark.parametrize(
    ("completed", "failed", "timed_out", "cancelled", "end"),
    [
        (1, 0, 0, 0, "completed"),
        (7, 0, 0, 0, "completed"),
        (0, 1, 0, 0, "failed"),
        (0, 0, 1, 0, "failed"),
        (0, 2, 3, 0, "failed"),
        (1, 1, 0, 0, "partial"),
        (1, 0, 1, 0, "partial"),
        (5, 1, 1, 0, "partial"),
        (0, 0, 0, 1, "cancelled"),
        (9, 0, 0, 1, "cancelled"),
        (0, 1, 0, 1, "cancelled"),
        (1, 1, 1, 1, "cancelled"),
    ],
)
def test_the_end_of_a_run_follows_from_the_ends_of_its_jobs(
    completed: int, failed: int, timed_out: int, cancelled: int, end: str
) -> None:
    jobs = {
        JobState.COMPLETED: completed,
        JobState.FAILED: failed,
        JobState.TIMED_OUT: timed_out,
        JobState.CANCELLED: cancelled,
    }

    assert end_of_run(jobs) == end
    assert end_of_run({state: n for state, n in jobs.items() if n}) == end
