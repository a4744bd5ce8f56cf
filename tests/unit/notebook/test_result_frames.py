"""Frames of a result."""

from typing import Any

import pytest

from bakeoff.domain.errors import InvalidInputError
from bakeoff.notebook.results.result_frames import wrong_rows


@pytest.mark.parametrize(
    ("asked", "problem"), [({"offset": -1}, "offset is -1"), ({"limit": -3}, "limit is -3")]
)
def test_fewer_rows_than_none_are_refused_and_not_counted_from_the_end(
    asked: dict[str, int], problem: str
) -> None:
    nothing_is_read: Any = None

    with pytest.raises(InvalidInputError, match=f"{problem}: give a number of rows, 0 or more"):
        wrong_rows(nothing_is_read, "run", "tree", **{"offset": 0, "limit": None, **asked})
