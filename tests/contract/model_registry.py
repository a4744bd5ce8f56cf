"""What every backend of the registry promises, as tests. A third party runs them over theirs:

    class TestMine(ModelRegistryContract):
        @pytest.fixture
        def registry(self, tmp_path):
            return MyRegistry(tmp_path)

        def damage(self, registry, model_id):
            ...  # change one byte of the stored model behind the registry's back

A backend whose storage outlives its process, or is shared with others, derives from
`SharedModelRegistryContract` and adds a fixture `reopen`.
"""

import hashlib
import os
import pickle
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures.projects.crowd import in_processes
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from bakeoff.domain.errors import InvalidInputError, NotFoundError, OvertakenError, TamperedError
from bakeoff.domain.model_version import Stage, VersionFilter, VersionOrigin
from bakeoff.settings.registry_settings import PromotionSettings
from registry.columns.signature import Signature, infer_signature
from registry.models.promotion import promote, rollback
from registry.models.registry_interface import NO_VERSION, BaseModelRegistry, Description, Fitted, Identifier

X = pd.DataFrame({"age": [20, 30, 40, 50, 60, 70], "income": [1.0, 2.5, 2.0, 4.5, 5.0, 6.5]})
Y = np.array([0, 0, 0, 1, 1, 1])
MODEL = LogisticRegression().fit(X, Y)
OTHER = LogisticRegression().fit(X, 1 - Y)
SCALER = StandardScaler().fit(X)
ROW_KEYS = {
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
ORIGIN = VersionOrigin(
    run_id="11111111-0000-4000-8000-000000000000",
    evaluation_id="22222222-0000-4000-8000-000000000000",
    candidate_id="logistic",
    dataset_id="d" * 64,
    split_id="e" * 64,
)
NOWHERE_TO_BE_FOUND = [
    "churn/9.9.9",
    "models:/churn/9.9.9",
    "models:/nobody/1.0.0",
    "models:/churn/77",
    "models:/churn/Archived",
    "models:/churn@nobody",
    "models:/nobody/latest",
    "runs:/11111111-0000-4000-8000-000000000000/nobody",
]


class Trap:
    """A pickle that does something when it is unpickled: it makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def save(registry: BaseModelRegistry, name: str = "churn", **given) -> Identifier:
    return registry.save_model(MODEL, name, **given)


def versions(registry: BaseModelRegistry, name: str = "churn") -> list[str]:
    """Oldest first."""
    return [version.version for version in reversed(registry.versions(VersionFilter(name=name)))]


def names(registry: BaseModelRegistry, **filters) -> list[str]:
    """`name/version` of what is listed, in its order."""
    return [f"{row['model_name']}/{row['version']}" for row in registry.list_models(**filters)]


def fitted(folder: Path, model: object = MODEL, preprocessor: object = None) -> Fitted:
    """What a cell would have left in this folder."""
    file = folder / "fitted.pkl"
    file.write_bytes(pickle.dumps(model, protocol=5))
    beside = None
    if preprocessor is not None:
        beside = folder / "fitted.preprocessor.pkl"
        beside.write_bytes(pickle.dumps({"preprocessor": preprocessor}, protocol=5))
    return Fitted(
        model=file,
        model_digest=_sha256(file),
        preprocessor=beside,
        preprocessor_digest=None if beside is None else _sha256(beside),
    )


def folder_in(parent: Path) -> Path:
    """A new one, for copies."""
    (folder := parent / "copies").mkdir(parents=True)
    return folder


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def flip_a_byte(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


class ModelRegistryContract:
    def damage(self, registry: BaseModelRegistry, model_id: Identifier) -> None:
        """Change one byte of the stored model, behind the registry's back."""
        flip_a_byte(Path(registry.get(model_id).file_path))

    # versions

    def test_the_first_version_of_a_name_is_1_0_0_and_then_the_patch_rises(self, registry):
        for _ in range(3):
            save(registry)

        assert versions(registry) == ["1.0.0", "1.0.1", "1.0.2"]

    def test_the_patch_rises_over_the_numerically_highest_version(self, registry):
        for given in ["1.0.9", None, "2.0.0", None, "1.5.0", None]:
            save(registry, version=given)

        assert versions(registry) == ["1.0.9", "1.0.10", "2.0.0", "2.0.1", "1.5.0", "2.0.2"]

    def test_each_name_counts_for_itself(self, registry):
        for name in ["churn", "fraud", "churn"]:
            save(registry, name)

        assert names(registry) == ["churn/1.0.1", "fraud/1.0.0", "churn/1.0.0"]
        assert [version.serial for version in registry.versions(VersionFilter(name="churn"))] == [2, 1]

    @pytest.mark.parametrize(
        "malformed", ["", "1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.-1", " 1.0.0", "1.0.0\n", "٣.0.0"]
    )
    def test_a_malformed_version_is_refused_and_nothing_is_saved(self, registry, malformed):
        with pytest.raises(InvalidInputError, match="is no version"):
            save(registry, version=malformed)

        assert registry.list_models() == []

    def test_a_class_of_a_script_is_saved_with_its_code(self, registry, monkeypatch):
        script = {"__name__": "__main__"}
        exec("class Mine:\n    def predict(self, X):\n        return [7 for _ in X]\n", script)
        with monkeypatch.context() as running:
            running.setattr("__main__.Mine", script["Mine"], raising=False)
            registry.save_model(script["Mine"](), "mine", preprocessor_artifact=script["Mine"]())

        loaded = registry.load("mine/1.0.0")
        assert loaded.model.predict([1]) == [7]
        assert loaded.preprocessor_artifact["preprocessor"].predict([1]) == [7]

    def test_a_version_that_a_name_has_is_refused_and_named(self, registry):
        save(registry, version="1.2.0")

        with pytest.raises(InvalidInputError, match=r"churn.*1\.2\.0"):
            save(registry, version="1.2.0")

        assert versions(registry) == ["1.2.0"]

    def test_a_refused_save_uses_up_no_version(self, registry):
        save(registry)
        for wrong in [{"version": "1.0.0"}, {"version": "one"}, {"metrics": {"f1": "good"}}]:
            with pytest.raises(InvalidInputError):
                save(registry, **wrong)
        save(registry)

        assert versions(registry) == ["1.0.0", "1.0.1"]
        assert registry.get("churn/1.0.1").serial == 2

    def test_a_deleted_version_is_never_given_again(self, registry):
        save(registry)
        gone = save(registry)
        registry.delete_model(gone)

        save(registry)
        with pytest.raises(InvalidInputError, match=r"1\.0\.1"):
            save(registry, version="1.0.1")

        assert versions(registry) == ["1.0.0", "1.0.2"]
        assert registry.get("models:/churn/3").version == "1.0.2"

    # saving

    def test_all_that_was_saved_with_a_model_comes_back(self, registry):
        model_id = registry.save_model(
            MODEL,
            "churn",
            "RandomForest",
            {"f1": 0.75, "rmse": None},
            {"depth": 3, "grid": (1, 2), "weight": np.float32(0.5)},
            "who leaves",
            "1.2.0",
            SCALER,
            infer_signature(X, Y),
            X,
            {"author": "me", "folds": [1, 2]},
            {"team": "growth"},
            feature_names=["age", "income"],
            origin=ORIGIN,
        )
        found = registry.get(model_id)

        assert (found.id, found.name, found.type) == (model_id, "churn", "RandomForest")
        assert (found.version, found.serial, found.stage) == ("1.2.0", 1, "Development")
        assert found.metrics == {"f1": 0.75, "rmse": None}
        assert found.hyperparameters == {"depth": 3, "grid": [1, 2], "weight": 0.5}
        assert (found.description, found.tags) == ("who leaves", {"team": "growth"})
        assert (found.metadata, found.origin) == ({"author": "me", "folds": [1, 2]}, ORIGIN)
        assert found.feature_names == ("age", "income")
        assert Signature.from_json(found.signature) == infer_signature(X, Y)
        assert (found.has_preprocessor, found.has_input_example) == (True, True)
        assert (len(found.digest), found.size_bytes > 0) == (64, True)
        assert {"python", "numpy", "scikit-learn"} <= set(found.libraries)
        assert found.created_at.utcoffset().total_seconds() == 0

    def test_without_a_type_the_name_of_the_class_is_it(self, registry):
        assert registry.get(save(registry)).type == "LogisticRegression"

    def test_a_value_that_is_not_finite_is_kept_as_none(self, registry):
        model_id = save(registry, metrics={"f1": float("nan"), "loss": float("inf"), "recall": 1})

        assert registry.get(model_id).metrics == {"f1": None, "loss": None, "recall": 1.0}

    def test_the_signature_is_inferred_from_the_example(self, registry):
        found = registry.get(save(registry, input_example=X))

        assert [column["name"] for column in found.signature["inputs"]] == ["age", "income"]
        assert [column["type"] for column in found.signature["inputs"]] == ["integer", "float"]

    @pytest.mark.parametrize("name", ["churn", "Größe", "model v2", "a.b-c_d", "名前", "x" * 200])
    def test_a_name_is_kept_as_it_is(self, registry, name):
        model_id = save(registry, name)

        assert registry.get(model_id).name == name
        assert registry.get(f"models:/{name}/1.0.0").id == model_id
        assert [row["model_name"] for row in registry.list_models()] == [name]

    @pytest.mark.parametrize(
        "name", ["a/b", "../churn", "/etc/passwd", "a:b", "a@b", "models:/x", "..", ".", "CON", "a%2Fb", "'"]
    )
    def test_an_awkward_name_is_kept_or_refused_but_never_changed(self, registry, name):
        try:
            model_id = save(registry, name)
        except InvalidInputError:
            assert registry.list_models() == []
        else:
            assert registry.get(model_id).name == name
            assert registry.get(f"models:/{name}/1.0.0").id == model_id
            assert registry.load(model_id).model.coef_.tolist() == MODEL.coef_.tolist()

    @pytest.mark.parametrize("name", ["", "  ", "x" * 201, "\ud800"])
    def test_what_is_no_name_is_refused(self, registry, name):
        with pytest.raises(InvalidInputError, match="a model cannot be named"):
            save(registry, name)

        assert registry.list_models() == []

    def test_names_that_differ_in_case_alone_are_two_names(self, registry):
        save(registry, "churn", description="small")
        save(registry, "Churn", description="large")

        assert registry.get("churn/1.0.0").description == "small"
        assert registry.get("Churn/1.0.0").description == "large"

    def test_savers_at_once_never_get_the_same_version(self, registry):
        savers = [threading.Thread(target=save, args=(registry,)) for _ in range(8)]
        for saver in savers:
            saver.start()
        for saver in savers:
            saver.join(60)

        assert sorted(versions(registry)) == [f"1.0.{patch}" for patch in range(8)]

    # saving what a cell has fitted

    def test_what_a_cell_has_fitted_is_taken_as_it_is(self, registry, tmp_path):
        said = Description(type="LogisticRegression", metrics={"f1": 0.5}, origin=ORIGIN)
        model_id = registry.save_fitted(fitted(tmp_path, preprocessor=SCALER), "churn", said)
        loaded = registry.load(model_id)

        assert loaded.version.metrics == {"f1": 0.5}
        assert loaded.version.origin == ORIGIN
        assert loaded.model.coef_.tolist() == MODEL.coef_.tolist()
        assert loaded.preprocessor_artifact["preprocessor"].mean_.tolist() == SCALER.mean_.tolist()

    def test_what_a_cell_has_fitted_is_not_unpickled_when_it_is_saved(self, registry, tmp_path):
        mark = tmp_path / "sprung"

        registry.save_fitted(fitted(tmp_path, model=Trap(mark)), "churn", Description(type="Trap"))

        assert versions(registry) == ["1.0.0"]
        assert not mark.exists()

    def test_a_model_is_copied_as_it_was_saved_and_not_unpickled(self, registry, tmp_path):
        mark, copies = tmp_path / "sprung", folder_in(tmp_path)
        left = fitted(tmp_path, model=Trap(mark))
        registry.save_fitted(left, "churn", Description(type="Trap"))

        version, copied = registry.copy_fitted("models:/churn/1.0.0", copies)

        assert copied.model.read_bytes() == left.model.read_bytes()
        assert _sha256(copied.model) == copied.model_digest == version.digest == left.model_digest
        assert not mark.exists()

    def test_its_preprocessor_is_copied_with_a_model(self, registry, tmp_path):
        save(registry, version="1.0.0", preprocessor_artifact=SCALER)
        save(registry, version="1.0.1")

        _, whole = registry.copy_fitted("models:/churn/1.0.0", folder_in(tmp_path / "whole"))
        _, alone = registry.copy_fitted("models:/churn/1.0.1", folder_in(tmp_path / "alone"))

        assert _sha256(whole.preprocessor) == whole.preprocessor_digest
        assert (alone.preprocessor, alone.preprocessor_digest) == (None, None)

    def test_a_damaged_model_is_not_copied(self, registry, tmp_path):
        model_id = save(registry)
        self.damage(registry, model_id)

        with pytest.raises(TamperedError):
            registry.copy_fitted(model_id, copies := folder_in(tmp_path))

        assert not list(copies.iterdir())

    def test_what_does_not_exist_cannot_be_copied(self, registry, tmp_path):
        with pytest.raises(NotFoundError):
            registry.copy_fitted("models:/churn/1.0.0", tmp_path)

    @pytest.mark.parametrize("part", ["model_digest", "preprocessor_digest"])
    def test_bytes_that_are_not_those_that_were_hashed_are_refused(self, registry, tmp_path, part):
        left = fitted(tmp_path, preprocessor=SCALER)
        changed = Fitted(**{**vars(left), part: "0" * 64})

        with pytest.raises(TamperedError):
            registry.save_fitted(changed, "churn", Description(type="LogisticRegression"))

        assert registry.list_models() == []

    def test_an_evaluation_is_saved_once(self, registry, tmp_path):
        said = Description(type="LogisticRegression", origin=ORIGIN)
        first = registry.save_fitted(fitted(tmp_path), "churn", said)
        again = registry.save_fitted(fitted(tmp_path), "churn", said)

        assert again == first
        assert versions(registry) == ["1.0.0"]

    def test_models_from_nowhere_are_not_taken_for_one(self, registry, tmp_path):
        for _ in range(2):
            registry.save_fitted(fitted(tmp_path), "churn", Description(type="LogisticRegression"))

        assert versions(registry) == ["1.0.0", "1.0.1"]

    # looking up and loading

    @pytest.mark.parametrize(
        ("uri", "version"),
        [
            ("churn/1.0.1", "1.0.1"),
            ("models:/churn/1.0.1", "1.0.1"),
            ("models:/churn/2", "1.0.1"),
            ("models:/churn/latest", "1.0.2"),
            ("models:/churn/Staging", "1.0.1"),
            ("models:/churn/staging", "1.0.1"),
            ("models:/churn/Development", "1.0.2"),
            ("models:/churn@champion", "1.0.0"),
            ("runs:/11111111-0000-4000-8000-000000000000/logistic", "1.0.0"),
        ],
    )
    def test_a_version_is_found_by_each_kind_of_uri(self, registry, uri, version):
        first = save(registry, origin=ORIGIN)
        registry.transition_model_stage(save(registry), "Staging")
        save(registry)
        save(registry, "fraud")
        registry.set_alias("churn", "champion", first)

        assert registry.get(uri).uri == f"models:/churn/{version}"
        assert registry.load(uri).version.version == version
        assert (
            registry.load_model(uri if "//" in uri else registry.get(uri).uri)["version"]["version"]
            == version
        )

    def test_an_id_is_good_as_text_too(self, registry):
        model_id = save(registry)

        assert registry.get(str(model_id)).id == model_id

    def test_a_model_is_loaded_by_id_and_by_version(self, registry):
        model_id = save(registry)

        for loaded in [
            registry.load_model(model_id=model_id),
            registry.load_model("churn/1.0.0"),
            registry.load_model(version="1.0.0"),
            registry.load_model(model_name="churn", version="1.0.0"),
        ]:
            assert loaded.predict(X).tolist() == [0, 0, 0, 1, 1, 1]

    @pytest.mark.parametrize("identifier", NOWHERE_TO_BE_FOUND)
    def test_what_does_not_exist_is_an_error_that_names_it(self, registry, identifier):
        save(registry)

        for look in (registry.get, registry.load):
            with pytest.raises(NotFoundError, match=identifier.removeprefix("models:/")):
                look(identifier)

    def test_what_does_not_exist_loads_as_none_by_id_and_version(self, registry, caplog):
        save(registry)

        assert registry.load_model("churn/9.9.9") is None
        assert registry.load_model(version="9.9.9") is None
        assert registry.load_model(model_name="nobody", version="1.0.0") is None
        assert caplog.text.count("no model is loaded") == 3

    def test_by_a_uri_what_does_not_exist_is_an_error(self, registry):
        with pytest.raises(NotFoundError):
            registry.load_model("models:/churn/1.0.0")

    def test_a_version_alone_will_do_while_one_name_has_it(self, registry):
        save(registry, "churn")
        save(registry, "fraud")
        save(registry, "fraud")

        assert registry.load_model(version="1.0.1") is not None
        with pytest.raises(InvalidInputError, match=r"several names \(churn, fraud\)"):
            registry.load_model(version="1.0.0")

    @pytest.mark.parametrize(
        "malformed",
        ["churn", "models:/", "models:/churn", "models:/churn/1.0", "runs:/x"],
    )
    def test_what_names_no_model_is_refused(self, registry, malformed):
        with pytest.raises(InvalidInputError, match="names no model"):
            registry.get(malformed)

    def test_by_uri_comes_all_that_was_saved_together(self, registry):
        save(
            registry,
            metrics={"f1": 0.5},
            hyperparameters={"C": 1.0},
            tags={"team": "growth"},
            preprocessor_artifact=SCALER,
            input_example=X,
            metadata={"author": "me"},
            origin=ORIGIN,
        )
        bundle = registry.load_model("models:/churn/1.0.0")

        assert bundle["model"].coef_.tolist() == MODEL.coef_.tolist()
        assert set(bundle["preprocessor_artifact"]) == {
            "preprocessor",
            "model_name",
            "feature_names_in",
            "feature_names_out",
        }
        assert bundle["preprocessor_artifact"]["feature_names_in"] == ["age", "income"]
        assert bundle["preprocessor_artifact"]["feature_names_out"] == ["age", "income"]
        assert bundle["metadata"]["params"] == {"C": 1.0}
        assert bundle["metadata"]["metrics"] == {"f1": 0.5}
        assert bundle["metadata"]["tags"] == {"team": "growth"}
        assert bundle["metadata"]["author"] == "me"
        assert bundle["run_id"] == ORIGIN.run_id
        pd.testing.assert_frame_equal(bundle["input_example"], X)

    def test_a_preprocessor_can_be_given_with_its_names(self, registry):
        given = {
            "preprocessor": SCALER,
            "model_name": "m",
            "feature_names_in": ["a"],
            "feature_names_out": ["b"],
        }
        loaded = registry.load(save(registry, preprocessor_artifact=given))

        assert loaded.preprocessor_artifact["feature_names_in"] == ["a"]
        assert loaded.preprocessor_artifact["model_name"] == "m"

    @pytest.mark.parametrize("given", [{}, {"scaler": SCALER}, {"preprocessor": None}])
    def test_a_preprocessor_without_a_transformer_is_refused(self, registry, given):
        with pytest.raises(InvalidInputError, match="a preprocessor artifact is a transformer, or a dict"):
            save(registry, preprocessor_artifact=given)

        assert registry.list_models() == []

    def test_a_damaged_model_never_loads(self, registry, caplog):
        model_id = save(registry)
        self.damage(registry, model_id)

        assert registry.load_model(model_id=model_id) is None
        assert registry.load_model(version="1.0.0") is None
        assert "no model is loaded: " in caplog.text
        for load in (registry.load, registry.load_model):
            with pytest.raises(TamperedError):
                load("models:/churn/1.0.0")

    def test_a_damaged_version_is_neither_promoted_nor_gone_back_to(self, registry, tmp_path):
        damaged, sound, never_promoted = (save(registry, version=f"1.0.{patch}") for patch in range(3))
        for model_id in (damaged, sound):
            promote(registry, model_id, policy=PromotionSettings(), root=tmp_path)
        for model_id in (damaged, never_promoted):
            self.damage(registry, model_id)

        for act in (
            lambda: registry.verify(damaged),
            lambda: promote(registry, never_promoted, policy=PromotionSettings(), root=tmp_path, force=True),
            lambda: rollback(registry, "churn", policy=PromotionSettings(), root=tmp_path),
        ):
            with pytest.raises(TamperedError):
                act()
        registry.verify(sound)
        assert registry.get("models:/churn/Production").version == "1.0.1"
        assert (
            promote(
                registry, damaged, policy=PromotionSettings(), root=tmp_path, stage=Stage.DEVELOPMENT
            ).to_stage
            == Stage.DEVELOPMENT
        )

    # listing

    def test_an_empty_registry_lists_nothing(self, registry):
        assert registry.list_models() == []
        assert registry.versions() == []
        assert registry.history() == []

    def test_models_are_listed_newest_first_in_pages(self, registry):
        for name in ["a", "b", "c", "d"]:
            save(registry, name)

        assert names(registry) == ["d/1.0.0", "c/1.0.0", "b/1.0.0", "a/1.0.0"]
        assert names(registry, limit=2) == ["d/1.0.0", "c/1.0.0"]
        assert names(registry, limit=2, offset=2) == ["b/1.0.0", "a/1.0.0"]
        assert names(registry, offset=3) == ["a/1.0.0"]

    def test_a_row_holds_all_there_is_to_say(self, registry):
        save(registry, metrics={"f1": 0.5})
        (row,) = registry.list_models()

        assert row.keys() >= ROW_KEYS
        assert row["created_at"].endswith("Z")
        assert (row["stage"], row["metrics"], row["hyperparameters"]) == ("Development", {"f1": 0.5}, {})

    @pytest.mark.parametrize(
        ("filters", "found"),
        [
            ({"model_name": "churn"}, ["churn/1.0.1", "churn/1.0.0"]),
            ({"model_type": "Tree"}, ["fraud/1.0.0", "churn/1.0.0"]),
            ({"stage": "Staging"}, ["churn/1.0.1"]),
            ({"stage": Stage.STAGING}, ["churn/1.0.1"]),
            ({"tags": {"team": "growth"}}, ["fraud/1.0.0", "churn/1.0.0"]),
            ({"tags": {"team": "growth", "size": "big"}}, ["churn/1.0.0"]),
            ({"tags": {"team": "%"}}, []),
            ({"min_f1": 0.5}, ["churn/1.0.1", "churn/1.0.0"]),
            ({"min_f1": 0.6}, ["churn/1.0.1"]),
            ({"min_metrics": {"f1": 0.1, "recall": 0.9}}, ["churn/1.0.1"]),
            ({"min_metrics": {"recall": 0.9}, "min_f1": 0.99}, []),
            ({"dataset_id": "d" * 64}, ["fraud/1.0.0"]),
            ({"run_id": ORIGIN.run_id}, ["fraud/1.0.0"]),
            ({"version": "1.0.0"}, ["fraud/1.0.0", "churn/1.0.0"]),
            ({"model_name": "churn", "model_type": "Tree"}, ["churn/1.0.0"]),
            ({"model_name": "Churn"}, []),
            ({"model_name": "churn", "limit": 1, "offset": 1}, ["churn/1.0.0"]),
        ],
    )
    def test_filters_hold_all_together(self, registry, filters, found):
        save(registry, model_type="Tree", metrics={"f1": 0.5}, tags={"team": "growth", "size": "big"})
        staged = save(
            registry, model_type="Linear", metrics={"f1": 0.75, "recall": 0.9}, tags={"team": "ops"}
        )
        save(
            registry, "fraud", model_type="Tree", tags={"team": "growth"}, metrics={"f1": None}, origin=ORIGIN
        )
        registry.transition_model_stage(staged, "Staging")

        assert names(registry, **filters) == found

    # the best

    @pytest.mark.parametrize(
        ("metric", "best"),
        [("f1", "1.0.1"), ("rmse", "1.0.2"), ("val_loss", "1.0.0"), ("neg_log_loss", "1.0.0")],
    )
    def test_more_is_better_but_for_errors_and_losses(self, registry, metric, best):
        save(registry, metrics={"f1": 0.5, "rmse": 3.0, "val_loss": 0.1, "neg_log_loss": -0.1})
        save(registry, metrics={"f1": 0.75, "rmse": 2.0, "val_loss": 0.2, "neg_log_loss": -0.2})
        save(registry, metrics={"f1": 0.25, "rmse": 1.0, "val_loss": 0.3, "neg_log_loss": -0.3})

        assert registry.get_best_model(metric)["version"] == best

    @pytest.mark.parametrize("metric", ["f1", "rmse"])
    def test_a_value_that_is_no_number_never_wins(self, registry, metric):
        for value in [float("nan"), 0.5, float("inf"), float("-inf"), None]:
            save(registry, metrics={metric: value})

        assert registry.get_best_model(metric)["version"] == "1.0.1"

    def test_which_is_better_is_what_any_of_the_versions_says_of_its_custom_metric(self, registry):
        says = {"greaterIsBetter": {"shop:returns": False}}
        few = save(registry, metrics={"shop:returns": 1.0}, metadata=says)
        save(registry, metrics={"shop:returns": 9.0})

        assert registry.best("shop:returns").id == few

    def test_there_is_no_best_where_nothing_matches(self, registry):
        assert registry.get_best_model() is None
        save(registry, metrics={"f1": 0.5, "recall": None})

        assert registry.get_best_model("recall") is None
        assert registry.get_best_model("precision") is None
        assert registry.get_best_model(model_type="Tree") is None
        assert registry.get_best_model(model_name="fraud") is None
        assert registry.get_best_model(dataset_id="d" * 64) is None

    def test_the_best_is_looked_for_among_what_is_asked_for(self, registry):
        save(registry, metrics={"f1": 0.9}, model_type="Tree")
        save(registry, metrics={"f1": 0.5})
        save(registry, "fraud", metrics={"f1": 0.7}, origin=ORIGIN)

        assert registry.get_best_model()["uri"] == "models:/churn/1.0.0"
        assert registry.get_best_model("f1", "LogisticRegression")["uri"] == "models:/fraud/1.0.0"
        assert registry.get_best_model("f1", None, "fraud")["uri"] == "models:/fraud/1.0.0"
        assert registry.get_best_model(dataset_id="d" * 64)["uri"] == "models:/fraud/1.0.0"
        assert registry.get_best_model("f1", "LogisticRegression", "churn")["uri"] == "models:/churn/1.0.1"

    def test_of_equals_the_newest_is_the_best(self, registry):
        for _ in range(3):
            save(registry, metrics={"f1": 0.5, "loss": 0.5})

        assert registry.get_best_model("f1")["version"] == "1.0.2"
        assert registry.get_best_model("loss")["version"] == "1.0.2"

    # deleting

    def test_what_is_deleted_is_gone(self, registry):
        kept, gone = save(registry), save(registry, preprocessor_artifact=SCALER)
        registry.set_alias("churn", "champion", gone)

        assert registry.delete_model(gone) is True

        assert versions(registry) == ["1.0.0"]
        assert registry.load_model(model_id=gone) is None
        assert registry.load_model(model_id=kept) is not None
        with pytest.raises(NotFoundError):
            registry.get("models:/churn@champion")

    def test_what_does_not_exist_cannot_be_deleted(self, registry):
        save(registry)

        assert registry.delete_model("churn/9.9.9") is False
        assert versions(registry) == ["1.0.0"]

    def test_what_is_in_production_is_deleted_by_force_alone(self, registry):
        model_id = save(registry)
        registry.transition_model_stage(model_id, "Production")

        with pytest.raises(InvalidInputError, match="Production"):
            registry.delete_model(model_id)
        assert versions(registry) == ["1.0.0"]

        assert registry.delete_model(model_id, force=True) is True
        assert versions(registry) == []

    # stages

    def test_a_change_of_stage_is_a_line_of_the_log(self, registry):
        save(registry)
        line = registry.transition_model_stage(
            "churn/1.0.0", "Staging", by="me", reason="it is good", evidence={"metrics": {"f1": 0.5}}
        )

        assert (line.model_name, line.version) == ("churn", "1.0.0")
        assert (line.from_stage, line.to_stage, line.replaced) == ("Development", "Staging", None)
        assert (line.by, line.reason, line.evidence) == ("me", "it is good", {"metrics": {"f1": 0.5}})
        assert registry.history() == [line]
        assert registry.get("churn/1.0.0").stage is Stage.STAGING

    def test_who_changed_a_stage_is_the_user_if_nobody_else_is_named(self, registry, monkeypatch):
        monkeypatch.setenv("LOGNAME", "ada")

        assert registry.transition_model_stage(save(registry), "staging").by == "ada"

    def test_one_version_of_a_name_is_in_production(self, registry):
        first, second, elsewhere = save(registry), save(registry), save(registry, "fraud")
        for model_id in (first, elsewhere, second):
            registry.transition_model_stage(model_id, "Production")

        assert names(registry, stage="Production") == ["fraud/1.0.0", "churn/1.0.1"]
        assert registry.get(first).stage is Stage.ARCHIVED
        assert [line.replaced for line in registry.history()] == ["1.0.0", None, None]

    def test_a_promotion_may_say_which_version_it_replaces(self, registry):
        first, second = save(registry), save(registry)
        registry.transition_model_stage(first, "Production", replacing=NO_VERSION)

        assert registry.transition_model_stage(second, "Production", replacing="1.0.0").replaced == "1.0.0"

    @pytest.mark.parametrize("expected", [NO_VERSION, "1.0.1", "9.9.9"])
    def test_a_promotion_over_another_version_than_it_says_changes_nothing(self, registry, expected):
        first, second = save(registry), save(registry)
        registry.transition_model_stage(first, "Production")

        with pytest.raises(OvertakenError, match=r"Production of churn is 1\.0\.0 by now, and not"):
            registry.transition_model_stage(second, "Production", replacing=expected)
        assert names(registry, stage="Production") == ["churn/1.0.0"]
        assert registry.get(second).stage is Stage.DEVELOPMENT
        assert len(registry.history()) == 1

    def test_of_promoters_at_once_that_say_the_same_one_succeeds(self, registry):
        registry.transition_model_stage(save(registry), "Production")
        contenders = [save(registry) for _ in range(6)]
        overtaken = []

        def promote(model_id: Identifier) -> None:
            try:
                registry.transition_model_stage(model_id, "Production", replacing="1.0.0")
            except OvertakenError:
                overtaken.append(model_id)

        promoters = [threading.Thread(target=promote, args=(model_id,)) for model_id in contenders]
        for promoter in promoters:
            promoter.start()
        for promoter in promoters:
            promoter.join(60)

        (winner,) = set(contenders) - set(overtaken)
        assert len(overtaken) == 5
        assert [row["model_id"] for row in registry.list_models(stage="Production")] == [winner]
        assert len(registry.history()) == 2

    def test_a_line_that_changes_no_stage_can_be_added_to_the_log(self, registry):
        promoted = registry.transition_model_stage(save(registry), "Production", by="me")
        told = replace(promoted, from_stage=Stage.PRODUCTION, evidence={"hooks": [{"passed": False}]})
        registry.record(told)

        assert registry.history("churn") == [told, promoted]
        assert names(registry, stage="Production") == ["churn/1.0.0"]

    def test_what_is_in_production_stays_there_when_another_moves_elsewhere(self, registry):
        first, second = save(registry), save(registry)
        registry.transition_model_stage(first, "Production")
        for stage in ("Staging", "Archived", "Development"):
            assert registry.transition_model_stage(second, stage).replaced is None

        assert registry.get(first).stage is Stage.PRODUCTION

    def test_a_line_that_is_noted_late_does_not_bring_a_stage_back(self, registry):
        first, second = save(registry), save(registry)
        promoted = registry.transition_model_stage(first, "Production")
        registry.transition_model_stage(second, "Production")
        registry.record(replace(promoted, from_stage=Stage.PRODUCTION))

        assert names(registry, stage="Production") == ["churn/1.0.1"]
        assert registry.get(first).stage is Stage.ARCHIVED

    def test_many_versions_of_a_name_may_be_in_any_other_stage(self, registry):
        for _ in range(3):
            registry.transition_model_stage(save(registry), "Staging")

        assert len(registry.list_models(stage="Staging")) == 3
        assert registry.get("models:/churn/Staging").version == "1.0.2"

    @pytest.mark.parametrize("stage", ["Live", "", "production!"])
    def test_what_is_no_stage_is_refused_with_those_there_are(self, registry, stage):
        save(registry)

        with pytest.raises(InvalidInputError, match="there are Development, Staging, Production, Archived"):
            registry.transition_model_stage("churn/1.0.0", stage)
        assert registry.history() == []

    def test_what_does_not_exist_has_no_stage(self, registry):
        with pytest.raises(NotFoundError):
            registry.transition_model_stage("churn/1.0.0", "Staging")

    def test_the_log_is_read_newest_first_by_name(self, registry):
        for name in ["churn", "fraud", "churn"]:
            registry.transition_model_stage(save(registry, name), "Staging")

        assert [(line.model_name, line.version) for line in registry.history()] == [
            ("churn", "1.0.1"),
            ("fraud", "1.0.0"),
            ("churn", "1.0.0"),
        ]
        assert [line.version for line in registry.history("churn")] == ["1.0.1", "1.0.0"]
        assert [line.version for line in registry.history("churn", limit=1)] == ["1.0.1"]

    def test_the_log_outlives_the_version(self, registry):
        model_id = save(registry)
        registry.transition_model_stage(model_id, "Staging")
        registry.delete_model(model_id)

        assert [line.version for line in registry.history("churn")] == ["1.0.0"]

    def test_a_model_is_loaded_by_its_stage(self, registry):
        save(registry)
        registry.transition_model_stage(save(registry, metrics={"f1": 0.5}), "Production")
        bundle = registry.get_model_by_stage("churn", "Production")

        assert set(bundle) >= {"model", "preprocessor_artifact", "metadata", "run_id"}
        assert bundle["metadata"]["metrics"] == {"f1": 0.5}
        assert bundle["preprocessor_artifact"] is None

    def test_a_stage_that_no_version_is_in_is_an_error(self, registry):
        save(registry)

        with pytest.raises(NotFoundError, match="churn/Production"):
            registry.get_model_by_stage("churn", "Production")

    # aliases

    def test_an_alias_moves_and_goes(self, registry):
        first, second = save(registry), save(registry)
        registry.set_alias("churn", "champion", first)
        registry.set_alias("churn", "blue", first)
        registry.set_alias("churn", "champion", second)

        assert registry.get("models:/churn@champion").id == second
        assert registry.get(first).aliases == ("blue",)
        registry.set_alias("churn", "champion", None)
        assert registry.get(second).aliases == ()

    def test_an_alias_belongs_to_versions_of_its_name(self, registry):
        save(registry, "churn")
        save(registry, "fraud")
        registry.set_alias("churn", "champion", "churn/1.0.0")
        registry.set_alias("fraud", "champion", "fraud/1.0.0")

        with pytest.raises(InvalidInputError, match="churn"):
            registry.set_alias("churn", "champion", "fraud/1.0.0")
        assert registry.get("models:/churn@champion").name == "churn"

    @pytest.mark.parametrize("alias", ["", "latest", "3", "v3", "a/b", "a@b", "a b", "x" * 101])
    def test_what_is_no_alias_is_refused(self, registry, alias):
        save(registry)

        with pytest.raises(InvalidInputError, match="is no alias"):
            registry.set_alias("churn", alias, "churn/1.0.0")
        assert registry.get("churn/1.0.0").aliases == ()


Reopen = Callable[[], BaseModelRegistry]


def save_and_promote(reopen: Reopen, times: int) -> list[str]:
    """What one process of many does."""
    registry = reopen()
    mine = [save(registry, metrics={"f1": 0.5}) for _ in range(times)]
    for model_id in mine:
        registry.transition_model_stage(model_id, "Production")
    return [registry.get(model_id).version for model_id in mine]


def load_by_stage(reopen: Reopen) -> list[int]:
    return reopen().get_model_by_stage("churn", "Production")["model"].predict(X).tolist()


class SharedModelRegistryContract(ModelRegistryContract):
    """With a fixture `reopen`: what opens the storage of `registry` again, in any process."""

    saves_of_each = 3  #: of ten processes at once

    def test_what_is_saved_here_is_there_in_another_process(self, registry, reopen):
        registry.transition_model_stage(save(registry), "Production")

        assert in_processes(load_by_stage, [(reopen,)]) == [[0, 0, 0, 1, 1, 1]]

    def test_ten_processes_at_once_never_get_the_same_version(self, registry, reopen):
        got = in_processes(save_and_promote, [(reopen, self.saves_of_each)] * 10)

        total = 10 * self.saves_of_each
        assert sorted(version for mine in got for version in mine) == sorted(f"1.0.{n}" for n in range(total))
        assert len(registry.list_models(stage="Production")) == 1
        assert len(registry.history("churn")) == total
        assert all(registry.load(version.id).model.coef_.tolist() for version in registry.versions())

    def test_a_fork_may_go_on_using_it(self, registry):
        save(registry)

        child = os.fork()
        if not child:
            code = 1
            try:
                code = 0 if registry.get(save(registry)).version == "1.0.1" else 2
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)

        assert os.waitstatus_to_exitcode(status) == 0
        assert versions(registry) == ["1.0.0", "1.0.1"]
