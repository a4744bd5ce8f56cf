"""What was asked of the registry of trained models, in the words of those who asked (A2 to A9).

Public names alone: a stranger who knows the requirements could have written it.
"""

import json
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from registry import ModelRegistry

X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0], [4.0, 1.0], [5.0, 0.0]])
Y = np.array([0, 0, 0, 1, 1, 1])
METRICS = {"f1": 0.85, "precision": 0.8, "recall": 0.9, "accuracy": 0.875}
KEYS = {
    "model_id",
    "model_name",
    "model_type",
    "version",
    "metrics",
    "hyperparameters",
    "file_path",
    "created_at",
    "description",
    "stage",
    "tags",
}


@pytest.fixture
def model():
    return LogisticRegression().fit(X, Y)


@pytest.fixture
def registry(tmp_path):
    return ModelRegistry(storage_path=tmp_path / "registry")


def rows(registry, query):
    with closing(sqlite3.connect(registry.storage_path / "registry.db")) as database:
        return database.execute(query).fetchall()


# initialisation


def test_a_registry_makes_its_folder_its_database_and_a_directory_for_models(tmp_path):
    registry = ModelRegistry(storage_path=tmp_path / "deep" / "registry")

    assert registry.storage_path == tmp_path / "deep" / "registry"
    assert (registry.storage_path / "registry.db").is_file()
    assert any(entry.is_dir() for entry in registry.storage_path.iterdir())


def test_a_registry_lives_in_data_models_registry_unless_told_otherwise(tmp_path, monkeypatch):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bakeoff.yaml").touch()
    monkeypatch.chdir(tmp_path)

    registry = ModelRegistry()

    assert registry.storage_path == Path("data/models/registry")
    assert (tmp_path / "data" / "models" / "registry" / "registry.db").is_file()


def test_the_table_of_models_has_the_columns_that_others_read(registry):
    columns = {
        name: (kind, not_null, key)
        for _, name, kind, not_null, _, key in rows(registry, "PRAGMA table_info(models)")
    }

    assert columns["model_id"][0] == "INTEGER"
    assert columns["model_id"][2] == 1
    for name in ("model_name", "model_type", "version", "metrics", "file_path", "created_at"):
        assert columns[name][1] == 1
    assert {"hyperparameters", "description"} <= set(columns)
    assert "AUTOINCREMENT" in rows(registry, "SELECT sql FROM sqlite_master WHERE name = 'models'")[0][0]
    assert rows(registry, "SELECT name FROM sqlite_master WHERE name = 'promotions'")


def test_a_registry_that_is_opened_again_has_what_was_saved(registry, model):
    model_id = registry.save_model(model, "churn")

    again = ModelRegistry(registry.storage_path)

    assert [row["model_id"] for row in again.list_models()] == [model_id]
    assert again.load_model(model_id=model_id).predict(X).tolist() == [0, 0, 0, 1, 1, 1]


# saving


def test_saving_a_model_returns_an_integer_and_writes_a_file_that_joblib_reads(registry, model):
    model_id = registry.save_model(model, "churn", "LogisticRegression", METRICS)
    (row,) = registry.list_models()

    assert isinstance(model_id, int)
    assert Path(row["file_path"]).name == "LogisticRegression_1_0_0.pkl"
    assert joblib.load(row["file_path"]).predict(X).tolist() == [0, 0, 0, 1, 1, 1]


def test_saving_writes_the_metadata_to_the_database(registry, model):
    model_id = registry.save_model(
        model,
        model_name="churn",
        model_type="LogisticRegression",
        metrics=METRICS,
        hyperparameters={"C": 1.0, "penalty": "l2"},
        description="who leaves",
    )
    query = (
        "SELECT model_id, model_name, model_type, version, metrics, hyperparameters, description FROM models"
    )
    ((*said, metrics, hyperparameters, description),) = rows(registry, query)

    assert said == [model_id, "churn", "LogisticRegression", "1.0.0"]
    assert json.loads(metrics) == METRICS
    assert json.loads(hyperparameters) == {"C": 1.0, "penalty": "l2"}
    assert description == "who leaves"


def test_without_type_and_metrics_the_class_is_the_type_and_there_are_no_metrics(registry, model):
    registry.save_model(model, "churn")
    (row,) = registry.list_models()

    assert row["model_type"] == "LogisticRegression"
    assert row["metrics"] == {}


def test_models_are_saved_side_by_side_each_under_its_own_id(registry, model):
    forest = RandomForestClassifier(n_estimators=3, random_state=0).fit(X, Y)
    ids = [
        registry.save_model(model, "churn", "LogisticRegression"),
        registry.save_model(forest, "churn", "RandomForest"),
        registry.save_model(forest, "fraud", "RandomForest"),
    ]

    assert len(set(ids)) == 3
    assert len({row["file_path"] for row in registry.list_models()}) == 3
    assert type(registry.load_model(model_id=ids[0])) is LogisticRegression
    assert type(registry.load_model(model_id=ids[1])) is RandomForestClassifier


# loading


def test_a_model_loads_by_its_id_and_predicts_as_before(registry, model):
    model_id = registry.save_model(model, "churn")

    loaded = registry.load_model(model_id=model_id)

    assert loaded.predict_proba(X).tolist() == model.predict_proba(X).tolist()


def test_a_model_loads_by_its_version(registry, model):
    registry.save_model(model, "churn", version="1.0.0")
    registry.save_model(RandomForestClassifier(n_estimators=3).fit(X, Y), "churn", version="2.0.0")

    assert type(registry.load_model(version="1.0.0")) is LogisticRegression
    assert type(registry.load_model(version="2.0.0")) is RandomForestClassifier


def test_a_model_that_does_not_exist_loads_as_none(registry, model):
    registry.save_model(model, "churn")

    assert registry.load_model(model_id=999) is None
    assert registry.load_model(version="9.9.9") is None


def test_by_uri_and_by_stage_come_model_preprocessor_and_metadata(registry, model):
    scaler = StandardScaler().fit(X)
    said = {"metrics": METRICS, "hyperparameters": {"C": 1.0}, "tags": {"team": "a"}}
    model_id = registry.save_model(model, "churn", **said, preprocessor_artifact=scaler)
    registry.transition_model_stage(model_id, "Production")
    registry.set_alias("churn", "champion", model_id)
    uris = ["models:/churn/1.0.0", "models:/churn/1", "models:/churn/Production", "models:/churn@champion"]

    for bundle in [*map(registry.load_model, uris), registry.get_model_by_stage("churn", "Production")]:
        assert set(bundle) >= {"model", "preprocessor_artifact", "metadata", "run_id"}
        assert bundle["model"].predict(X).tolist() == [0, 0, 0, 1, 1, 1]
        assert bundle["preprocessor_artifact"]["preprocessor"].mean_.tolist() == scaler.mean_.tolist()
        assert set(bundle["preprocessor_artifact"]) >= {"model_name", "feature_names_in", "feature_names_out"}
        assert bundle["metadata"]["params"] == {"C": 1.0}
        assert bundle["metadata"]["metrics"] == METRICS
        assert bundle["metadata"]["tags"] == {"team": "a"}


# listing


def test_an_empty_registry_gives_an_empty_list(registry):
    assert registry.list_models() == []


def test_all_models_are_listed_with_all_their_metadata(registry, model):
    registry.save_model(model, "churn", metrics=METRICS)
    registry.save_model(model, "fraud", metrics=METRICS, description="who cheats", tags={"team": "a"})
    listed = registry.list_models()

    assert {row["model_name"] for row in listed} == {"churn", "fraud"}
    assert all(row.keys() >= KEYS for row in listed)
    assert {row["description"] for row in listed} == {None, "who cheats"}


def test_models_are_listed_by_name_and_type(registry, model):
    registry.save_model(model, "churn", "LogisticRegression")
    registry.save_model(model, "churn", "RandomForest")
    registry.save_model(model, "fraud", "RandomForest")

    assert len(registry.list_models(model_name="churn")) == 2
    assert len(registry.list_models(model_type="RandomForest")) == 2
    assert len(registry.list_models(model_name="churn", model_type="RandomForest")) == 1
    assert registry.list_models(model_name="nothing") == []


def test_models_are_listed_by_least_f1_tags_and_stage(registry, model):
    good = registry.save_model(model, "churn", metrics={"f1": 0.9}, tags={"team": "a", "size": "big"})
    registry.save_model(model, "churn", metrics={"f1": 0.6}, tags={"team": "a"})
    registry.save_model(model, "churn")
    registry.transition_model_stage(good, "Staging")

    assert [row["model_id"] for row in registry.list_models(min_f1=0.7)] == [good]
    assert len(registry.list_models(tags={"team": "a"})) == 2
    assert [row["model_id"] for row in registry.list_models(stage="Staging")] == [good]
    assert registry.list_models(stage="Production") == []


# the best


def test_the_best_model_is_the_one_with_the_highest_score(registry, model):
    for f1 in (0.7, 0.9, 0.8):
        registry.save_model(model, "churn", metrics={"f1": f1, "recall": 1 - f1})

    assert registry.get_best_model()["metrics"]["f1"] == 0.9
    assert registry.get_best_model(metric="recall")["metrics"]["f1"] == 0.7


def test_for_errors_and_losses_the_best_is_the_lowest(registry, model):
    for error in (2.0, 1.0, 3.0):
        registry.save_model(model, "price", metrics={"rmse": error, "log_loss": error})

    assert registry.get_best_model(metric="rmse")["metrics"]["rmse"] == 1.0
    assert registry.get_best_model(metric="log_loss")["version"] == "1.0.1"


def test_the_best_is_told_by_type_name_and_dataset_and_is_none_where_nothing_matches(registry, model):
    registry.save_model(model, "churn", "LogisticRegression", {"f1": 0.9})
    registry.save_model(model, "fraud", "RandomForest", {"f1": 0.7})
    registry.save_model(model, "fraud", "RandomForest", {"f1": float("nan")})

    assert registry.get_best_model(model_type="RandomForest")["metrics"]["f1"] == 0.7
    assert registry.get_best_model("f1", model_name="fraud")["version"] == "1.0.0"
    assert registry.get_best_model("f1", model_type="SVM") is None
    assert registry.get_best_model("f1", dataset_id="unknown") is None
    assert registry.get_best_model("profit") is None


# versions


def test_the_first_version_is_1_0_0_and_the_next_ones_rise_by_a_patch(registry, model):
    for _ in range(3):
        registry.save_model(model, "churn")

    assert sorted(row["version"] for row in registry.list_models()) == ["1.0.0", "1.0.1", "1.0.2"]


def test_versions_rise_numerically_over_the_highest_that_was_ever_used(registry, model):
    for version in ("1.0.9", None, "2.0.0", None):
        last = registry.save_model(model, "churn", version=version)
    registry.delete_model(last)
    registry.save_model(model, "churn")

    assert {row["version"] for row in registry.list_models()} == {"1.0.9", "1.0.10", "2.0.0", "2.0.2"}


def test_each_name_has_versions_of_its_own(registry, model):
    registry.save_model(model, "churn", version="3.1.4")
    registry.save_model(model, "fraud")

    assert {row["model_name"]: row["version"] for row in registry.list_models()} == {
        "churn": "3.1.4",
        "fraud": "1.0.0",
    }


@pytest.mark.parametrize("version", ["1.2.0", "", "1", "1.2", "latest", "1.2.x", "v1.2.0", "1.2.0.0"])
def test_a_version_that_is_taken_or_malformed_is_a_clear_error(registry, model, version):
    registry.save_model(model, "churn", version="1.2.0")

    with pytest.raises(Exception, match=f"version {version}|{version!r} is no version"):
        registry.save_model(model, "churn", version=version)

    assert len(registry.list_models()) == 1


# deletion


def test_deleting_a_model_removes_its_row_and_its_file(registry, model):
    model_id = registry.save_model(model, "churn")
    file = Path(registry.list_models()[0]["file_path"])
    assert file.exists()

    assert registry.delete_model(model_id) is True

    assert registry.list_models() == []
    assert not file.exists()
    assert registry.load_model(model_id=model_id) is None
    assert rows(registry, "SELECT count(*) FROM models") == [(0,)]


def test_a_model_in_production_is_not_deleted_unless_forced(registry, model):
    model_id = registry.save_model(model, "churn")
    registry.transition_model_stage(model_id, "Production")

    with pytest.raises(Exception, match="is in Production"):
        registry.delete_model(model_id)
    assert registry.load_model(model_id=model_id) is not None

    assert registry.delete_model(model_id, force=True) is True
    assert registry.list_models() == []


# edge cases


def test_a_corrupted_file_loads_as_none_and_the_reason_is_logged(registry, model, caplog):
    model_id = registry.save_model(model, "churn")
    Path(registry.list_models()[0]["file_path"]).write_bytes(b"this is no model")

    with caplog.at_level(logging.WARNING):
        assert registry.load_model(model_id=model_id) is None
        assert registry.load_model(version="1.0.0") is None

    assert "is not the file that was saved" in caplog.text


def test_a_missing_file_loads_as_none_and_the_reason_is_logged(registry, model, caplog):
    model_id = registry.save_model(model, "churn")
    Path(registry.list_models()[0]["file_path"]).unlink()

    assert registry.load_model(model_id=model_id) is None
    assert "No such file or directory" in caplog.text


def test_a_file_that_was_replaced_is_never_unpickled(registry, model, tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    model_id = registry.save_model(model, "churn")
    joblib.dump(Trap(), registry.list_models()[0]["file_path"])

    assert registry.load_model(model_id=model_id) is None
    assert not (tmp_path / "sprung").exists()


def test_no_name_is_too_strange_for_a_file_system(registry, model):
    names = ["../../escape", "/absolute", "with space", "Größe", "a" * 200, "churn", "CHURN", "x;rm -rf y"]
    ids = {name: registry.save_model(model, name) for name in names}
    files = [Path(row["file_path"]).resolve() for row in registry.list_models()]

    assert len({str(file).lower() for file in files}) == len(names)
    assert all(file.is_relative_to(registry.storage_path.resolve()) for file in files)
    for name, model_id in ids.items():
        assert registry.load_model(model_id=model_id) is not None
        assert registry.list_models(model_name=name)[0]["model_id"] == model_id
