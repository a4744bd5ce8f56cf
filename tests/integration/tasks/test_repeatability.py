"""The same candidate on the same data gives the same numbers: in a second fit, and in a process of ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.projects.project import Project, a_project

from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.runs.result import Result
from bakeoff.evaluation.datasets.pin_snapshot import pin
from bakeoff.evaluation.datasets.snapshot_layout import folder_of
from bakeoff.evaluation.jobs.in_process_job import evaluate_in_process
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from bakeoff.evaluation.planning.run_plan import make_plan
from bakeoff.operations.runs.start_run import unwritten_run

CANDIDATES = {"means": {"path": "Means"}, "dices": {"path": "Dices"}, "late": {"path": "RaisesLate"}}


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    with a_project(CANDIDATES) as project, project.worker():
        yield project


def rehearsed(project: Project, model: str) -> Result:
    request = RunRequest(dataset="tiny", models=[model], baseline=False)
    plan = make_plan(request, catalog=project.context.catalog, configuration=project.configuration, pin=pin)
    run, [job] = unwritten_run(project.context, plan, run_id=new_id())
    folder = folder_of(project.configuration.snapshots, run.dataset.dataset_id, run.dataset.split_id)
    return evaluate_in_process(job, run, root=project.configuration.root, snapshot=folder)


def files_in(folder: Path) -> set[Path]:
    return {file for file in folder.rglob("*") if "redis" not in file.parts}


def test_a_second_fit_tells_who_predicts_something_else(project: Project) -> None:
    found = project.results(project.run("means", "dices", repeat_check=True))

    assert found["means"].details["deterministic"] is True
    assert found["dices"].details["deterministic"] is False


def test_nobody_is_fitted_twice_unless_asked(project: Project) -> None:
    run_id = project.run("means")

    assert "deterministic" not in project.results(run_id)["means"].details


def test_the_second_fit_leaves_no_predictions_behind(project: Project) -> None:
    run_id = project.run("means", repeat_check=True)
    kept = project.configuration.predictions_of(run_id, project.job(run_id, "means").id)

    assert list(kept.parent.iterdir()) == [kept]


def test_a_candidate_that_fails_under_the_check_fails_as_ever(project: Project) -> None:
    late = project.job(project.run("late", repeat_check=True), "late")

    assert (late.state, late.attempt) == ("failed", 1)
    assert late.error is not None
    assert (late.error.phase, late.error.type) == ("predict", "KeyError")


def test_a_rehearsal_finds_what_a_cell_finds(project: Project) -> None:
    in_a_cell = project.results(project.run("means"))["means"]

    assert rehearsed(project, "means").metrics == in_a_cell.metrics


def test_a_rehearsal_lets_an_exception_rise_as_it_is(project: Project) -> None:
    with pytest.raises(KeyError, match="column"):
        rehearsed(project, "late")


def test_a_rehearsal_keeps_nothing(project: Project) -> None:
    rehearsed(project, "means")
    before = files_in(project.configuration.data_dir)

    rehearsed(project, "means")

    assert files_in(project.configuration.data_dir) == before
