"""Folds with a real worker: each in a cell of its own, kept one by one, and resumed where a worker died."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from fixtures.projects.project import Project, Worker, a_project, wait_for

from bakeoff.cell.confinement import landlock
from bakeoff.domain.runs.result import FoldResult
from bakeoff.evaluation.datasets import read_snapshot
from bakeoff.evaluation.datasets.snapshot_layout import folder_of
from bakeoff.store.bakeoffs import run_rows
from bakeoff.store.bakeoffs.results import earlier_fits, fold_rows, verdict_rows

FOLDS = {"folds": 5}
LEASE_S = 2

#: The rows of the data are told apart by their value `id`, and row 17 is the one that some wait or fail for.
PLUGIN = '''
import glob, os, sys, time
import numpy as np
from pathlib import Path


class Counts:
    """The nearest mean of two; it says how many rows it was fitted to."""

    def fit(self, X, y):
        sys.stdout.write(f"fitted to {len(X)} rows\\n")
        values, labels = np.asarray(X["a"]), np.asarray(y)
        self.means = [values[labels == label].mean() for label in (0, 1)]

    def predict(self, X):
        far = [abs(np.asarray(X["a"]) - mean) for mean in self.means]
        return (far[1] < far[0]).astype(int)


class Stumbles(Counts):
    def fit(self, X, y):
        if 17 not in set(X["id"]):
            raise ValueError("where is row 17?")
        super().fit(X, y)


class WaitsForRow(Counts):
    def __init__(self, gate):
        self.gate = gate

    def fit(self, X, y):
        super().fit(X, y)
        if 17 not in set(X["id"]):
            sys.stdout.write(f"waiting {os.getpid()}\\n")
            while not Path(self.gate).exists():
                time.sleep(0.01)


class Peeks(Counts):
    def __init__(self, snapshots):
        self.snapshots = snapshots

    def fit(self, X, y):
        for file in sorted(glob.glob(f"{self.snapshots}/*/*/*/*.npy")):
            try:
                with open(file, "rb") as opened:
                    opened.read(1)
            except OSError:
                continue
            sys.stdout.write(f"opened {Path(file).parent.name}/{Path(file).name}\\n")
        super().fit(X, y)
'''


def table() -> str:
    random = np.random.RandomState(5)
    y = random.randint(0, 2, 80)
    a = y + random.normal(scale=0.7, size=80)
    rows = zip(range(80), a.tolist(), y.tolist(), strict=True)
    return "id,a,y\n" + "".join(f"{n},{value},{label}\n" for n, value, label in rows)


@contextmanager
def a_project_with_folds() -> Iterator[Project]:
    with a_project({}, leaseSeconds=LEASE_S) as project:
        (project.folder / "plugins" / "folded.py").write_text(PLUGIN)
        (project.folder / "data.csv").write_text(table())
        snapshots = str(project.configuration.snapshots)
        models = {
            "counts": {"path": "Counts"},
            "stumbles": {"path": "Stumbles"},
            "waits": {"path": "WaitsForRow", "params": {"gate": str(project.gate("row"))}},
            "peeks": {"path": "Peeks", "params": {"snapshots": snapshots}},
        }
        project.write_catalog(models)
        catalog = project.folder / "config" / "models.yaml"
        catalog.write_text(catalog.read_text().replace("gallery.py", "folded.py"))
        yield project


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    with a_project_with_folds() as project:
        yield project


@pytest.fixture(scope="module")
def worker(project: Project) -> Iterator[Worker]:
    with project.worker() as worker:
        yield worker


@pytest.fixture(scope="module")
def run_id(project: Project, worker: Worker) -> str:
    """Five folds of three candidates."""
    return project.run("counts", "stumbles", "peeks", design=FOLDS, save="all")


def folds(project: Project, run_id: str, model: str) -> dict[int, FoldResult]:
    return fold_rows.of_job(project.engine, project.job(run_id, model).id)


def fold_of_row_17(project: Project, run_id: str) -> int:
    data = run_rows.get(project.engine, run_id).dataset
    folder = folder_of(project.configuration.snapshots, data.dataset_id, data.split_id)
    place = int(np.flatnonzero(read_snapshot.sealed_rows(folder) == 17)[0])
    return place // (80 // 5)


def test_each_fold_is_fitted_once_and_then_all_rows_for_the_model_that_is_saved(
    project: Project, run_id: str
) -> None:
    assert project.state(run_id) == "partial"
    assert project.log(run_id, "counts").splitlines() == ["fitted to 64 rows"] * 5 + ["fitted to 80 rows"]
    assert list(folds(project, run_id, "counts")) == [0, 1, 2, 3, 4]


def test_a_fold_that_fails_names_itself_and_what_the_folds_before_it_gave_stays(
    project: Project, run_id: str
) -> None:
    failed = fold_of_row_17(project, run_id)
    job = project.job(run_id, "stumbles")

    assert (job.state, job.attempt) == ("failed", 1)
    assert job.error is not None
    assert job.error.message == f"fold {failed + 1} of 5: where is row 17?"
    kept = folds(project, run_id, "stumbles")
    assert list(kept) == list(range(failed))
    assert all(0 <= (fold.metrics["accuracy"] or -1) <= 1 for fold in kept.values())


@pytest.mark.skipif(not landlock.abi(), reason="the kernel has no Landlock")
def test_a_cell_can_open_the_labels_of_no_fold_since_it_is_given_those_of_its_own(
    project: Project, run_id: str
) -> None:
    opened = [
        line.removeprefix("opened ") for line in project.log(run_id, "peeks").splitlines() if "/" in line
    ]

    assert {file.partition("/")[0] for file in opened} == {"open"}
    assert not [file for file in opened if "y_" in file]


def test_the_result_is_scored_from_out_of_fold_predictions_which_are_kept_as_one_file(
    project: Project, run_id: str
) -> None:
    result = project.results(run_id)["counts"]
    file = project.configuration.predictions_of(run_id, result.evaluation_id)

    predicted = np.load(file)
    data = run_rows.get(project.engine, run_id).dataset
    true = read_snapshot.sealed_labels(
        folder_of(project.configuration.snapshots, data.dataset_id, data.split_id)
    )
    right = (predicted == true).reshape(5, 16).mean(axis=1)
    assert result.metrics["accuracy"] == pytest.approx(right.mean(), abs=1e-15)
    assert [fold["metrics"]["accuracy"] for fold in result.details["folds"]] == right.tolist()
    assert [path.name for path in file.parent.glob(f"{file.stem}*")] == [file.name]  # no parts are left
    assert earlier_fits.of_evaluation(project.engine, result.evaluation_id) is not None


def test_the_verdict_rests_on_all_rows_with_the_variance_of_a_cross_validation(
    project: Project, run_id: str
) -> None:
    from bakeoff.evaluation.statistics.sketches.sketch import Sketch

    result = project.results(run_id)["counts"]
    sketch = Sketch.from_bytes(verdict_rows.sketches_of(project.engine, result.evaluation_id)["accuracy"])

    assert (sketch.rows, sketch.variance_factor) == (80, 1 + 5 / 4)


def test_each_fold_is_told_of_in_order_before_the_result(project: Project, run_id: str) -> None:
    told: list[tuple[str, Any]] = [
        (event.type, event.payload.get("fold"))
        for event in project.wait_for_events(run_id)
        if event.payload.get("modelId") == "counts"
    ]
    done = [("evaluation.fold_completed", fold) for fold in range(1, 6)]
    assert told == [("evaluation.started", None), *done, ("evaluation.completed", None)]


def test_the_same_folds_again_are_fitted_by_nobody_and_others_by_everybody(
    project: Project, worker: Worker
) -> None:
    first = project.run("counts", design=FOLDS, fresh=True)
    again = project.start("counts", design=FOLDS, fresh=False)
    assert project.state(again) == "completed"  # before any worker could have looked
    assert project.results(again)["counts"].details == project.results(first)["counts"].details

    repeated = project.run("counts", design={"folds": 5, "repeats": 2}, fresh=False)
    assert project.results(repeated)["counts"].reused_from is None


def test_a_fold_that_a_failed_job_has_kept_is_not_fitted_again_by_another_run(
    project: Project, run_id: str
) -> None:
    failed = fold_of_row_17(project, run_id)

    again = project.run("stumbles", design=FOLDS, fresh=False)
    anew = project.run("stumbles", design=FOLDS, fresh=True)

    taken, first = folds(project, again, "stumbles"), folds(project, run_id, "stumbles")
    assert list(taken) == list(range(failed))
    assert [fold.duration_s for fold in taken.values()] == [fold.duration_s for fold in first.values()]
    assert [fold.provenance for fold in taken.values()] == [fold.provenance for fold in first.values()]
    assert project.log(again, "stumbles").count("fitted to") == 0
    assert project.log(anew, "stumbles").count("fitted to") == failed


def test_other_metrics_are_computed_from_what_the_folds_predicted(project: Project, worker: Worker) -> None:
    first = project.run("counts", design=FOLDS, metrics=["accuracy"])

    again = project.run("counts", design=FOLDS, metrics=["recall", "accuracy"], fresh=False)

    result = project.results(again)["counts"]
    assert result.reused_from is not None
    assert len(result.details["folds"]) == 5
    assert result.metrics["accuracy"] == project.results(first)["counts"].metrics["accuracy"]


def test_spread_folds_give_to_the_bit_what_one_job_gives(project: Project, run_id: str) -> None:
    spread = project.run("counts", "stumbles", design=FOLDS, save="all", spread=True)

    one, other = project.results(run_id)["counts"], project.results(spread)["counts"]
    assert other.metrics == one.metrics
    assert other.intervals == one.intervals
    files = [
        project.configuration.predictions_of(found.run_id, found.evaluation_id) for found in (one, other)
    ]
    assert files[0].read_bytes() == files[1].read_bytes()
    sketches = [verdict_rows.sketches_of(project.engine, found.evaluation_id) for found in (one, other)]
    assert sketches[0] == sketches[1]
    assert project.log(spread, "counts").splitlines() == ["fitted to 64 rows"] * 5 + ["fitted to 80 rows"]
    # They are removed when the end has been written.
    wait_for(lambda: [path.name for path in files[1].parent.glob(f"{files[1].stem}*")] == [files[1].name])

    failed, job = fold_of_row_17(project, spread), project.job(spread, "stumbles")
    assert (job.state, project.state(spread)) == ("failed", "partial")
    assert job.error is not None
    assert job.error.message == f"fold {failed + 1} of 5: where is row 17?"
    assert failed not in folds(project, spread, "stumbles")


def test_each_spread_fold_is_told_of_and_the_join_comes_last(project: Project, run_id: str) -> None:
    spread = project.run("counts", design=FOLDS, spread=True)

    told = [event.type for event in project.wait_for_events(spread) if "modelId" in event.payload]
    assert told == ["evaluation.started", *["evaluation.fold_completed"] * 5, "evaluation.completed"]


@pytest.fixture
def apart() -> Iterator[Project]:
    with a_project_with_folds() as project:
        yield project


def test_a_job_whose_worker_is_killed_goes_on_at_the_fold_it_was_at(apart: Project) -> None:
    project = apart
    with project.worker(name="first") as doomed:
        waiting = project.start("waits", design=FOLDS)
        killed_in = fold_of_row_17(project, waiting)
        wait_for(lambda: "waiting" in project.log(waiting, "waits"), "the fold that waits")
        kept_at = {place: fold.duration_s for place, fold in folds(project, waiting, "waits").items()}
        doomed.kill()
    project.gate("row").touch()
    with project.worker(name="second"):
        assert project.wait_for_end(waiting) == "completed"

    assert list(kept_at) == list(range(killed_in))
    assert project.job(waiting, "waits").attempt == 2
    assert project.log(waiting, "waits").count("fitted to") == 6  # the fold it was at, twice
    now = folds(project, waiting, "waits")
    assert {place: now[place].duration_s for place in kept_at} == kept_at
    assert len(project.results(waiting)["waits"].details["folds"]) == 5


def test_of_spread_folds_whose_worker_is_killed_only_those_at_work_are_fitted_again(apart: Project) -> None:
    project = apart
    with project.worker(name="first") as doomed:
        waiting = project.start("waits", design=FOLDS, spread=True)
        wait_for(lambda: len(folds(project, waiting, "waits")) == 4, "the four folds that do not wait")
        wait_for(lambda: "waiting" in project.log(waiting, "waits"), "the fold that waits")
        kept = {place: fold.duration_s for place, fold in folds(project, waiting, "waits").items()}
        doomed.kill()
    project.gate("row").touch()
    with project.worker(name="second"):
        assert project.wait_for_end(waiting) == "completed"

    now = folds(project, waiting, "waits")
    assert {place: now[place].duration_s for place in kept} == kept
    assert project.log(waiting, "waits").count("fitted to") == 6  # the one that waited, twice
    assert len(project.results(waiting)["waits"].details["folds"]) == 5
