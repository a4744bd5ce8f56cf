"""`bakeoff show --rows MODEL`: the test rows in which a candidate was wrong."""

import csv
import io
import json

import pytest
from fixtures.projects.command_line import Project
from fixtures.values.scored import a_scored_run, predictions_file, snapshot_of, truth, wrong_in

from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.runs.run import Run
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef, Design
from bakeoff.evaluation.datasets.pin_cache import PinRequest
from bakeoff.evaluation.datasets.pin_snapshot import pin
from bakeoff.evaluation.datasets.read_snapshot import sealed_rows
from bakeoff.settings.setting_definitions import DatasetSettings, DatasetSource
from bakeoff.store.bakeoffs import job_queries

#: Places among the 450 test rows of digits in which the tree is wrong.
WRONG = (3, 7, 200, 449)


@pytest.fixture
def digits(project: Project) -> DatasetRef:
    return project.pin("digits")


@pytest.fixture
def run(project: Project, digits: DatasetRef) -> Run:
    predicted = {"tree": wrong_in(project, digits, *WRONG), "oracle": truth(project, digits)}
    return a_scored_run(project, digits, predicted, name="autumn")


def record(project: Project, model: str, *more: str) -> dict:
    shown = project.bakeoff("show", "latest", "--rows", model, "--json", *more)
    assert shown.exit_code == 0, shown.stderr
    return json.loads(shown.stdout)


def test_the_rows_in_which_it_was_wrong_are_listed_with_truth_answer_and_features(project, digits, run):
    numbers = sealed_rows(snapshot_of(project, digits))
    labels = truth(project, digits)

    found = record(project, "tree")

    assert (found["modelId"], found["testRows"], found["wrong"], found["next"]) == ("tree", 450, 4, None)
    by_row = {int(numbers[place]): int(labels[place]) for place in WRONG}
    assert [item["row"] for item in found["items"]] == sorted(by_row)
    for item in found["items"]:
        assert item["true"] == by_row[item["row"]]
        assert item["predicted"] == (item["true"] + 1) % 10
        assert len(item["features"]) == 64
        assert item["fold"] is None
    assert record(project, "oracle")["items"] == []


def test_an_offset_behind_the_last_row_is_told(project, run):
    said = project.bakeoff("show", "autumn", "--rows", "tree", "--offset", "100000").stdout

    assert "--offset 100000 is behind the last of " in said


def test_a_page_says_how_to_get_the_next_one(project, run):
    first = project.bakeoff("show", "autumn", "--rows", "tree", "--top", "3")
    rest = project.bakeoff("show", "autumn", "--rows", "tree", "--top", "3", "--offset", "3")

    lines = first.stdout.splitlines()
    assert lines[0] == f"tree of run {run.title}: wrong in 4 of 450 test rows"
    assert lines[2].split() == ["row", "true", "predicted", "features"]
    assert lines[-1] == "and 1 more: --offset 3 shows the next ones"
    assert len(rest.stdout.splitlines()) == 4
    rows = [item["row"] for item in record(project, "tree")["items"]]
    assert [item["row"] for item in record(project, "tree", "--offset", "1", "--top", "2")["items"]] == rows[
        1:3
    ]


def test_as_csv_each_feature_is_a_column(project, run):
    shown = project.bakeoff("show", "autumn", "--rows", "tree", "--format", "csv")

    rows = list(csv.DictReader(io.StringIO(shown.stdout)))
    assert len(rows) == 4
    assert list(rows[0])[:6] == ["row", "fold", "true", "predicted", "probability", "error"]
    assert len(rows[0]) == 70


def test_of_numbers_the_most_wrong_come_first(project):
    diabetes = project.pin("diabetes")
    predicted = truth(project, diabetes).astype(float)
    predicted[5] += 30
    predicted[9] -= 70
    a_scored_run(project, diabetes, {"line": predicted}, rules=ScoringRules(metrics=("rmse",)))
    numbers = sealed_rows(snapshot_of(project, diabetes))

    found = record(project, "line", "--top", "2")

    assert [(item["row"], item["error"]) for item in found["items"]] == [(numbers[9], -70), (numbers[5], 30)]
    assert found["next"] == 2
    said = project.bakeoff("show", "--rows", "line", "--top", "2").stdout
    assert "the most wrong first" in said


def test_with_folds_each_row_says_in_which_it_was_tested(project):
    iris = pin(
        PinRequest(
            dataset=DatasetSettings(source=DatasetSource.SKLEARN, name="iris"),
            name="iris",
            root=project.root,
            snapshots=project.root.resolve() / "data" / "snapshots",
            seed=0,
            test_size=0.25,
            design=Design(folds=5),
        )
    ).ref
    a_scored_run(project, iris, {"tree": wrong_in(project, iris, 0, 29, 30, 149)})

    found = record(project, "tree")

    assert sorted(item["fold"] for item in found["items"]) == [0, 0, 1, 4]
    assert found["wrong"] == 4


def test_what_cannot_be_shown_is_code_2_with_the_cure(project, run):
    unknown = project.bakeoff("show", "autumn", "--rows", "tre")
    as_text = project.bakeoff("show", "autumn", "--rows", "tree", "--format", "md")
    alone = project.bakeoff("show", "autumn", "--offset", "3")
    job = next(job for job in job_queries.of_run(project.engine, run.id) if job.candidate.id == "tree")
    predictions_file(project, run, job.id).unlink()
    gone = project.bakeoff("show", "autumn", "--rows", "tree")

    assert [one.exit_code for one in (unknown, as_text, alone, gone)] == [2, 2, 2, 2]
    assert "did you mean 'tree'?" in unknown.stderr
    assert "give --rows MODEL, too" in " ".join(alone.stderr.split())
    assert "`bakeoff run digits --models tree --fresh` makes them anew" in gone.stderr
