"""What a plan says that options cost beside the fits."""

from typing import Any

import pytest
from fixtures.values.samples import a_run

from bakeoff.operations.runs.plan_preview import RunAhead

IMPORTANCE = "importance, too, in 60 s more at most, or in 25 % of its time limit if that is less"
SHUFFLE = "fitted to shuffled labels, too: 2 times on average, 10 at most, within 300 s"
COST = {"refits": 10, "refitsOnAverage": 2, "secondsAtMost": 300.0}


@pytest.mark.parametrize(
    ("importance", "cost", "ends"),
    [(False, None, []), (True, None, [IMPORTANCE]), (True, COST, [SHUFFLE, IMPORTANCE])],
)
def test_it_names_each_option_that_takes_more_than_fits(
    cost: dict[str, Any] | None, ends: list[str], *, importance: bool
) -> None:
    plan: Any = None  # not asked for what it holds
    run = a_run(options={"importance": True} if importance else {})
    ahead = RunAhead(run=run, plan=plan, prospects=[], detectable=None, shuffle_cost=cost)

    said = ahead.beside_fits
    assert len(said) == len(ends)
    assert all(one.endswith(end) for one, end in zip(said, ends, strict=True))
