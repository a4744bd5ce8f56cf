"""Frames of a result."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from fixtures.values.samples import a_run

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.job import JobState
from bakeoff.notebook.results.result_frames import run_list, wrong_rows
from bakeoff.store.bakeoffs.run_rows import RunSummary


@pytest.mark.parametrize(
    ("asked", "problem"), [({"offset": -1}, "offset is -1"), ({"limit": -3}, "limit is -3")]
)
def test_fewer_rows_than_none_are_refused_and_not_counted_from_the_end(
    asked: dict[str, int], problem: str
) -> None:
    nothing_is_read: Any = None

    with pytest.raises(InvalidInputError, match=f"{problem}: give a number of rows, 0 or more"):
        wrong_rows(nothing_is_read, "run", "tree", **{"offset": 0, "limit": None, **asked})


def test_the_list_of_runs_says_when_each_began_and_ended() -> None:
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC)
    runs = [a_run(id="1" * 36, created_at=noon, ended_at=noon), a_run(id="2" * 36, created_at=noon)]
    found = run_list([RunSummary(run=one, jobs={JobState.COMPLETED: 2}) for one in runs])

    assert (found.created_at == noon).all()
    assert found.ended_at["1" * 36] == noon
    assert found.ended_at["2" * 36] is pd.NaT
    assert found.ended_at.dtype == run_list([]).ended_at.dtype == found.created_at.dtype
