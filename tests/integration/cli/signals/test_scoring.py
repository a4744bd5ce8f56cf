"""`bakeoff results` and `bakeoff score`, and what a kill leaves of them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from fixtures.places import ROOT
from fixtures.projects.command_line import Project
from fixtures.servers import warm
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression

from bakeoff.domain.scored_and_labelled_item import Item, Score
from bakeoff.operations.context import Context
from bakeoff.settings.configuration import load
from bakeoff.store.feedback import feedback_items, feedback_labels
from registry import ModelRegistry
from tasks import celery
from tasks.start_sweep_and_score_tasks import score_task

X = pd.DataFrame({"x": [0.0, 0.25, 0.5, 1.0]})


@pytest.fixture
def registry(project: Project, make_registry: Callable[[Path], ModelRegistry]) -> ModelRegistry:
    """With a model that answers x, and one whose answers are no scores."""
    made = make_registry(project.root / "data" / "models" / "registry")
    made.save_model(LinearRegression().fit(X, X["x"]), "same", input_example=X, metadata={"classes": []})
    made.save_model(DummyRegressor(strategy="constant", constant=2.0).fit(X, X["x"]), "odd", input_example=X)
    return made


@pytest.fixture
def file(project: Project) -> Path:
    path = project.root / "in.csv"
    X.assign(id=list("abcd")).to_csv(path, index=False)
    return path


def scores(project: Project) -> dict[str, tuple[float, str] | None]:
    found = reversed(feedback_items.page(project.engine, limit=10_000))
    return {
        one.item.id: (round(one.score.value, 6), one.score.version) if one.score else None for one in found
    }


def test_a_file_comes_in_with_the_score_of_the_baseline_and_once_more_changes_nothing(
    project: Project, file: Path
) -> None:
    first = project.bakeoff("results", "import", "in.csv")
    again = project.bakeoff("results", "import", "in.csv", "--json")

    assert first.stdout == (
        "4 results: 4 new, 0 changed, 0 as before; new and changed ones are scored by baseline\n"
    )
    assert json.loads(again.stdout) == {
        "received": 4,
        "new": 0,
        "changed": 0,
        "unchanged": 4,
        "scoreVersion": "baseline",
    }
    assert scores(project) == dict.fromkeys("abcd", (0.0, "baseline"))


def test_a_file_is_scored_by_a_model_as_it_comes_in(
    project: Project, registry: ModelRegistry, file: Path
) -> None:
    said = project.bakeoff("results", "import", "in.csv", "--model", "same/1.0.0")
    listed = json.loads(project.bakeoff("results", "list", "--limit", "1", "--json").stdout)

    assert said.exit_code == 0
    assert [value for value, _ in scores(project).values()] == [0.0, 0.25, 0.5, 1.0]
    [newest] = listed
    assert newest.pop("receivedAt") == newest.pop("scoredAt")
    assert newest == {
        "id": "d",
        "features": {"x": 1.0},
        "relevanceScore": pytest.approx(1.0),
        "scoreVersion": "models:/same/1.0.0",
    }


def test_what_is_no_score_is_one_message_and_nothing_is_stored(
    project: Project, registry: ModelRegistry, file: Path
) -> None:
    said = project.bakeoff("results", "import", "in.csv", "--model", "odd/1.0.0")

    assert said.exit_code == 2
    assert said.output.startswith(
        "error: models:/odd/1.0.0 answers 2 in row 1, which is no score from -1 to 1"
    )
    assert scores(project) == {}


def test_scoring_again_is_by_the_new_version_and_a_second_time_changes_nothing(
    project: Project, registry: ModelRegistry, file: Path
) -> None:
    project.bakeoff("results", "import", "in.csv")

    first = project.bakeoff("score", "--model", "same/1.0.0", "--batch-size", "3")
    before = feedback_items.page(project.engine, limit=10)
    again = project.bakeoff("score", "--model", "same/1.0.0", "--json")
    by_nothing = project.bakeoff("score", "--json")

    assert first.stdout.startswith("4 results scored by models:/same/1.0.0 in ")
    assert json.loads(again.stdout) == {
        "scoreVersion": "models:/same/1.0.0",
        "scored": 0,
        "refused": 0,
        "reasons": {},
    }
    assert json.loads(by_nothing.stdout)["scored"] == 0
    assert feedback_items.page(project.engine, limit=10) == before
    assert [value for value, _ in scores(project).values()] == [0.0, 0.25, 0.5, 1.0]


def test_what_does_not_fit_stops_no_other_and_is_told(
    project: Project, registry: ModelRegistry, file: Path
) -> None:
    project.bakeoff("results", "import", "in.csv")
    without = Score(value=0.0, version="baseline")
    feedback_items.add(project.engine, [(Item(id="e", features={"y": 1}), without)])

    said = project.bakeoff("score", "--model", "same/1.0.0")

    assert said.exit_code == 3
    assert said.stdout.splitlines()[1:] == [
        "1 result could not be scored, such as:",
        "✗ e: result 'e' lacks 'x', which models:/same/1.0.0 knows: send it, or null where nobody knows it",
    ]
    assert [version for _, version in scores(project).values()] == [*["models:/same/1.0.0"] * 4, "baseline"]


def test_a_model_whose_answers_are_no_scores_changes_none(
    project: Project, registry: ModelRegistry, file: Path
) -> None:
    project.bakeoff("results", "import", "in.csv")

    assert project.bakeoff("score", "--model", "odd/1.0.0").exit_code == 2
    assert scores(project) == dict.fromkeys("abcd", (0.0, "baseline"))


def test_labels_come_one_by_one_and_from_files(project: Project, file: Path) -> None:
    project.bakeoff("results", "import", "in.csv")
    (project.root / "labels.csv").write_text("id,label\na,good\nb,bad\n")

    from_file = project.bakeoff("results", "labels", "labels.csv", "--by", "ada")
    one = project.bakeoff("results", "label", "c", "1.5", "--by", "bob", "--json")
    nobody = project.bakeoff("results", "label", "z", "good")

    assert from_file.stdout == "2 labels: 2 new, 0 changed, 0 as before\n"
    assert json.loads(one.stdout) == {"received": 1, "new": 1, "changed": 0, "unchanged": 0}
    assert (nobody.exit_code, nobody.stderr) == (
        2,
        "error: there are no results 'z': send results before their labels\n",
    )
    found = {
        one.label.item_id: (one.label.value, one.label.by)
        for one in feedback_labels.page(project.engine, limit=9)
    }
    assert found == {"a": ("good", "ada"), "b": ("bad", "ada"), "c": (1.5, "bob")}


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("true", True), ("NaN", "NaN"), ('"1"', '"1"')])
def test_a_label_that_reads_as_a_number_or_a_truth_is_one(
    project: Project, file: Path, text: str, value: object
) -> None:
    project.bakeoff("results", "import", "in.csv")
    project.bakeoff("results", "label", "a", text)

    [stored] = feedback_labels.page(project.engine, limit=2)
    assert (stored.label.value, type(stored.label.value)) == (value, type(value))


def test_the_task_scores_by_name_and_refuses_what_has_no_name(
    project: Project, registry: ModelRegistry, file: Path
) -> None:
    project.bakeoff("results", "import", "in.csv")
    celery.use(Context(load(project.root / "config", environment={})))

    assert score_task.name == "bakeoff.score"
    assert score_task(model="same/1.0.0") == "4 results scored by models:/same/1.0.0, 0 refused"
    assert score_task() == "0 results scored by baseline, 0 refused"
    with pytest.raises(Exception, match="a model is given by name, as `kwargs`, and not as `args`"):
        score_task("same/1.0.0")
    with pytest.raises(Exception, match="'runId' is no key of a request for scores: there is 'model'"):
        score_task(runId="1")


def test_what_is_killed_between_two_batches_leaves_whole_ones_and_the_next_one_ends_it(
    project: Project, registry: ModelRegistry
) -> None:
    nothing = Score(value=0.0, version="baseline")
    feedback_items.add(
        project.engine, [(Item(id=f"i{n:02}", features={"x": n / 100}), nothing) for n in range(100)]
    )

    with warm.Popen(
        [sys.executable, "-c", _HALF_WAY, str(project.root)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    ) as scoring:
        assert scoring.stdout is not None
        assert scoring.stdout.readline() == b"half way\n"
        scoring.send_signal(signal.SIGKILL)
    left = scores(project)
    done = json.loads(project.bakeoff("score", "--model", "same/1.0.0", "--json").stdout)

    assert [left[f"i{n:02}"] for n in (0, 49)] == [
        (0.0, "models:/same/1.0.0"),
        (0.49, "models:/same/1.0.0"),
    ]
    assert list(left.values())[50:] == [(0.0, "baseline")] * 50
    assert done["scored"] == 50
    assert list(scores(project).values()) == [(n / 100, "models:/same/1.0.0") for n in range(100)]
    assert Context(load(project.root / "config", environment={})).has_database()


_HALF_WAY = """
import sys, time
from pathlib import Path
from bakeoff.settings.configuration import load
from bakeoff.operations import score_stored_feedback
from bakeoff.operations.context import Context
from bakeoff.settings.configuration import load

def progress(done):
    if done == 50:
        print("half way", flush=True)
        time.sleep(60)

context = Context(load(Path(sys.argv[1]) / "config", environment={}))
scorer = score_stored_feedback.scorer(context, "same/1.0.0")
score_stored_feedback.score_stored(context, scorer, batch_size=25, progress=progress)
"""
