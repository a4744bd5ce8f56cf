"""Which fits of a run that asks for importance measure it."""

from pathlib import Path
from typing import Any

import pytest
from fixtures.values.samples import a_candidate, a_job, a_run

from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import (
    EvaluationUnderWay,
    Grant,
    JobPaths,
    StopsNever,
)

HERE = Path("/nowhere")


@pytest.mark.parametrize(
    ("changed", "wants"),
    [
        ({}, True),
        ({"fold": 1, "is_part": True}, True),
        ({"refit": True}, False),
        ({"shuffled": 0}, False),  # its predictions on shuffled columns would be thrown away
    ],
)
def test_a_fit_that_is_no_result_does_not(changed: dict[str, Any], *, wants: bool) -> None:
    run = a_run(options={"importance": True})
    paths = JobPaths(root=HERE, closed=(), snapshot=HERE, log=HERE / "log", predictions=HERE / "p.npy")
    evaluation = EvaluationUnderWay(
        job=a_job(run, candidate=a_candidate()),
        run=run,
        paths=paths,
        grant=Grant(threads=1, memory_mb=None),
        permission=StopsNever(),
        **changed,
    )

    assert evaluation.wants_importance is wants
    assert bool(paths.permuted.keys() & evaluation.outputs.keys()) is wants
