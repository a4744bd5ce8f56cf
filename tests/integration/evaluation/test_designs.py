"""What a design does to a result: subjects with several rows, and rows that follow each other in time."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.projects.in_process import InProcessProject

from bakeoff.evaluation.datasets import read_snapshot
from bakeoff.evaluation.datasets.snapshot_store import snapshots_in
from bakeoff.evaluation.jobs import fit_and_predict

SUBJECTS, VISITS = 60, 5
CANDIDATES = {
    "neighbour": {"path": "sklearn.neighbors:KNeighborsClassifier", "params": {"n_neighbors": 1}},
    "line": {"path": "sklearn.linear_model:RidgeClassifier"},
    "deep": {"path": "sklearn.tree:DecisionTreeClassifier"},
    "tree": {"path": "sklearn.tree:DecisionTreeClassifier", "params": {"splitter": "random", "max_depth": 3}},
}


def visits() -> pd.DataFrame:
    """Each subject has nearly the same values at each visit, and a label that was drawn by lot."""
    random = np.random.RandomState(0)
    subject = np.repeat(np.arange(SUBJECTS), VISITS)
    place = random.normal(size=(SUBJECTS, 3))[subject] + random.normal(scale=0.01, size=(len(subject), 3))
    frame = pd.DataFrame(place, columns=["a", "b", "c"])
    frame["day"] = np.arange(len(subject)) // 2
    frame["subject"] = [f"s{number}" for number in subject]
    frame["size"] = np.where(subject < 40, 1.0, 0.0)  # the visits of some subjects do not count
    frame["y"] = random.randint(0, 2, SUBJECTS)[subject]
    return frame


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> InProcessProject:
    folder = tmp_path_factory.mktemp("designs")
    return InProcessProject(folder / "project", CANDIDATES, {"visits": visits().to_csv(index=False)})


@pytest.fixture(scope="module")
def accuracy(project: InProcessProject) -> Callable[..., Any]:
    def accuracy(**design: Any) -> Any:
        return project.evaluate("neighbour", "visits", metrics=["accuracy"], design=design or None)

    return accuracy


def test_labels_drawn_by_lot_are_known_to_a_split_at_random_and_unknown_to_one_by_subject(
    accuracy: Callable[..., Any],
) -> None:
    at_random, by_subject = accuracy(), accuracy(group="subject")

    assert at_random.metrics["accuracy"] == 1.0
    assert 0.2 < by_subject.metrics["accuracy"] < 0.8
    assert at_random.split_id != by_subject.split_id


def test_intervals_go_by_groups_and_are_as_wide_as_the_groups_are_few(accuracy: Callable[..., Any]) -> None:
    interval = accuracy(group="subject").intervals["accuracy"]

    assert interval.high - interval.low > 0.4  # 15 subjects; 75 rows would give 0.22


def test_a_metric_is_the_mean_of_the_folds_whose_scores_are_kept(accuracy: Callable[..., Any]) -> None:
    result = accuracy(folds=5, repeats=2, group="subject")

    folds = result.details["folds"]
    assert [(fold["repeat"], fold["fold"]) for fold in folds] == [(r, f) for r in (1, 2) for f in range(1, 6)]
    assert [(fold["trainRows"], fold["testRows"]) for fold in folds] == [(240, 60)] * 10
    scores = [fold["metrics"]["accuracy"] for fold in folds]
    assert result.metrics["accuracy"] == pytest.approx(sum(scores) / 10, abs=1e-15)
    assert len(set(scores)) > 2
    assert sum(map(sum, result.details["confusion"])) == 300  # each row once, of the first repeat


def manifests(project: InProcessProject) -> Mapping[str, Any]:
    found = snapshots_in(project.context.configuration.snapshots)
    return {str(read_snapshot.dataset_ref(folder).design.title): folder for folder in found}


def test_the_column_of_a_group_or_a_time_is_no_feature(
    project: InProcessProject, accuracy: Callable[..., Any]
) -> None:
    accuracy(time="day")
    accuracy(group="subject")

    names = {
        title: {field.name for field in read_snapshot.fields(folder)}
        for title, folder in manifests(project).items()
    }
    assert names["in the order of day"] == {"a", "b", "c", "size", "subject"}
    assert names["groups by subject"] == {"a", "b", "c", "day", "size"}


def test_by_time_the_latest_rows_are_tested(project: InProcessProject, accuracy: Callable[..., Any]) -> None:
    accuracy(time="day", gap=4)

    tested = read_snapshot.sealed_rows(manifests(project)["in the order of day, 4 rows between"])
    assert tested.tolist() == [
        *range(224, 300)
    ]  # a quarter, and one row more that has the same day as the 225th


def test_a_row_that_all_folds_share_is_shown_with_its_own_features(
    project: InProcessProject, accuracy: Callable[..., Any]
) -> None:
    """The features of folds are stored once, in an order of their own."""
    accuracy(folds=3, repeats=2)
    folder = manifests(project)["3 folds, 2 times"]
    rows = read_snapshot.sealed_rows(folder)

    shown = read_snapshot.test_rows(folder, np.arange(len(rows)))

    assert len(rows) == 600
    np.testing.assert_array_equal(shown["a"], visits()["a"].to_numpy()[rows])
    np.testing.assert_array_equal(read_snapshot.sealed_labels(folder), visits()["y"].to_numpy()[rows])


def fits_of(
    project: InProcessProject, model: str, monkeypatch: pytest.MonkeyPatch, **design: Any
) -> list[int]:
    """The seed of each fit, and that the design changes no snapshot."""
    seeds: list[int] = []
    run = fit_and_predict.run

    def noted(payload: Mapping[str, Any], inside: Any) -> Any:
        seeds.append(payload["seed"])
        return run(payload, inside)

    monkeypatch.setattr(fit_and_predict, "run", noted)
    result = project.evaluate(model, "visits", metrics=["accuracy"], design=design)
    assert result.split_id == project.evaluate("line", "visits", metrics=["accuracy"]).split_id
    del seeds[-1]  # of the line
    return seeds


def test_a_candidate_is_fitted_with_seeds_of_its_own_and_its_score_is_their_mean(
    project: InProcessProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = fits_of(project, "tree", monkeypatch, seeds=4)
    assert len(set(seeds)) == 4
    assert seeds[0] == 0  # that of the run

    result = project.evaluate("tree", "visits", metrics=["accuracy"], design={"seeds": 4})
    scores = [fit["metrics"]["accuracy"] for fit in result.details["seeds"]]
    assert result.metrics["accuracy"] == pytest.approx(np.mean(scores), abs=1e-15)
    assert len(set(scores)) > 1
    alone = project.evaluate("tree", "visits", metrics=["accuracy"])
    assert alone.metrics["accuracy"] == scores[0]


def test_who_looks_at_no_seed_is_fitted_once_and_who_predicts_the_same_twice(
    project: InProcessProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fits_of(project, "neighbour", monkeypatch, seeds=5) == [0]
    assert len(fits_of(project, "line", monkeypatch, seeds=5)) == 2
    assert "seeds" not in project.evaluate("line", "visits", design={"seeds": 5}).details


def test_seeds_and_folds_are_both_averaged(project: InProcessProject) -> None:
    result = project.evaluate("tree", "visits", metrics=["accuracy"], design={"folds": 3, "seeds": 3})

    folds = result.details["folds"]
    assert [(fold["seed"], fold["fold"]) for fold in folds] == [(s, f) for s in (1, 2, 3) for f in (1, 2, 3)]
    scores = [fold["metrics"]["accuracy"] for fold in folds]
    assert result.metrics["accuracy"] == pytest.approx(np.mean(scores), abs=1e-15)
    assert [one["metrics"]["accuracy"] for one in result.details["seeds"]] == pytest.approx(
        np.mean(np.reshape(scores, (3, 3)), axis=1).tolist()
    )


def test_rows_count_as_much_as_they_weigh_in_the_fit_and_in_the_metric(project: InProcessProject) -> None:
    weighted = project.evaluate("deep", "visits", metrics=["accuracy", "f1"], design={"weight": "size"})
    folder = manifests(project)["weighted by size"]

    data = read_snapshot.open_snapshot(folder / "open")
    assert data.weights is not None
    assert set(data.X_train.columns) == {"a", "b", "c", "day", "subject"}
    assert data.weights.tolist() == [float(int(name[1:]) < 40) for name in data.X_train["subject"]]
    sealed = read_snapshot.sealed_weights(folder)
    assert sealed is not None
    # Of subjects that weigh nothing the tree learnt nothing, and all others it knows from their other visits.
    assert (weighted.metrics["accuracy"] or 0) > 0.95
    confusion = np.array(weighted.details["confusion"])  # counts rows, whatever they weigh
    assert confusion.trace() / confusion.sum() < 0.9
    assert 0 < sealed.sum() < len(sealed)
    assert project.evaluate("deep", "visits", metrics=["accuracy"]).split_id != weighted.split_id


@pytest.mark.parametrize("design", [{"weight": "size"}, {"weight": "size", "folds": 3}])
def test_a_candidate_that_takes_no_weights_says_so(project: InProcessProject, design: dict[str, Any]) -> None:
    said = "its fit takes no sample_weight: it was fitted without the weights"

    assert said in project.evaluate("neighbour", "visits", design=design).details["warnings"]
    assert said not in project.evaluate("tree", "visits", design=design).details["warnings"]
