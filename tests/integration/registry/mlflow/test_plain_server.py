"""What is saved on MLflow is seen and loaded by those who have MLflow alone."""

import pickle
import sys
from pathlib import Path

import joblib
import lightgbm
import mlflow
import mlflow.lightgbm
import mlflow.pyfunc
import mlflow.sklearn
import mlflow.xgboost
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from bakeoff.domain.model_version import VersionOrigin
from registry import MLflowModelRegistry
from registry.columns.signature import infer_signature
from registry.models.local.artefact_files import digest_of
from registry.models.mlflow.version_folder import to_mlflow_signature
from registry.models.registry_interface import Description, Fitted

pytestmark = pytest.mark.services

X = pd.DataFrame({"age": [20, 30, 40, 50, 60, 70] * 8, "income": [1.0, 2.5, 2.0, 4.5, 5.0, 6.5] * 8})
Y = np.array([0, 0, 0, 1, 1, 1] * 8)
SIGNATURE = infer_signature(X, Y)
MODEL = LogisticRegression().fit(X, Y)
SCALER = StandardScaler().fit(X)
SCALED = LogisticRegression().fit(SCALER.transform(X), Y)
ORIGIN = VersionOrigin(
    run_id="11111111-0000-4000-8000-000000000000",
    evaluation_id="22222222-0000-4000-8000-000000000000",
    candidate_id="logistic",
    dataset_id="d" * 64,
    split_id="e" * 64,
)


class OfOurOwn:
    """No estimator: it has `predict`, and that is all."""

    def predict(self, frame):
        return (np.asarray(frame["age"]) > 45).astype(int)


@pytest.fixture
def registry(mlflow_database, monkeypatch):
    """And plain MLflow looks into the same database."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_database)
    return MLflowModelRegistry(mlflow_database)


@pytest.fixture
def client(registry):
    return mlflow.MlflowClient()


@pytest.fixture
def alone(monkeypatch):
    """The modules that come with a model, as they are for whoever loads it: not imported yet."""
    monkeypatch.delitem(sys.modules, "bakeoff_model", raising=False)
    monkeypatch.setattr(sys, "path", sys.path[:])


def test_an_estimator_loads_as_what_it_is(registry):
    registry.save_model(MODEL, "churn")

    assert mlflow.sklearn.load_model("models:/churn/1").coef_.tolist() == MODEL.coef_.tolist()
    assert mlflow.pyfunc.load_model("models:/churn/1").predict(X[:6]).tolist() == [0, 0, 0, 1, 1, 1]


def test_signature_and_input_example_are_mlflows_own(registry):
    registry.save_model(MODEL, "churn", signature=SIGNATURE, input_example=X[:3])
    loaded = mlflow.pyfunc.load_model("models:/churn/1")

    assert str(loaded.metadata.signature.inputs) == "['age': long (required), 'income': double (required)]"
    assert str(loaded.metadata.signature.outputs) == "['prediction': long (required)]"
    pd.testing.assert_frame_equal(loaded.input_example, X[:3])
    with pytest.raises(mlflow.exceptions.MlflowException, match="missing inputs"):
        loaded.predict(X[["age"]])


def test_every_type_of_column_is_one_of_mlflows(registry):
    frame = pd.DataFrame(
        {
            "flag": [True, False],
            "count": [1, 2],
            "share": [0.5, None],
            "day": pd.to_datetime(["2026-11-25", "2026-11-26"]),
            "word": ["a", "b"],
        }
    )
    registry.save_model(OfOurOwn(), "churn", input_example=frame)

    assert str(mlflow.models.get_model_info("models:/churn/1").signature.inputs) == (
        "['flag': boolean (required), 'count': long (required), 'share': double (optional), "
        "'day': datetime (required), 'word': string (required)]"
    )


def test_a_category_is_of_the_type_of_its_values():
    columns = [
        {"name": "kind", "type": "category", "of": "text"},
        {"name": "floor", "type": "category", "of": "integer", "optional": True},
        {"name": "thing", "type": "any"},
    ]
    found = to_mlflow_signature({"inputs": columns, "outputs": []})

    assert (
        str(found.inputs) == "['kind': string (required), 'floor': long (optional), 'thing': Any (optional)]"
    )
    assert found.outputs is None


@pytest.mark.usefixtures("alone")
def test_a_preprocessor_is_applied_before_the_model(registry):
    registry.save_model(
        SCALED, "churn", signature=SIGNATURE, input_example=X[:3], preprocessor_artifact=SCALER
    )

    assert mlflow.pyfunc.load_model("models:/churn/1").predict(X[:6]).tolist() == [0, 0, 0, 1, 1, 1]
    assert mlflow.sklearn.load_model("models:/churn/1").coef_.tolist() == SCALED.coef_.tolist()
    file = mlflow.artifacts.download_artifacts("models:/churn/1/preprocessor.pkl")
    artifact = pickle.loads(Path(file).read_bytes())
    assert artifact["preprocessor"].mean_.tolist() == SCALER.mean_.tolist()


@pytest.mark.usefixtures("alone")
def test_whatever_predicts_is_a_python_function(registry):
    registry.save_model(OfOurOwn(), "churn", input_example=X[:3])
    loaded = mlflow.pyfunc.load_model("models:/churn/1")

    assert list(loaded.metadata.flavors) == ["python_function"]
    assert loaded.predict(X[:6]).tolist() == [0, 0, 0, 1, 1, 1]


def test_lightgbm_has_its_flavor(registry):
    model = lightgbm.LGBMClassifier(n_estimators=3, min_child_samples=2, verbose=-1).fit(X, Y)
    model_id = registry.save_model(model, "churn", input_example=X[:3])

    assert mlflow.lightgbm.load_model("models:/churn/1").predict(X[:6]).tolist() == [0, 0, 0, 1, 1, 1]
    assert mlflow.pyfunc.load_model("models:/churn/1").predict(X[:6]).tolist() == [0, 0, 0, 1, 1, 1]
    assert registry.load_model(model_id=model_id).predict(X[:6]).tolist() == [0, 0, 0, 1, 1, 1]


def test_a_booster_of_lightgbm_has_its_flavor(registry):
    parameters = {"objective": "binary", "min_data_in_leaf": 2, "verbose": -1}
    model = lightgbm.train(parameters, lightgbm.Dataset(X, Y), num_boost_round=3)
    model_id = registry.save_model(model, "churn")

    assert mlflow.lightgbm.load_model("models:/churn/1").predict(X).tolist() == model.predict(X).tolist()
    assert registry.load(model_id).model.predict(X).tolist() == model.predict(X).tolist()
    assert registry.get(model_id).file_path.endswith("/model.lgb")


@pytest.mark.usefixtures("alone")
def test_xgboost_has_its_flavor_with_a_preprocessor_too(registry):
    model = xgboost.XGBClassifier(n_estimators=3).fit(SCALER.transform(X), Y)
    model_id = registry.save_model(model, "churn", input_example=X[:3], preprocessor_artifact=SCALER)

    scaled = SCALER.transform(X[:6])
    assert mlflow.xgboost.load_model("models:/churn/1").predict(scaled).tolist() == [0, 0, 0, 1, 1, 1]
    assert mlflow.pyfunc.load_model("models:/churn/1").predict(X[:6]).tolist() == [0, 0, 0, 1, 1, 1]
    assert registry.load_model(model_id=model_id).predict(scaled).tolist() == [0, 0, 0, 1, 1, 1]
    file = mlflow.artifacts.download_artifacts("models:/churn/1/requirements.txt")
    assert f"xgboost=={xgboost.__version__}" in Path(file).read_text()


def test_what_a_cell_has_fitted_loads_as_a_model_of_scikit_learn(registry, tmp_path):
    file = tmp_path / "model.pkl"
    file.write_bytes(pickle.dumps(MODEL, protocol=5))
    said = Description(type="LogisticRegression", signature=SIGNATURE.to_json(), origin=ORIGIN)
    registry.save_fitted(Fitted(model=file, model_digest=digest_of(file)), "churn", said)

    assert mlflow.sklearn.load_model("models:/churn/1").coef_.tolist() == MODEL.coef_.tolist()
    assert mlflow.pyfunc.load_model("models:/churn/1").predict(X[:6]).tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("compress", [0, 3])
def test_what_joblib_wrote_loads_as_a_python_function(registry, tmp_path, compress):
    file = tmp_path / "model.joblib"
    joblib.dump(MODEL, file, compress=compress)
    fitted = Fitted(model=file, model_digest=digest_of(file))
    model_id = registry.save_fitted(fitted, "churn", Description(type="LogisticRegression"))

    assert mlflow.pyfunc.load_model("models:/churn/1").predict(X[:6]).tolist() == [0, 0, 0, 1, 1, 1]
    assert registry.load_model(model_id=model_id).coef_.tolist() == MODEL.coef_.tolist()


def test_parameters_metrics_tags_and_the_description_show(registry, client):
    registry.save_model(
        MODEL,
        "churn",
        metrics={"f1": 0.75, "package.module:gain": 2, "recall": None},
        hyperparameters={"C": 1.0, "grid": {"depth": 3}},
        description="who leaves",
        tags={"team": "growth", "whose?": "ours"},
    )
    found = client.get_model_version("churn", "1")
    run = client.get_run(found.run_id)
    (logged,) = client.search_logged_models([run.info.experiment_id])

    assert run.data.params == {"C": "1.0", "grid": "{'depth': 3}"}
    assert run.data.metrics == {"f1": 0.75, "package.module:gain": 2.0}
    assert run.info.status == "FINISHED"
    assert {metric.key: metric.value for metric in logged.metrics} == run.data.metrics
    assert (logged.params, logged.model_type) == (run.data.params, "LogisticRegression")
    assert (found.description, found.tags["team"]) == ("who leaves", "growth")
    assert registry.get("churn/1.0.0").tags == {"team": "growth", "whose?": "ours"}


def test_version_origin_digest_and_libraries_are_tags(registry, client):
    version = registry.get(registry.save_model(MODEL, "churn", version="2.1.0", origin=ORIGIN))
    tags = client.get_model_version("churn", "1").tags

    assert (tags["bakeoff.version"], tags["bakeoff.type"]) == ("2.1.0", "LogisticRegression")
    assert (tags["bakeoff.run"], tags["bakeoff.candidate"]) == (ORIGIN.run_id, "logistic")
    assert (tags["bakeoff.evaluation"], tags["bakeoff.dataset"]) == (ORIGIN.evaluation_id, "d" * 64)
    assert (tags["bakeoff.split"], tags["bakeoff.digest"]) == ("e" * 64, version.digest)
    assert f"scikit-learn=={version.libraries['scikit-learn']}" in tags["bakeoff.libraries"].split()


def test_more_parameters_than_mlflow_takes_at_once_are_all_there(registry, client):
    registry.save_model(MODEL, "churn", hyperparameters={f"weight {n}": n for n in range(250)})

    params = client.get_run(client.get_model_version("churn", "1").run_id).data.params
    assert (len(params), params["weight 249"]) == (250, "249")


def test_what_is_too_long_for_a_tag_or_a_parameter_is_kept_whole(registry):
    wide = pd.DataFrame([[0.0] * 3000], columns=[f"a column with a long name {n}" for n in range(3000)])
    model_id = registry.save_model(MODEL, "churn", input_example=wide, hyperparameters={"note": "x" * 9000})
    evidence = {"hooks": [{"output": "y" * 30_000}]}
    registry.transition_model_stage(model_id, "Staging", evidence=evidence)
    found = registry.get(model_id)

    assert found.signature["inputs"][2999]["name"] == "a column with a long name 2999"
    assert found.hyperparameters == {"note": "x" * 9000}
    assert registry.history("churn")[0].evidence == evidence


def test_tags_that_are_changed_in_mlflow_are_those_of_the_version(registry, client):
    registry.save_model(MODEL, "churn", tags={"team": "growth"})
    client.set_model_version_tag("churn", "1", "team", "sales")
    client.set_model_version_tag("churn", "1", "reviewed", "yes")

    assert registry.get("churn/1.0.0").tags == {"team": "sales", "reviewed": "yes"}


def test_stages_show_as_a_tag_and_production_as_an_alias(registry, client):
    for _ in range(2):
        registry.transition_model_stage(registry.save_model(MODEL, "churn"), "Production")

    stages = {int(found.version): found.tags["bakeoff.stage"] for found in client.search_model_versions()}
    assert stages == {1: "Archived", 2: "Production"}
    assert client.get_model_version_by_alias("churn", "production").version == 2
    assert mlflow.sklearn.load_model("models:/churn@production").coef_.tolist() == MODEL.coef_.tolist()
    assert [found.current_stage for found in client.search_model_versions()] == ["None", "None"]

    registry.transition_model_stage("churn/1.0.1", "Archived")
    assert client.get_registered_model("churn").aliases == {}


def test_the_alias_of_production_is_moved_by_stages_alone(registry):
    registry.save_model(MODEL, "churn")

    with pytest.raises(Exception, match="move the version to Production"):
        registry.set_alias("churn", "production", "churn/1.0.0")


def test_aliases_are_mlflows(registry, client):
    registry.save_model(MODEL, "churn")
    registry.set_alias("churn", "champion", "churn/1.0.0")
    client.set_registered_model_alias("churn", "blue", "1")

    assert client.get_model_version_by_alias("churn", "champion").version == 1
    assert registry.get("models:/churn@blue").aliases == ("blue", "champion")


def test_what_others_registered_under_the_name_is_left_alone(registry, client):
    with mlflow.start_run() as run:
        mlflow.log_param("by", "hand")
    client.create_registered_model("churn")
    client.create_model_version("churn", f"runs:/{run.info.run_id}/model", run.info.run_id)
    registry.save_model(MODEL, "churn")

    assert [version.id for version in registry.versions()] == ["models:/churn/2"]
    assert registry.delete_model("models:/churn/1") is False
    assert client.get_model_version("churn", "1").run_id == run.info.run_id


def test_a_name_that_mlflow_refuses_is_written_another_way_there(registry, client):
    registry.save_model(MODEL, "shop/churn:eu")

    assert [model.name for model in client.search_registered_models()] == ["shop%2Fchurn%3Aeu"]
    assert mlflow.sklearn.load_model("models:/shop%2Fchurn%3Aeu/1").coef_.tolist() == MODEL.coef_.tolist()
