import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from fixtures.values.memory_registry import InMemoryRegistry
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.metrics.run_scoring_options import resolve_rules
from bakeoff.evaluation.metrics.score_predictions import score
from bakeoff.inference import ModelPredictor
from registry.columns.check_predictions import Predictions

X = pd.DataFrame({"age": [20, 30, 40, 50, 60, 70], "pay": [1.0, 2.5, 2.0, 4.5, 5.0, 6.5]})
TWO = np.array(["no", "no", "no", "yes", "yes", "yes"])
THREE = np.array(["a", "a", "b", "b", "c", "c"])
LOGISTIC = LogisticRegression(max_iter=5000)


class Echo:
    """Predicts its columns, or the only one, as they are."""

    def fit(self, X, y):
        return self

    def predict(self, X):
        return X.to_numpy() if X.shape[1] > 1 else X.iloc[:, 0].to_numpy()


class Broken(Echo):
    def predict(self, X):
        raise ZeroDivisionError("no luck")


class Counting(Echo):
    """Remembers how many rows it was asked for at a time."""

    asked: ClassVar[list[int]] = []

    def predict(self, X):
        self.asked.append(len(X))
        return super().predict(X)


def predictor_of(model, **given) -> ModelPredictor:
    registry = InMemoryRegistry()
    predictor = ModelPredictor(registry)
    predictor.load_model(registry.save_model(model, "m", **{"input_example": X, **given}))
    return predictor


def echo(*columns, model=Echo, **metadata) -> tuple[ModelPredictor, pd.DataFrame]:
    """A predictor whose model answers what it is asked, and what to ask it."""
    frame = pd.DataFrame({f"c{place}": column for place, column in enumerate(columns)})
    return predictor_of(model(), input_example=frame, metadata=metadata), frame


@pytest.mark.parametrize(
    "call",
    [
        lambda predictor: predictor.predict(X),
        lambda predictor: predictor.predict_batch(X),
        lambda predictor: predictor.validate_input(X),
        lambda predictor: predictor.get_model_info(),
        lambda predictor: predictor.refresh(),
    ],
)
def test_asking_before_loading_is_an_error_that_says_so(call):
    with pytest.raises(InvalidInputError, match="no model is loaded: call load_model first, such as"):
        call(ModelPredictor(InMemoryRegistry()))


@pytest.mark.parametrize(
    "given_as",
    [
        X,
        X.to_numpy(),
        X.to_numpy().tolist(),
        X.to_dict("records"),
        X[["pay", "age"]],
        X.assign(mood="fine")[["mood", "pay", "age"]],
        X.set_axis(list("abcdef")),
    ],
)
def test_rows_may_come_as_a_frame_an_array_or_dicts(given_as):
    predictor = predictor_of(LOGISTIC.fit(X, TWO))

    assert predictor.predict(given_as).tolist() == TWO.tolist()


def test_what_is_extra_or_reordered_is_reported_and_put_right():
    predictor = predictor_of(LOGISTIC.fit(X, TWO))

    assert predictor.validate_input(X.assign(mood="fine")[["pay", "mood", "age"]]) == {
        "valid": True,
        "missing_features": [],
        "extra_features": ["mood"],
        "wrong_types": {},
        "reordered": True,
        "unexpected_gaps": [],
        "problems": [],
    }


def test_input_that_does_not_fit_is_refused_with_its_columns_and_the_cure():
    predictor = predictor_of(LOGISTIC.fit(X, TWO))

    with pytest.raises(InvalidInputError) as caught:
        predictor.predict(X.drop(columns="age").assign(pay="much"))

    assert str(caught.value) == (
        "models:/m/1.0.0 cannot predict: missing columns 'age': add or rename them; "
        "column 'pay' is text where float is expected, first 'much' in row 1: give numbers"
    )


def test_of_two_classes_the_probabilities_are_those_of_the_greater_one():
    model = LogisticRegression(max_iter=5000).fit(X, TWO)
    predictor = predictor_of(model)

    assert predictor.predict(X, return_probabilities=True).tolist() == model.predict_proba(X)[:, 1].tolist()


def test_of_two_classes_the_probabilities_are_those_of_the_label_that_was_noted():
    model = LogisticRegression(max_iter=5000).fit(X, TWO)
    predictor = predictor_of(model, metadata={"classes": ["no", "yes"], "positiveLabel": "no"})

    assert predictor.predict(X, return_probabilities=True).tolist() == model.predict_proba(X)[:, 0].tolist()
    assert predictor.get_model_info()["positive_label"] == "no"


def test_of_more_classes_there_is_a_column_for_each():
    model = LogisticRegression(max_iter=5000).fit(X, THREE)

    found = predictor_of(model).predict(X, return_probabilities=True)

    assert found.tolist() == model.predict_proba(X).tolist()
    assert found.shape == (6, 3)


def test_an_answer_holds_both_and_the_version_that_gave_it():
    answer = predictor_of(LOGISTIC.fit(X, TWO)).answer(X, probabilities=True)

    assert answer.version.uri == "models:/m/1.0.0"
    assert (answer.predictions == TWO).all()
    assert ((answer.probabilities > 0.5) == (answer.predictions == "yes")).all()


@pytest.mark.parametrize("model", [LinearSVC(), LinearRegression(), Echo()])
def test_a_model_without_probabilities_says_so(model):
    predictor = predictor_of(model.fit(X, [0, 0, 0, 1, 1, 1]))

    assert predictor.get_model_info()["has_probabilities"] is False
    with pytest.raises(InvalidInputError, match=r"gives no probabilities: request predictions alone"):
        predictor.predict(X, return_probabilities=True)


NO_YES = ["no", "yes"]


@pytest.mark.parametrize(
    ("columns", "noted", "labels", "beside"),
    [
        ([[0.4, 0.5]], {"outputKind": "proba", "classes": NO_YES}, NO_YES, [0.4, 0.5]),
        (
            [[0.4, 0.5]],
            {"outputKind": "proba", "classes": NO_YES, "threshold": 0.3},
            ["yes", "yes"],
            [0.4, 0.5],
        ),
        (
            [[0.4, 0.6]],
            {"outputKind": "proba", "classes": NO_YES, "positiveLabel": "no"},
            ["yes", "no"],
            [0.4, 0.6],
        ),
        ([[0.6, 0.3], [0.4, 0.7]], {"outputKind": "proba", "classes": NO_YES}, NO_YES, [0.4, 0.7]),
        (
            [[0.6, 0.25], [0.4, 0.75]],
            {"outputKind": "proba", "classes": NO_YES, "positiveLabel": "no"},
            NO_YES,
            [0.6, 0.25],
        ),
        ([[-0.5, 0.0]], {"outputKind": "score", "classes": [0, 1]}, [0, 1], [-0.5, 0.0]),
        ([[-0.5, 9.0]], {"outputKind": "score", "classes": [0, 1], "threshold": 10}, [0, 0], [-0.5, 9.0]),
        (
            [[2.0, 1.0], [1.0, 4.0]],
            {"outputKind": "score", "classes": [False, True]},
            [False, True],
            [-1.0, 3.0],
        ),
        (
            [[0.2, 0.1], [0.2, 0.1], [0.6, 0.8]],
            {"outputKind": "proba", "classes": ["a", "b", "c"]},
            ["c", "c"],
            [[0.2, 0.2, 0.6], [0.1, 0.1, 0.8]],
        ),
        (
            [[5.0, 0.0], [4.0, 7.0], [3.0, 6.0]],
            {"outputKind": "score", "classes": ["a", "b", "c"]},
            ["a", "b"],
            [[5.0, 4.0, 3.0], [0.0, 7.0, 6.0]],
        ),
    ],
)
def test_probabilities_and_scores_become_labels_by_the_rules_of_the_run(columns, noted, labels, beside):
    predictor, frame = echo(*columns, **noted)

    answer = predictor.answer(frame, probabilities=True)

    assert answer.predictions.tolist() == labels
    assert answer.probabilities.tolist() == beside
    assert predictor.predict(frame, return_probabilities=True).tolist() == beside


@pytest.mark.parametrize(
    ("model", "noted", "labels"),
    [
        (LogisticRegression(max_iter=5000), {"threshold": 0.0}, {"yes"}),
        (LogisticRegression(max_iter=5000), {"threshold": 0.0, "positiveLabel": "no"}, {"no"}),
        (LogisticRegression(max_iter=5000), {"threshold": None}, {"no", "yes"}),
        (LinearSVC(), {"threshold": -1000.0}, {"yes"}),
        (LinearSVC(), {"threshold": -1000.0, "positiveLabel": "no"}, {"no"}),
    ],
)
def test_a_threshold_decides_instead_of_predict(model, noted, labels):
    predictor = predictor_of(model.fit(X, TWO), metadata={"classes": NO_YES, **noted})

    assert set(predictor.predict(X)) == labels


def test_a_threshold_of_a_model_that_predicts_labels_alone_is_an_error_with_its_cure():
    predictor, frame = echo(NO_YES, classes=NO_YES, threshold=0.3)

    with pytest.raises(InvalidInputError, match=r"its threshold 0.3 has nothing to act on") as caught:
        predictor.predict(frame)

    assert "save it again without `threshold` in its metadata" in str(caught.value)


@pytest.mark.parametrize("kind", ["labels", "proba", "score"])
def test_where_a_number_is_predicted_it_is_the_number_itself(kind):
    predictor, frame = echo([1, 250, -3], outputKind=kind, classes=[])

    assert predictor.predict(frame).tolist() == [1.0, 250.0, -3.0]
    assert predictor.get_model_info()["has_probabilities"] is False


@given(
    values=st.lists(st.floats(0, 1), min_size=1, max_size=8),
    threshold=st.none() | st.floats(0, 1),
    positive=st.sampled_from(NO_YES),
    kind=st.sampled_from([OutputKind.PROBA, OutputKind.SCORE]),
)
def test_labels_are_what_the_score_of_the_run_counted(values, threshold, positive, kind):
    rules = resolve_rules(
        target_kind=TargetKind.BINARY,
        classes=NO_YES,
        metrics=["accuracy"],
        threshold=threshold,
        positive_label=positive,
    )
    said = Predictions(values=np.array(values), output_kind=kind)
    predictor, frame = echo(
        values,
        outputKind=str(kind),
        classes=NO_YES,
        threshold=rules.threshold,
        positiveLabel=rules.positive_label,
    )

    truth = np.array(["yes"] * len(values))
    scored = score(truth, said, rules=rules, target_kind=TargetKind.BINARY, classes=NO_YES)

    assert scored.metrics["accuracy"] == (predictor.predict(frame) == truth).mean()


@pytest.mark.parametrize("size", [1, 4, 5, 6, 7, 1000])
def test_batches_give_what_the_whole_gives(size):
    predictor = predictor_of(make_pipeline(StandardScaler(), LOGISTIC).fit(X, THREE))

    assert predictor.predict_batch(X, batch_size=size).tolist() == predictor.predict(X).tolist()
    assert predictor.predict_batch(X, size, return_probabilities=True) == pytest.approx(
        predictor.predict(X, return_probabilities=True)
    )


def test_a_model_never_sees_more_rows_than_a_batch_has():
    predictor = predictor_of(Counting(), input_example=X[["pay"]])
    asked = predictor.loaded.model.asked
    asked.clear()

    predictor.predict_batch(X[["pay"]], batch_size=4)

    assert asked == [4, 2]


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_without_rows_is_refused(size):
    with pytest.raises(InvalidInputError, match=f"batch_size must be 1 at least, got {size}"):
        predictor_of(LOGISTIC.fit(X, TWO)).predict_batch(X, batch_size=size)


@pytest.mark.parametrize(("target", "shape"), [(TWO, (0,)), (THREE, (0, 3))])
def test_no_rows_get_no_answers_of_the_right_shape(target, shape):
    predictor = predictor_of(LOGISTIC.fit(X, target))

    assert predictor.predict(X[:0]).tolist() == []
    assert predictor.predict(X[:0]).dtype.kind == "U"
    assert predictor.predict(X[:0], return_probabilities=True).shape == shape


def test_a_model_that_fails_is_named_with_what_it_said_and_with_values_that_are_missing():
    predictor = predictor_of(LOGISTIC.fit(X, TWO))

    with pytest.raises(
        InvalidInputError, match=r"models:/m/1.0.0 cannot predict: its predict failed with Val"
    ) as e:
        predictor.predict(X.assign(pay=[None, 1, 2, 3, 4, 5]))
    assert str(e.value).endswith("; values are missing in 'pay', where none were in training")


def test_a_model_that_predicts_nothing_that_can_be_used_is_named():
    predictor, frame = echo([0.5, float("nan")])

    with pytest.raises(
        InvalidInputError, match=r"models:/m/1.0.0 cannot predict: predict returned NaN, first in r"
    ):
        predictor.predict(frame)


@pytest.mark.parametrize(
    ("noted", "problem"),
    [
        ({"outputKind": "hunch"}, "'hunch' is not a valid OutputKind"),
        ({"classes": NO_YES, "positiveLabel": "maybe"}, "the positive label 'maybe' is none of the classes"),
        ({"classes": NO_YES, "threshold": "high"}, "could not convert string to float"),
    ],
)
def test_metadata_that_cannot_be_read_are_an_error_when_the_model_is_loaded(noted, problem):
    with pytest.raises(
        InvalidInputError, match=f"models:/m/1.0.0 do not say how its answers are read.*{problem}"
    ):
        echo([0.5], **noted)


def test_probabilities_of_nobody_knows_which_classes_are_no_labels():
    predictor, frame = echo([0.5], outputKind="proba")

    with pytest.raises(InvalidInputError, match="it predicts a proba, and its classes are unknown; save it"):
        predictor.predict(frame)


@pytest.mark.parametrize(
    ("fitted_on", "saved_with"),
    [
        (X, {"input_example": X}),
        (X, {"input_example": None}),
        (X.to_numpy(), {"input_example": X}),
        (X.to_numpy(), {"input_example": None, "feature_names": ["age", "pay"]}),
        (X.to_numpy(), {"input_example": None}),
        (X.set_axis([0, 1], axis=1), {"input_example": X.set_axis([0, 1], axis=1)}),
    ],
)
@pytest.mark.parametrize("asked_with", [X, X.to_numpy(), X.to_dict("records")])
def test_names_reach_a_model_only_if_it_was_fitted_with_names(fitted_on, saved_with, asked_with):
    """Scikit-learn warns otherwise, and warnings are errors here."""
    predictor = predictor_of(LogisticRegression(max_iter=5000).fit(fitted_on, TWO), **saved_with)

    assert predictor.predict(asked_with).tolist() == TWO.tolist()


@pytest.mark.parametrize("output", ["default", "pandas"])
@pytest.mark.parametrize("named", [True, False])
def test_a_preprocessor_may_name_its_columns_or_not(output, named):
    before = PCA(random_state=0).set_output(transform=output).fit(X)
    prepared = np.asarray(before.transform(X))
    inner = pd.DataFrame(prepared, columns=["p", "q"]) if named else prepared
    if named and output == "pandas":
        inner = before.transform(X)
    predictor = predictor_of(LogisticRegression().fit(inner, TWO), preprocessor_artifact=before)

    assert predictor.predict(X).tolist() == TWO.tolist()


def test_without_a_signature_names_are_checked_and_types_are_not():
    predictor = predictor_of(LOGISTIC.fit(X, TWO), input_example=None)

    assert predictor.validate_input(X[["age"]])["missing_features"] == ["pay"]
    assert predictor.validate_input(X.assign(pay="much"))["valid"] is True


def test_a_model_of_which_nothing_is_known_is_given_what_there_is():
    predictor = predictor_of(Echo(), input_example=None)

    assert predictor.get_model_info()["features"] is None
    assert predictor.validate_input(X)["valid"] is True
    assert predictor.predict([{"only": 7}, {"only": 8}]).tolist() == [7, 8]


def test_the_info_says_what_is_loaded():
    predictor = predictor_of(LOGISTIC.fit(X, TWO), metrics={"f1": 0.75}, preprocessor_artifact=None)

    assert predictor.get_model_info() == {
        "model_name": "m",
        "model_type": "LogisticRegression",
        "version": "1.0.0",
        "uri": "models:/m/1.0.0",
        "stage": "Development",
        "aliases": [],
        "has_preprocessor": False,
        "has_probabilities": True,
        "output_kind": "labels",
        "classes": ["no", "yes"],
        "positive_label": "yes",
        "threshold": None,
        "features": ["age", "pay"],
        "metrics": {"f1": 0.75},
        "run_id": None,
        "refresh_problem": None,
    }


def constant(answer: str) -> DummyClassifier:
    return DummyClassifier(strategy="constant", constant=answer).fit(X, ["v1", "v2"] * 3)


class Watched(InMemoryRegistry):
    """Counts look-ups, can be away, and can be held up while it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self.away = False
        self.loading, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def get(self, identifier):
        self.looks += 1
        if self.away:
            raise InfrastructureError("the registry is away")
        return super().get(identifier)

    def load(self, identifier):
        self.loading.set()
        assert self.go_on.wait(30)
        return super().load(identifier)


@pytest.fixture
def registry() -> Watched:
    """With v1 in Production, and v2."""
    registry = Watched()
    first, _ = (registry.save_model(constant(name), "m", input_example=X) for name in ("v1", "v2"))
    registry.transition_model_stage(first, "Production")
    return registry


def promote(registry: Watched, version: str) -> None:
    registry.transition_model_stage(f"m/{version}", "Production")


def test_it_looks_for_a_new_version_no_more_often_than_it_is_told(registry):
    now = [100.0]
    predictor = ModelPredictor(registry, refresh_s=5, clock=lambda: now[0])
    predictor.load_model("models:/m/Production")
    promote(registry, "1.0.1")
    registry.looks = 0

    answers = []
    for moment in (100.0, 104.9, 105.0, 105.1, 109.9):
        now[0] = moment
        answers.append(predictor.predict(X[:1]).item())

    assert answers == ["v1", "v1", "v2", "v2", "v2"]
    assert registry.looks == 2  # once whether there is another one, once to load it


def test_without_a_time_it_looks_only_when_it_is_told(registry):
    predictor = ModelPredictor(registry, refresh_s=None)
    predictor.load_model("models:/m/Production")
    promote(registry, "1.0.1")

    assert predictor.predict(X[:1]).item() == "v1"
    assert predictor.refresh() is True
    assert predictor.predict(X[:1]).item() == "v2"
    assert predictor.refresh() is False


def test_a_version_that_was_named_by_its_number_is_not_looked_up_again(registry):
    predictor = ModelPredictor(registry, refresh_s=0)
    predictor.load_model("models:/m/1.0.0")
    registry.looks = 0

    assert predictor.predict(X[:1]).item() == "v1"
    assert registry.looks == 0


def test_a_change_of_stage_is_seen_without_loading_the_model_again(registry):
    predictor = ModelPredictor(registry, refresh_s=0)
    predictor.load_model("models:/m/latest")
    model = predictor.loaded.model

    promote(registry, "1.0.1")

    assert predictor.get_model_info()["stage"] == "Production"
    assert predictor.loaded.model is model


def test_while_the_registry_is_away_the_model_serves_on_and_that_is_logged_once(registry, caplog):
    predictor = ModelPredictor(registry, refresh_s=0)
    predictor.load_model("models:/m/Production")
    registry.away = True

    with caplog.at_level(logging.INFO, "bakeoff.inference.predictor"):
        answers = {predictor.predict(X[:1]).item() for _ in range(3)}
        assert predictor.refresh() is False
        problem = predictor.get_model_info()["refresh_problem"]
        registry.away = False
        promote(registry, "1.0.1")
        answers_again = {predictor.predict(X[:1]).item() for _ in range(3)}

    assert (answers, answers_again) == ({"v1"}, {"v2"})
    assert problem == "InfrastructureError: the registry is away"
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert caplog.messages == [
        f"models:/m/1.0.0 stays in use: what models:/m/Production means now cannot be loaded: {problem}",
        "models:/m/1.0.1 predicts from now on, instead of models:/m/1.0.0",
    ]


def test_a_version_that_fails_on_its_own_example_does_not_take_over(registry):
    predictor = ModelPredictor(registry, refresh_s=0)
    predictor.load_model("models:/m/Production")
    registry.save_model(Broken(), "m", input_example=X)
    promote(registry, "1.0.2")

    assert predictor.predict(X[:1]).item() == "v1"
    assert "ZeroDivisionError: no luck" in predictor.get_model_info()["refresh_problem"]


def test_while_a_new_version_is_loaded_the_former_one_answers(registry):
    predictor = ModelPredictor(registry, refresh_s=0)
    predictor.load_model("models:/m/Production")
    promote(registry, "1.0.1")
    registry.loading.clear()
    registry.go_on.clear()

    with ThreadPoolExecutor() as pool:
        first = pool.submit(predictor.predict, X[:1])
        assert registry.loading.wait(30)
        meanwhile = predictor.predict(X[:1]).item()
        is_waiting = not first.done()
        registry.go_on.set()

    assert (meanwhile, is_waiting, first.result().item()) == ("v1", True, "v2")
    assert predictor.predict(X[:1]).item() == "v2"


class Meddling(Echo):
    """Sees to it that another version is promoted while it is asked."""

    meddle = staticmethod(lambda: None)

    def predict(self, X):
        self.meddle()
        return np.full(len(X), "first")


def test_one_version_answers_all_batches_of_a_call(registry, monkeypatch):
    registry.save_model(Meddling(), "m", input_example=X)
    promote(registry, "1.0.2")
    predictor = ModelPredictor(registry, refresh_s=0)
    predictor.load_model("models:/m/Production")
    monkeypatch.setattr(Meddling, "meddle", staticmethod(lambda: promote(registry, "1.0.1")))

    assert predictor.predict_batch(X, batch_size=1).tolist() == ["first"] * 6
    assert predictor.predict(X[:1]).item() == "v2"
