"""From what a model answers to a score from -1 to 1."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier

from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.domain.model_version import VersionOrigin
from bakeoff.domain.scored_and_labelled_item import Item, Score
from bakeoff.inference import score
from bakeoff.inference.item_scores_from_model import Scorer, ScoreRangeError
from bakeoff.settings.configuration import Configuration, load
from registry import ModelRegistry

X = pd.DataFrame({"clicks": [0, 1, 2, 7, 8, 9], "pay": [1.0, 2.5, 2.0, 4.5, 5.0, 6.5]})
TWO = ["bad", "bad", "bad", "good", "good", "good"]
ROWS = [{"clicks": 0, "pay": 1.0}, {"clicks": 9, "pay": 6.5, "also": "this"}]


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    file = tmp_path / "config" / "bakeoff.yaml"
    file.parent.mkdir()
    file.write_text("{}")
    (file.parent / "models.yaml").write_text(
        yaml.safe_dump({"models": {name: {"path": "a.b:C"} for name in ("ridge", "knn", "baseline")}})
    )
    return load(file, environment={})


@pytest.fixture
def registry(configuration: Configuration, make_registry: Callable[[Path], ModelRegistry]) -> ModelRegistry:
    return make_registry(configuration.registry_path)


def scored(configuration: Configuration, model: str | None, rows: Any = ROWS) -> list[float]:
    return [round(float(value), 3) for value in score(rows, model, configuration=configuration)]


@pytest.mark.parametrize("model", [None, "baseline"])
def test_without_a_model_and_without_a_registry_each_score_is_0(
    configuration: Configuration, model: str | None
) -> None:
    assert scored(configuration, model) == [0.0, 0.0]
    assert scored(configuration, model, X) == [0.0] * 6
    assert Scorer.of(model, configuration).score([Item(id="a", features={"x": 1})]) == [
        Score(value=0.0, version="baseline")
    ]
    assert not configuration.registry_path.exists()


def test_a_probability_goes_from_minus_1_to_1(configuration: Configuration, registry: ModelRegistry) -> None:
    registry.save_model(
        DummyClassifier(strategy="prior").fit(X, ["bad", "good", "good", "good"] + ["good"] * 2), "prior"
    )

    assert scored(configuration, "prior/1.0.0") == [0.667, 0.667]  # 5/6 are good: 2 * 5/6 - 1


def test_the_positive_class_is_the_one_that_was_noted(
    configuration: Configuration, registry: ModelRegistry
) -> None:
    model = DummyClassifier(strategy="prior").fit(X, ["bad", "good", "good", "good"] + ["good"] * 2)
    registry.save_model(model, "prior", metadata={"positiveLabel": "bad", "classes": ["bad", "good"]})

    assert scored(configuration, "prior/1.0.0") == [-0.667, -0.667]


def test_a_label_alone_is_1_or_minus_1(configuration: Configuration, registry: ModelRegistry) -> None:
    registry.save_model(RidgeClassifier().fit(X, TWO), "ridge")

    assert scored(configuration, "models:/ridge/1.0.0") == [-1.0, 1.0]


def test_numbers_are_scores_as_they_are(configuration: Configuration, registry: ModelRegistry) -> None:
    registry.save_model(
        LinearRegression().fit(X, X["clicks"] / 9), "line", input_example=X, metadata={"classes": []}
    )

    assert scored(configuration, "models:/line/latest") == [0.0, 1.0]


@pytest.mark.parametrize("value", [1.001, -1.001, 5.0])
def test_a_number_that_is_no_score_is_an_error_that_names_the_model(
    configuration: Configuration, registry: ModelRegistry, value: float
) -> None:
    registry.save_model(DummyRegressor(strategy="constant", constant=value).fit(X, [0] * 6), "odd")

    with pytest.raises(ScoreRangeError) as refused:
        scored(configuration, "odd/1.0.0")

    assert str(refused.value) == (
        f"models:/odd/1.0.0 answers {value:g} in row 1, which is no score from -1 to 1: use a model of two "
        "classes, or one that learned numbers from -1 to 1"
    )


def test_three_classes_and_text_of_unknown_classes_are_no_score(
    configuration: Configuration, registry: ModelRegistry
) -> None:
    registry.save_model(DummyClassifier().fit(X, ["a", "b", "c"] * 2), "three")

    with pytest.raises(
        ScoreRangeError, match=r"models:/three/1\.0\.0 tells 3 classes apart: a score comes of two"
    ):
        scored(configuration, "three/1.0.0")


@pytest.fixture
def churn(registry: ModelRegistry) -> ModelRegistry:
    """Two versions of one candidate, the older one in Production."""
    for column in ("clicks", "pay"):
        fitted = LogisticRegression(max_iter=1000).fit(X[[column]], TWO)
        registry.save_model(
            fitted, "churn", input_example=X[[column]], origin=VersionOrigin(candidate_id="ridge")
        )
    registry.transition_model_stage("churn/1.0.0", "Production")
    return registry


def test_a_candidate_is_its_version_in_production_else_the_newest(
    configuration: Configuration, churn: ModelRegistry
) -> None:
    assert Scorer.of("ridge", configuration).version == "models:/churn/1.0.0"

    churn.transition_model_stage("churn/1.0.0", "Archived")
    assert Scorer.of("ridge", configuration).version == "models:/churn/1.0.1"


@pytest.mark.parametrize("model", ["1", "churn/1.0.0", "models:/churn/Production", "models:/churn/1"])
def test_whatever_names_a_saved_model_scores(
    configuration: Configuration, churn: ModelRegistry, model: str
) -> None:
    assert Scorer.of(model, configuration).version == "models:/churn/1.0.0"


def test_a_candidate_of_which_nothing_was_saved_is_an_error_that_says_what_to_do(
    configuration: Configuration, churn: ModelRegistry
) -> None:
    for asked, hint in (("knn", ""), ("rigde", "; did you mean 'ridge'?")):
        with pytest.raises(NotFoundError) as refused:
            Scorer.of(asked, configuration)
        assert str(refused.value) == (
            f"no model of a candidate {asked!r} was ever saved{hint}; `bakeoff run --save best` saves the "
            "winner of a run, and models:/NAME/Production names any other model"
        )


def test_without_a_catalog_a_candidate_falls_back_to_the_baseline_and_a_uri_does_not(
    configuration: Configuration, churn: ModelRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    configuration.catalog_file.unlink()

    with caplog.at_level(logging.WARNING):
        assert Scorer.of("ridge", configuration).version == "baseline"

    assert caplog.messages == [
        f"there is no catalog {configuration.catalog_file} that ridge could stand in: the baseline scores"
    ]
    assert Scorer.of("churn/1.0.0", configuration).version == "models:/churn/1.0.0"


def test_an_item_must_have_each_feature_that_the_model_knows(
    configuration: Configuration, churn: ModelRegistry
) -> None:
    using = Scorer.of("churn/1.0.0", configuration)
    whole, part = Item(id="a", features={"clicks": 9}), Item(id="b", features={"click": 9})

    with pytest.raises(InvalidInputError) as refused:
        using.score([whole, part])

    assert str(refused.value) == (
        "result 'b' lacks 'clicks', which models:/churn/1.0.0 knows: send it, or null where nobody knows it; "
        "did you mean 'click'?"
    )


def test_a_value_of_another_type_is_named_with_its_row_in_the_file(
    configuration: Configuration, churn: ModelRegistry
) -> None:
    using = Scorer.of("churn/1.0.0", configuration)
    wrong = [Item(id="a", features={"clicks": "many"})]

    with pytest.raises(InvalidInputError, match="first 'many' in row 1,001"):
        using.score(wrong, first_row=1000)


def test_scores_are_those_of_the_rows_in_their_order(
    configuration: Configuration, churn: ModelRegistry
) -> None:
    using = Scorer.of("churn/1.0.0", configuration)
    found = using.score([Item(id=str(n), features={"clicks": n, "more": None}) for n in (9, 0, 8, 1)])

    values = np.array([one.value for one in found])
    assert values.argsort().tolist() == [1, 3, 2, 0]
    assert (abs(values) <= 1).all()
    assert {one.version for one in found} == {"models:/churn/1.0.0"}
    assert using.score([]) == []
