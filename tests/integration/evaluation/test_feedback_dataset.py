"""The dataset source `feedback_labels`: what was said of results, as a snapshot."""

from pathlib import Path

import pytest
from fixtures.projects.command_line import Project
from sqlalchemy import Engine

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.scored_and_labelled_item import Item, Label, Score
from bakeoff.domain.snapshot_reference_and_split_design import Pinned
from bakeoff.evaluation.datasets.pin_cache import PinRequest
from bakeoff.evaluation.datasets.pin_snapshot import pin
from bakeoff.evaluation.datasets.sources.read_dataset import dataset_files, read_dataset
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from bakeoff.evaluation.planning.run_plan import make_plan
from bakeoff.settings.configuration import load
from bakeoff.settings.setting_definitions import DatasetSettings, DatasetSource
from bakeoff.store.feedback import feedback_items, feedback_labels
from registry.catalog.live_catalog import Catalog

NOTHING = Score(value=0.0, version="baseline")
SOURCE = DatasetSource.FEEDBACK_LABELS


def send(engine: Engine, *features: dict, first: int = 0) -> None:
    sent = [Item(id=f"i{first + place}", features=one) for place, one in enumerate(features)]
    feedback_items.add(engine, [(item, NOTHING) for item in sent])


def say(engine: Engine, **said: object) -> None:
    feedback_labels.add(engine, [Label(item_id=item, value=value, by="ada") for item, value in said.items()])


def settings(engine: Engine, **given: object) -> DatasetSettings:
    return DatasetSettings(source=SOURCE, url=engine.url.render_as_string(hide_password=False), **given)


def pinned(engine: Engine, folder: Path) -> Pinned:
    return pin(
        PinRequest(
            dataset=settings(engine),
            name="said",
            root=folder,
            snapshots=folder / "snapshots",
            seed=0,
            test_size=0.25,
        )
    )


def fill(engine: Engine, count: int = 40) -> None:
    send(engine, *({"x": n, "kind": "ab"[n % 2]} for n in range(count)))
    say(engine, **{f"i{n}": "good" if n >= count / 2 else "bad" for n in range(count)})


def test_labelled_results_are_rows_and_features_are_columns_by_their_names(
    engine: Engine, tmp_path: Path
) -> None:
    send(engine, {"x": 1, "kind": "a", "seen": True}, {"kind": "b", "x": None, "also": 2.5}, {"x": 3})
    say(engine, i1="bad", i0="good")

    reading = read_dataset(settings(engine), tmp_path)

    assert (reading.target, list(reading.frame.columns)) == (
        "target",
        ["also", "kind", "seen", "x", "target"],
    )
    assert reading.frame["kind"].tolist() == ["a", "b"]
    assert reading.frame["target"].tolist() == ["good", "bad"]
    assert reading.frame["x"].isna().tolist() == [False, True]
    assert read_dataset(settings(engine, target="verdict"), tmp_path).frame.columns[-1] == "verdict"


def test_the_address_is_that_of_what_was_said_whoever_sent_its_features_in_which_order(
    engine: Engine, tmp_path: Path
) -> None:
    fill(engine)
    first = pinned(engine, tmp_path).ref.dataset_id
    send(engine, {"kind": "a", "x": 0})
    assert pinned(engine, tmp_path).ref.dataset_id == first

    send(engine, {"x": 100, "kind": "a"}, first=40)
    assert pinned(engine, tmp_path).ref.dataset_id == first

    say(engine, i40="good")
    assert pinned(engine, tmp_path).ref.dataset_id != first


def test_without_a_label_there_is_no_dataset_and_the_message_says_how_to_begin(
    engine: Engine, tmp_path: Path
) -> None:
    send(engine, {"x": 1})

    with pytest.raises(InvalidInputError) as refused:
        read_dataset(settings(engine), tmp_path)

    assert str(refused.value) == (
        "no result has a label yet: `bakeoff results label`, or POST /api/ml/labels, gives the first one"
    )


def test_a_feature_that_is_called_like_the_labels_is_refused(engine: Engine, tmp_path: Path) -> None:
    send(engine, {"target": 1})
    say(engine, i0="good")

    with pytest.raises(InvalidInputError) as refused:
        read_dataset(settings(engine), tmp_path)

    assert str(refused.value) == (
        "a feature is called 'target', as is the column of the labels: call that another name, with `target`"
    )
    assert read_dataset(settings(engine, target="verdict"), tmp_path).frame.columns.tolist() == [
        "target",
        "verdict",
    ]


def test_a_plan_reads_the_database_of_the_project_and_closes_it_to_candidates(project: Project) -> None:
    fill(project.engine)
    file = project.root / "config" / "bakeoff.yaml"
    file.write_text("datasets: {said: {source: feedback_labels}}\n")
    (project.root / "config" / "models.yaml").write_text(
        "models: {gnb: {path: sklearn.naive_bayes:GaussianNB}}\n"
    )
    configuration = load(file, environment={})

    plan = make_plan(
        RunRequest(dataset="said"),
        catalog=lambda: Catalog.of(configuration),
        configuration=configuration,
        pin=pin,
    )

    database = project.root.resolve() / "data" / "bakeoff.db"
    assert plan.dataset.files == (str(database), f"{database}-wal")
    assert (plan.dataset.train_rows, plan.dataset.test_rows, plan.dataset.classes) == (
        30,
        10,
        ("bad", "good"),
    )
    assert configuration.settings.datasets["said"].to_record("said")["from"] is None


def test_a_database_on_a_server_has_no_file(tmp_path: Path) -> None:
    elsewhere = DatasetSettings(source=SOURCE, url="postgresql+psycopg://ada@db/bakeoff")

    assert dataset_files(elsewhere, tmp_path) == ()
