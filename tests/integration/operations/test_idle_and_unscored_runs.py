"""What is said of runs that have no job at work, and of runs whose metric scored nobody."""

from types import SimpleNamespace
from typing import Any

import pytest
import typer
from fixtures.values.samples import a_result
from fixtures.values.stored import a_stored_run, claim
from sqlalchemy import Engine

from bakeoff.cli.output.runs.follow_run import exit_with_state_of
from bakeoff.operations.doorbells import why_nothing_runs
from bakeoff.store.bakeoffs import leased_jobs, run_rows


def a_context(engine: Engine, *, slots: int) -> Any:
    """A broker that answers, and so many slots."""
    return SimpleNamespace(
        engine=engine,
        shared_caps=SimpleNamespace(present=lambda: SimpleNamespace(overall=slots)),
        broker=SimpleNamespace(is_running=lambda: True),
    )


def test_slots_are_taken_by_other_runs_only_if_other_runs_have_them(engine: Engine) -> None:
    others, [elsewhere] = a_stored_run(engine, 1, id="other-run", name="other")
    claim(engine, elsewhere)
    ours, queued = a_stored_run(engine, 2)

    assert why_nothing_runs(a_context(engine, slots=1), [ours.id]).startswith(
        "all 1 slots are taken by other"
    )
    assert why_nothing_runs(a_context(engine, slots=1), [others.id]) == ""
    claim(engine, queued[0])
    assert why_nothing_runs(a_context(engine, slots=2), [ours.id]) == ""


@pytest.mark.parametrize(("score", "code"), [(None, 3), (0.5, 0)])
def test_a_run_whose_metric_scores_nobody_ends_as_one_with_failures(
    engine: Engine, score: float | None, code: int
) -> None:
    run, [job] = a_stored_run(engine, 1)
    metrics = dict.fromkeys(run.rules.metrics, score)
    assert leased_jobs.complete(engine, claim(engine, job).lease, a_result(job, metrics=metrics))
    ended = run_rows.get(engine, run.id)
    assert ended.state == "completed"

    said = 0
    try:
        exit_with_state_of(_judged_leniently(engine), ended)
    except typer.Exit as exit_:
        said = exit_.exit_code
    assert said == code


def _judged_leniently(engine: Engine) -> Any:
    settings = SimpleNamespace(strict=False)
    return SimpleNamespace(engine=engine, configuration=SimpleNamespace(settings=settings))
