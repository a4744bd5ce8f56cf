"""What a predictor promises over every backend of the registry.

class TestOverMine(PredictorContract):
    @pytest.fixture
    def registry(self, tmp_path):
        return MyRegistry(tmp_path)

    def damage(self, registry, model_id):
        ...  # change one byte of the stored model behind the registry's back
"""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from contract.model_registry import flip_a_byte
from fixtures.projects.project import wait_for
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler

from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.inference import ModelPredictor
from registry.models.registry_interface import BaseModelRegistry, Identifier

X = pd.DataFrame({"age": [20, 30, 40, 50, 60, 70], "income": [1.0, 2.5, 2.0, 4.5, 5.0, 6.5]})
Y = np.array(["no", "no", "no", "yes", "yes", "yes"])
SCALER = StandardScaler().fit(X)
BEHIND_SCALER = LogisticRegression().fit(SCALER.transform(X), Y)


def constant(answer: str) -> DummyClassifier:
    """Says the same of each row, so that an answer tells which version gave it."""
    return DummyClassifier(strategy="constant", constant=answer).fit(X, ["v1", "v2", "v3"] * 2)


def save(registry: BaseModelRegistry, model: object, **given) -> Identifier:
    return registry.save_model(model, "churn", input_example=X, **given)


def promote(registry: BaseModelRegistry, model_id: Identifier) -> None:
    registry.transition_model_stage(model_id, "Production")


class PredictorContract:
    promotions = 12  #: while threads ask: fewer where each takes its time

    @pytest.fixture
    def predictor(self, registry) -> ModelPredictor:
        return ModelPredictor(registry, refresh_s=0)

    def damage(self, registry: BaseModelRegistry, model_id: Identifier) -> None:
        """Change one byte of the stored model, behind the registry's back."""
        flip_a_byte(Path(registry.get(model_id).file_path))

    @pytest.mark.parametrize(
        "uri",
        [
            "models:/churn/1.0.0",
            "churn/1.0.0",
            "models:/churn/1",
            "models:/churn/Production",
            "models:/churn@best",
        ],
    )
    def test_a_model_is_loaded_by_whatever_names_it(self, registry, predictor, uri):
        model_id = save(registry, LogisticRegression(max_iter=1000).fit(X, Y))
        promote(registry, model_id)
        registry.set_alias("churn", "best", model_id)

        version = predictor.load_model(uri)

        assert version.uri == "models:/churn/1.0.0"
        assert predictor.predict(X).tolist() == ["no", "no", "no", "yes", "yes", "yes"]

    def test_a_model_is_loaded_by_the_id_that_saving_returned(self, registry, predictor):
        predictor.load_model(save(registry, constant("v1")))

        assert predictor.predict(X[:1]).tolist() == ["v1"]

    def test_the_preprocessor_is_applied_by_itself(self, registry, predictor):
        save(registry, BEHIND_SCALER, preprocessor_artifact=SCALER)
        predictor.load_model("models:/churn/latest")

        assert predictor.get_model_info()["has_preprocessor"] is True
        assert predictor.predict(X).tolist() == Y.tolist()
        assert predictor.predict(X, return_probabilities=True) == pytest.approx(
            BEHIND_SCALER.predict_proba(SCALER.transform(X))[:, 1]
        )

    def test_what_is_needed_to_read_the_answers_is_kept_with_the_model(self, registry, predictor):
        noted = {"outputKind": "proba", "classes": ["no", "yes"], "positiveLabel": "no", "threshold": 0.9}
        save(registry, LinearRegression().fit(X, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]), metadata=noted)
        predictor.load_model("models:/churn/1.0.0")

        assert predictor.predict(X).tolist() == ["yes", "yes", "yes", "yes", "yes", "no"]

    def test_input_is_held_against_the_signature(self, registry, predictor):
        save(registry, constant("v1"))
        predictor.load_model("models:/churn/1.0.0")

        found = predictor.validate_input(X.rename(columns={"income": "Income"}).astype({"age": "str"}))

        assert (found["valid"], found["missing_features"], found["extra_features"]) == (
            False,
            ["income"],
            ["Income"],
        )
        assert list(found["wrong_types"]) == ["age"]
        with pytest.raises(InvalidInputError, match=r"models:/churn/1.0.0 cannot predict: missing columns"):
            predictor.predict(X[["age"]])

    def test_what_does_not_exist_is_not_loaded_and_what_was_loaded_serves_on(self, registry, predictor):
        predictor.load_model(save(registry, constant("v1")))

        with pytest.raises(NotFoundError):
            predictor.load_model("models:/churn/9.9.9")
        assert predictor.predict(X[:1]).tolist() == ["v1"]

    @pytest.mark.parametrize(
        "uri", ["models:/churn/Production", "models:/churn@best", "models:/churn/latest"]
    )
    def test_the_next_call_is_answered_by_what_was_promoted(self, registry, predictor, uri):
        for answer in ("v1", "v2"):
            model_id = save(registry, constant(answer))
            promote(registry, model_id)
            registry.set_alias("churn", "best", model_id)
            if answer == "v1":
                predictor.load_model(uri)
            answered = predictor.answer(X[:1])

            assert (answered.version.id, answered.predictions.tolist()) == (
                registry.get(model_id).id,
                [answer],
            )

    def test_a_version_that_was_named_stays_whatever_is_promoted(self, registry, predictor):
        promote(registry, save(registry, constant("v1")))
        predictor.load_model("models:/churn/1.0.0")
        promote(registry, save(registry, constant("v2")))

        assert predictor.refresh() is False
        assert predictor.predict(X[:1]).tolist() == ["v1"]

    def test_what_was_tampered_with_never_takes_over(self, registry, predictor, caplog):
        first, second = save(registry, constant("v1")), save(registry, constant("v2"))
        promote(registry, first)
        predictor.load_model("models:/churn/Production")
        self.damage(registry, second)
        promote(registry, second)

        with caplog.at_level(logging.WARNING, "bakeoff.inference.predictor"):
            answers = {predictor.predict(X[:1]).item() for _ in range(3)}

        assert answers == {"v1"}
        assert [record.getMessage()[:33] for record in caplog.records] == [
            "models:/churn/1.0.0 stays in use:"
        ]
        assert "TamperedError" in predictor.get_model_info()["refresh_problem"]
        promote(registry, save(registry, constant("v3")))
        assert predictor.predict(X[:1]).tolist() == ["v3"]
        assert predictor.get_model_info()["refresh_problem"] is None

    def test_when_nothing_is_in_production_any_more_the_former_one_serves_on(self, registry, predictor):
        model_id = save(registry, constant("v1"))
        promote(registry, model_id)
        predictor.load_model("models:/churn/Production")
        registry.transition_model_stage(model_id, "Archived")

        assert predictor.predict(X[:1]).tolist() == ["v1"]
        assert "Production" in predictor.get_model_info()["refresh_problem"]

    def test_threads_that_hammer_it_during_promotions_get_no_failed_and_no_mixed_answer(self, registry):
        ids = [save(registry, constant(answer)) for answer in ("v1", "v2", "v3")]
        promote(registry, ids[0])
        predictor = ModelPredictor(registry, refresh_s=0.01)
        predictor.load_model("models:/churn/Production")
        stop, seen = threading.Event(), []

        def hammer(batch_size: int | None) -> None:
            while not stop.is_set():
                answer = predictor.answer(X, batch_size=batch_size)
                seen.append((answer.version.version, frozenset(answer.predictions.tolist())))

        with ThreadPoolExecutor() as pool:
            hammers = [pool.submit(hammer, size) for size in (None, 1, 2, 4)]
            try:
                for turn in range(1, self.promotions + 1):
                    promote(registry, ids[turn % 3])
                    wait_for(
                        lambda version=f"1.0.{turn % 3}": seen and seen[-1][0] == version,
                        "the promoted version",
                    )
            finally:
                stop.set()

        assert [hammer.exception() for hammer in hammers] == [None] * 4
        assert set(seen) == {(f"1.0.{n}", frozenset([f"v{n + 1}"])) for n in range(3)}
