"""Only what has changed is paid for: what a second run of the same takes over, and what it does not."""

import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from fixtures.projects.project import Project, a_project, celery_app
from fixtures.values.changing import State
from sqlalchemy import update
from typer.testing import CliRunner, Result

from bakeoff.cli.main import app
from bakeoff.domain.event import Event
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef
from bakeoff.evaluation.datasets.pin_snapshot import pin
from bakeoff.evaluation.datasets.read_snapshot import open_snapshot
from bakeoff.evaluation.datasets.snapshot_layout import OPEN, folder_of
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from bakeoff.evaluation.planning.run_plan import make_plan
from bakeoff.operations.runs.start_run import run_of, write_and_ring
from bakeoff.store.bakeoffs import cancellation, job_queries, run_rows
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import writing

CANDIDATES = {
    "means": {"path": "Means"},
    "other": {"path": "Means", "params": {"spread": 0.1}},
    "dices": {"path": "Dices"},
    "checked": {"path": "Means", "params": {"spread": 0.2}},
    "gone": {"path": "Means", "params": {"spread": 0.3}},
    "forged": {"path": "Means", "params": {"spread": 0.4}},
    "saved": {"path": "Means", "params": {"spread": 0.6}},
    "edited": {"path": "Waits"},
    "new": {"path": "Means", "params": {"spread": 0.8}},
    "breaks": {"path": "Means", "params": {"spread": 0.7}},
}
STEPS = 30
METRIC = "def share(y_true, y_pred):\n    return float((y_true == y_pred).mean())\n"


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    with a_project(CANDIDATES) as project:
        (project.folder / "own_metric.py").write_text(METRIC)
        gate = str(project.gate("edited"))
        project.write_catalog({**CANDIDATES, "edited": {"path": "Waits", "params": {"gate": gate}}})
        State().write(project.folder)
        with project.worker(PYTHONPATH=f"{project.folder}:{project.folder}/site-packages"):
            yield project


@pytest.fixture(autouse=True)
def _as_in_the_worker(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(project.folder / "site-packages")
    monkeypatch.syspath_prepend(project.folder)


@pytest.fixture(autouse=True)
def _nothing_was_fitted_before(project: Project) -> None:
    """In whatever order the tests run."""
    project.forget()


def run(project: Project, *models: str, **request: Any) -> str:
    """As anybody would: what can be taken over, is."""
    return project.run(*models, **{"fresh": False, **request})


def origins(project: Project, run_id: str) -> dict[str, str | None]:
    return {model: result.reused_from for model, result in project.results(run_id).items()}


def ids(project: Project, run_id: str) -> dict[str, str]:
    return {model: result.evaluation_id for model, result in project.results(run_id).items()}


def told(events: list[Event]) -> list[str]:
    return [str(event.type) for event in events]


def bakeoff(project: Project, *arguments: str) -> Result:
    """In this process, whose catalog is loaded; the worker is there."""
    return CliRunner().invoke(app, [*arguments, "--config", str(project.file)], catch_exceptions=False)


def edit(project: Project, old: str, new: str) -> None:
    gallery = project.folder / "plugins" / "gallery.py"
    text = gallery.read_text()
    assert old in text
    gallery.write_text(text.replace(old, new))


def test_the_same_again_is_over_at_once_without_a_fit(project: Project) -> None:
    first = run(project, "means", "other", baseline=True)
    again = project.start("means", "other", baseline=True, fresh=False)

    assert project.state(again) == "completed"
    assert origins(project, again) == ids(project, first)
    assert project.metrics(again) == project.metrics(first)
    assert {job.attempt for job in project.jobs(again).values()} == {0}
    assert told(project.wait_for_events(again)) == ["evaluation.completed"] * 3 + ["run.completed"]
    assert project.wait_for_events(again)[0].payload["reusedFrom"] in ids(project, first).values()


def test_what_is_taken_over_again_names_the_evaluation_that_was_fitted(project: Project) -> None:
    first = run(project, "means", fresh=True)
    run(project, "means")

    assert origins(project, run(project, "means")) == ids(project, first)


def test_of_several_only_what_has_changed_is_fitted(project: Project) -> None:
    run(project, "means", "other")
    again = run(project, "means", "other", "checked", fresh=False)

    assert {model: job.attempt for model, job in project.jobs(again).items()} == {
        "means": 0,
        "other": 0,
        "checked": 1,
    }


def test_who_wants_it_afresh_has_it_fitted(project: Project) -> None:
    run(project, "means")

    assert origins(project, run(project, "means", fresh=True)) == {"means": None}


@pytest.mark.parametrize("changed", [{"seed": 1}, {"test_size": 0.5}])
def test_other_data_or_another_seed_is_another_fit(project: Project, changed: dict[str, Any]) -> None:
    run(project, "means")

    assert origins(project, run(project, "means", **changed)) == {"means": None}


@pytest.mark.parametrize("metric", ["balanced_accuracy", "own_metric:share"])
def test_a_new_metric_costs_no_fit(project: Project, metric: str) -> None:
    """Not even one of somebody's own, which a worker measures, as ever."""
    first = run(project, "means", fresh=True)
    again = run(project, "means", metrics=["accuracy", metric])

    assert origins(project, again) == ids(project, first)
    expected = project.metrics(first)["means"]["accuracy"]
    assert project.metrics(again) == {"means": {"accuracy": expected, metric: pytest.approx(expected)}}
    assert project.log(again, "means") == ""
    assert told(project.wait_for_events(again)) == ["evaluation.completed", "run.completed"]


def test_predictions_that_are_gone_are_made_again(project: Project) -> None:
    first = run(project, "gone")
    project.configuration.predictions_of(first, ids(project, first)["gone"]).unlink()
    again = run(project, "gone", metrics=["balanced_accuracy"])

    assert origins(project, again) == {"gone": None}
    assert told(project.wait_for_events(again)) == [
        "evaluation.started",
        "evaluation.completed",
        "run.completed",
    ]


def test_predictions_that_are_not_those_that_were_stored_are_made_again(project: Project) -> None:
    first = run(project, "forged")
    file = project.configuration.predictions_of(first, ids(project, first)["forged"])
    file.write_bytes(file.read_bytes()[:-8] + b"\1" * 8)
    again = run(project, "forged", metrics=["accuracy", "balanced_accuracy"])

    assert origins(project, again) == {"forged": None}
    assert project.metrics(again)["forged"]["accuracy"] == project.metrics(first)["forged"]["accuracy"]


def test_who_was_seen_to_predict_something_else_each_time_is_always_fitted(project: Project) -> None:
    run(project, "dices", repeat_check=True)

    assert origins(project, run(project, "dices")) == {"dices": None}


def test_a_second_fit_is_not_made_twice(project: Project) -> None:
    once = run(project, "checked")
    twice = run(project, "checked", repeat_check=True)
    again = run(project, "checked", repeat_check=True)

    assert origins(project, twice) == {"checked": None}
    assert origins(project, again) == ids(project, twice)
    assert project.results(again)["checked"].details["deterministic"] is True
    assert once != twice


def test_a_run_that_saves_fits_what_it_saves(project: Project) -> None:
    run(project, "saved", baseline=True)
    saving = run(project, "saved", baseline=True, save="all", save_as="kept")
    found = origins(project, saving)

    assert found["saved"] is None
    assert found["dummy"] is not None


@contextmanager
def nobody_takes_jobs() -> Iterator[None]:
    celery_app().control.broadcast("cancel_consumer", {"queue": "evaluations"}, reply=True, limit=1)
    try:
        yield
    finally:
        celery_app().control.broadcast("add_consumer", {"queue": "evaluations"}, reply=True, limit=1)


def test_the_code_that_counts_is_that_which_was_imported(project: Project) -> None:
    """And not that which was there when the run was asked for."""
    with nobody_takes_jobs():
        waiting = project.start("other", fresh=True)
        edit(project, "far[1] < far[0]", "far[1] > far[0]")
    project.wait_for_end(waiting)
    as_edited = run(project, "other")
    edit(project, "far[1] > far[0]", "far[1] < far[0]")
    as_before = run(project, "other")

    assert origins(project, as_edited) == ids(project, waiting)
    assert origins(project, as_before) != ids(project, waiting)
    assert project.metrics(as_before) != project.metrics(as_edited)


def test_a_comment_is_no_change(project: Project) -> None:
    first = run(project, "other", fresh=True)
    edit(project, "noise += random.gauss", "# so be it\n        noise += random.gauss")
    again = run(project, "other")
    edit(project, "# so be it\n        noise += random.gauss", "noise += random.gauss")

    assert origins(project, again) == ids(project, first)


def test_code_that_was_edited_while_a_job_ran_tells_nothing_of_its_result(project: Project) -> None:
    """Not even if the change was undone before it ended."""
    project.gate("edited").unlink(missing_ok=True)
    run_id = project.start("edited", fresh=False)
    project.wait_until_fitting(run_id, "edited")
    edit(project, "far[1] < far[0]", "far[1] > far[0]")
    edit(project, "far[1] > far[0]", "far[1] < far[0]")
    project.gate("edited").touch()
    project.wait_for_end(run_id)
    planned = bakeoff(project, "plan", "tiny", "--models", "edited", "--no-baseline", "--json")

    [said] = json.loads(planned.stdout)["candidates"]
    assert (
        said["why"] == "it is not known whether it would predict the same: its code was changed while it ran"
    )
    assert origins(project, run(project, "edited")) == {"edited": None}


def test_what_takes_longest_starts_first(project: Project) -> None:
    """As far as that is known; what is not known goes before."""
    for model, minutes in (("means", 1), ("other", 9)):
        a_fit_that_took(project, model, minutes)
    with nobody_takes_jobs():
        run_id = project.start("means", "new", "other")
        order = [job.candidate.id for job in job_queries.of_run(project.engine, run_id)]
        cancellation.cancel_run(project.engine, run_id)

    assert order == ["new", "other", "means"]


def a_fit_that_took(project: Project, model: str, minutes: float) -> None:
    """A result of this minute."""
    earlier = run(project, model, fresh=True)
    with writing(project.engine) as connection:
        long = update(all_tables.results).where(all_tables.results.c.run_id == earlier)
        connection.execute(long.values(duration_s=60 * minutes))


def test_a_plan_tells_what_would_be_done_and_why_and_does_nothing(project: Project) -> None:
    first = run(project, "means")
    run(project, "other")
    number = len(run_rows.page(project.engine, limit=1000))
    asked = ("plan", "tiny", "--models", "means,other", "--no-baseline")
    plan = json.loads(bakeoff(project, *asked, "--json").stdout)
    other_seed = json.loads(bakeoff(project, *asked, "--seed", "99", "--json").stdout)
    other_metric = json.loads(bakeoff(project, *asked, "--metrics", "balanced_accuracy", "--json").stdout)

    found = {one["modelId"]: one for one in plan["candidates"]}
    assert (found["means"]["action"], found["means"]["expectedSeconds"]) == ("reuse", 0.0)
    assert found["means"]["reusedFrom"] == (origins(project, first)["means"] or ids(project, first)["means"])
    assert plan["datasetName"] == "tiny"
    assert {one["why"] for one in other_seed["candidates"]} == {"changed: data, seed"}
    assert {one["action"] for one in other_seed["candidates"]} == {"run"}
    assert {one["action"] for one in other_metric["candidates"]} == {"score"}
    assert len(run_rows.page(project.engine, limit=1000)) == number


def test_a_plan_is_a_table_for_people(project: Project) -> None:
    first = run(project, "means", fresh=True)
    lines = bakeoff(project, "plan", "tiny", "--models", "means", "--no-baseline").stdout.splitlines()

    assert lines[1].split() == ["model", "action", "expected", "why"]
    assert lines[2].split(maxsplit=4) == [
        "means",
        "reuse",
        "0.0",
        "s",
        f"nothing has changed since run {first[:8]}",
    ]
    assert "0 of 1 candidate to fit" in lines


def test_a_run_says_how_much_of_it_was_reused(project: Project) -> None:
    run(project, "means")
    asked = ("run", "tiny", "--models", "means", "--no-baseline", "--no-worker")
    again, fresh = bakeoff(project, *asked).stdout, bakeoff(project, *asked, "--fresh").stdout
    shown = bakeoff(project, "show", "--format", "md").stdout

    assert "reused     1 of 1 candidate: `bakeoff plan` says why" in again
    assert "reused     1 of 1 result" in again
    assert again.splitlines()[-1].endswith(", reused")
    assert "reused" not in fresh + shown


def test_what_is_fitted_again_is_equal(project: Project) -> None:
    reused = run(project, "means")
    reused = run(project, "means")
    by_model = bakeoff(project, "reproduce", reused, "means", "--no-worker")
    by_id = bakeoff(project, "reproduce", ids(project, reused)["means"][:12], "--no-worker", "--json")

    assert (by_model.exit_code, by_id.exit_code) == (0, 0)
    assert "predicts   equal, bit for bit" in by_model.stdout
    told = json.loads(by_id.stdout)
    assert (told["equal"], told["differing"], told["changed"]) == (True, 0, [])
    assert told["evaluationId"] == origins(project, reused)["means"]
    assert told["manifest"]["after"]["packages"]["numpy"]
    assert told["metrics"]["before"] == told["metrics"]["after"]


def test_what_is_not_equal_is_told_with_what_has_changed(project: Project) -> None:
    first = run(project, "dices", fresh=True)
    by_chance = bakeoff(project, "reproduce", first, "dices", "--no-worker")
    first = run(project, "other", fresh=True)
    edit(project, "far[1] < far[0]", "far[1] > far[0]")
    edited = bakeoff(project, "reproduce", first, "other", "--no-worker", "--json")
    edit(project, "far[1] > far[0]", "far[1] < far[0]")

    assert (by_chance.exit_code, edited.exit_code) == (1, 1)
    assert re.search(r"predicts   something else in \d+ of 20 rows\n\Z", by_chance.stdout)
    assert json.loads(edited.stdout)["changed"] == [{"what": "code", "before": None, "after": None}]


def test_what_cannot_be_fitted_again_ends_as_a_run_does(project: Project) -> None:
    first = run(project, "breaks")
    edit(project, "values, labels =", "raise OSError('no licence')\n        values, labels =")
    found = bakeoff(project, "reproduce", first, "breaks", "--no-worker")
    edit(project, "raise OSError('no licence')\n        values, labels =", "values, labels =")
    failed = run_rows.page(project.engine, limit=1)[0].run.id
    nothing = bakeoff(project, "reproduce", failed, "breaks")

    assert found.exit_code == 3
    assert "OSError: no licence" in found.stdout
    assert nothing.exit_code == 2
    assert "(breaks) is failed: it has no result to reproduce" in nothing.stderr


def evaluated(project: Project, state: State) -> tuple[list[int], Any, DatasetRef]:
    """The predictions, the result, and the data."""
    state.write(project.folder)
    request = RunRequest(dataset="tiny", models=["means"], baseline=False, seed=state.seed)
    plan = make_plan(request, catalog=project.context.catalog, configuration=project.configuration, pin=pin)
    run_id = new_id()
    write_and_ring(project.context, run_of(plan, run_id=run_id), [state.candidate], fresh=False)
    project.wait_for_end(run_id)
    result = project.results(run_id)["changing"]
    fitted = job_queries.get(project.engine, result.reused_from or result.evaluation_id)
    file = project.configuration.predictions_of(fitted.run_id, fitted.id)
    return np.load(file).tolist(), result, plan.dataset


def test_whatever_is_changed_nothing_stale_is_taken_over(project: Project) -> None:
    """Nor is anything fitted again that was fitted before as it is now."""
    choice, state, before = random.Random(7), State(), dict[State, str]()
    data = (project.folder / "data.csv").read_text()
    for _ in range(STEPS):
        state = state.changed(choice)
        predicted, result, pinned = evaluated(project, state)
        folder = folder_of(project.configuration.snapshots, pinned.dataset_id, pinned.split_id)
        expected = state.predictions(open_snapshot(folder / OPEN).X_train, len(predicted))

        assert predicted == expected, state
        assert result.reused_from == before.get(state), state
        before.setdefault(state, result.evaluation_id)
    (project.folder / "data.csv").write_text(data)
    assert 10 < len(before) < STEPS
