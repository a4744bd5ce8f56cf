import json
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.metrics.custom_metric_function import load_metrics
from bakeoff.evaluation.metrics.run_scoring_options import resolve_rules
from bakeoff.evaluation.metrics.score_predictions import Scores, score
from registry.columns.check_predictions import BadPredictionsError, Predictions

BINARY, MULTICLASS, REGRESSION = TargetKind.BINARY, TargetKind.MULTICLASS, TargetKind.REGRESSION


def scored(y_true, values, *, kind=BINARY, output="labels", classes=None, **choices):
    beside = {name: choices.pop(name, None) for name in ("probabilities", "scores")}
    classes = np.unique(np.asarray(y_true)).tolist() if classes is None else classes
    classes = [] if kind is REGRESSION else classes
    rules = resolve_rules(target_kind=kind, classes=classes, **choices)
    scores = score(
        y_true,
        Predictions(values=np.asarray(values), output_kind=OutputKind(output), **beside),
        rules=rules,
        target_kind=kind,
        classes=classes,
        functions=load_metrics(rules.custom),
    )
    json.dumps([scores.metrics, scores.details], allow_nan=False)
    assert {type(value) for value in scores.metrics.values()} <= {float, type(None)}
    return scores


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Writes a module of custom metrics, which is gone after the test."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(source):
        (tmp_path / "scoring_test_metrics.py").write_text(textwrap.dedent(source))
        return "scoring_test_metrics"

    yield write
    sys.modules.pop("scoring_test_metrics", None)


def test_the_default_metrics_of_two_classes():
    scores = scored(np.array(["no", "yes", "yes", "yes"]), ["yes", "yes", "yes", "no"])

    assert scores.metrics == {
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(2 / 3),
        "accuracy": 0.5,
    }
    assert scores.details == {
        "classes": ["no", "yes"],
        "classCount": 2,
        "perClass": [
            {"label": "no", "precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1},
            {
                "label": "yes",
                "precision": pytest.approx(2 / 3),
                "recall": pytest.approx(2 / 3),
                "f1": pytest.approx(2 / 3),
                "support": 3,
            },
        ],
        "confusion": [[0, 1], [1, 2]],
        "warnings": [],
    }


def test_the_default_metrics_of_a_regression():
    scores = scored(np.array([1.0, 2.0, 3.0]), [1, 2, 6], kind=REGRESSION)

    assert scores.metrics == {"r2": -3.5, "mae": 1.0, "rmse": pytest.approx(1.7320508075688772)}
    assert set(scores.details) == {"residuals", "warnings"}
    assert scores.details["residuals"]["mean"] == -1.0
    assert scores.details["residuals"]["quantiles"]["0"] == -3.0


def test_every_class_weighs_alike_by_default_where_there_are_more_than_two():
    scores = scored(np.array([0, 0, 0, 1, 2]), [0, 0, 0, 2, 2], kind=MULTICLASS)

    assert scores.metrics["recall"] == pytest.approx(2 / 3)
    assert scores.metrics["accuracy"] == 0.8


@pytest.mark.parametrize(
    "y_true", [[False, True, True], [0, 1, 1], [0.0, 1.0, 1.0], [-1, 4, 4], ["a", "b", "b"]]
)
def test_labels_of_any_type_are_scored_and_shown_plainly(y_true):
    scores = scored(np.array(y_true), np.array(y_true))

    assert scores.metrics["accuracy"] == 1.0
    assert scores.details["classes"] == [y_true[0], y_true[1]]
    assert type(scores.details["classes"][0]) is type(y_true[0])


def test_labels_in_a_series_of_objects_are_text_all_the_same():
    y_true = pd.Series(["a", "b", "b"], dtype=object)

    assert scored(y_true, y_true, classes=["a", "b"]).metrics["f1"] == 1.0


@pytest.mark.parametrize(
    ("output", "values", "choices", "recall"),
    [
        ("proba", [0.49, 0.5, 0.51], {}, 1.0),
        ("proba", [0.49, 0.5, 0.51], {"threshold": 0.51}, 0.5),
        ("score", [-0.1, 0.0, 3.0], {}, 1.0),
        ("score", [-0.1, 0.0, 3.0], {"threshold": 0.1}, 0.5),
        ("proba", [[0.6, 0.4], [0.5, 0.5], [0.4, 0.6]], {}, 1.0),
        ("proba", [[0.6, 0.4], [0.5, 0.5], [0.4, 0.6]], {"threshold": 0.55}, 0.5),
        ("score", [[3.0, 1.0], [2.0, 2.0], [1.0, 2.0]], {}, 1.0),
        ("score", [[3.0, 1.0], [2.0, 2.0], [1.0, 2.0]], {"threshold": 0.5}, 0.5),
    ],
)
def test_a_row_is_positive_from_the_threshold_on(output, values, choices, recall):
    scores = scored(
        np.array(["no", "yes", "yes"]), values, output=output, metrics=["recall", "precision"], **choices
    )

    assert scores.metrics == {"recall": recall, "precision": 1.0}


@pytest.mark.parametrize(
    ("beside", "positive", "threshold", "metrics"),
    [
        (
            {"probabilities": [[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]]},
            "yes",
            0.4,
            {"recall": 1.0, "precision": 1.0},
        ),
        (
            {"probabilities": [[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]]},
            "yes",
            0.5,
            {"recall": 0.5, "precision": 1.0},
        ),
        (
            {"probabilities": [[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]]},
            "no",
            0.6,
            {"recall": 1.0, "precision": 0.5},
        ),
        ({"scores": [-2.0, 0.5, 3.0]}, "yes", 1.0, {"recall": 0.5, "precision": 1.0}),
        ({"scores": [-2.0, 0.5, 3.0]}, "no", 0.0, {"recall": 1.0, "precision": 1.0}),
        ({"scores": [-2.0, 0.5, 3.0]}, "no", -1.0, {"recall": 1.0, "precision": 0.5}),
    ],
)
def test_a_threshold_decides_instead_of_the_labels_that_were_predicted(beside, positive, threshold, metrics):
    found = scored(
        np.array(["no", "yes", "yes"]),
        ["no", "no", "no"],
        metrics=["recall", "precision"],
        positive_label=positive,
        threshold=threshold,
        **{name: np.array(values) for name, values in beside.items()},
    )

    assert found.metrics == metrics


def test_without_a_threshold_the_labels_stand_and_the_scores_beside_them_rank_the_rows():
    found = scored(
        np.array(["no", "yes", "yes"]),
        ["no", "no", "no"],
        metrics=["recall", "roc_auc"],
        scores=np.array([-3.0, -2.0, -1.0]),
    )

    assert found.metrics == {"recall": 0.0, "roc_auc": 1.0}


def test_a_threshold_that_has_labels_alone_to_act_on_is_an_error():
    with pytest.raises(BadPredictionsError, match=r"threshold 0.3 has nothing to act on: there are labels"):
        scored(np.array(["no", "yes"]), ["no", "yes"], threshold=0.3)


def test_one_column_is_of_the_positive_label_also_if_that_is_the_lesser_one():
    y_true, of_no = np.array(["no", "yes", "yes"]), np.array([0.9, 0.2, 0.1])
    wanted = ["recall", "roc_auc", "neg_log_loss", "average_precision", "jaccard"]

    one = scored(y_true, of_no, output="proba", metrics=wanted, positive_label="no")
    two = scored(
        y_true, np.column_stack([of_no, 1 - of_no]), output="proba", metrics=wanted, positive_label="no"
    )
    score_ = scored(y_true, of_no - 0.5, output="score", metrics=wanted[:2], positive_label="no")

    assert one.details["confusion"] == [[1, 0], [0, 2]]
    assert one.metrics == two.metrics
    assert one.metrics == {
        "recall": 1.0,
        "roc_auc": 1.0,
        "neg_log_loss": pytest.approx(-0.14462152754328741),
        "average_precision": 1.0,
        "jaccard": 1.0,
    }
    assert score_.metrics == {"recall": 1.0, "roc_auc": 1.0}


@pytest.mark.parametrize("output", ["proba", "score"])
def test_of_more_classes_the_largest_column_wins(output):
    columns = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.4, 0.4, 0.2], [0.0, 0.1, 0.9]])

    scores = scored(
        np.array(["a", "b", "b", "c"]), columns, kind=MULTICLASS, output=output, metrics=["accuracy"]
    )

    assert scores.metrics == {"accuracy": 0.75}
    assert scores.details["confusion"] == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]


def test_scorers_take_the_text_labels_of_a_binary_target_for_positive_and_not():
    y_true, values = np.array(["no", "yes", "yes", "no"]), np.array(["no", "yes", "no", "no"])

    scores = scored(y_true, values, metrics=["jaccard", "matthews_corrcoef", "f1_macro"], positive_label="no")

    assert scores.metrics == {
        "jaccard": pytest.approx(2 / 3),
        "matthews_corrcoef": pytest.approx(0.5773502691896258),
        "f1_macro": pytest.approx(0.7333333333333334),
    }
    assert scores.details["warnings"] == []


def test_a_scorer_keeps_its_sign():
    scores = scored(
        np.array([1.0, 2.0]), [1.0, 4.0], kind=REGRESSION, metrics=["neg_mean_squared_error", "mae"]
    )

    assert scores.metrics == {"neg_mean_squared_error": -2.0, "mae": 1.0}


def test_a_scorer_that_needs_probabilities_is_none_for_labels_and_the_others_stand():
    scores = scored(np.array([0, 1, 1]), [0, 1, 1], metrics=["roc_auc", "f1", "neg_log_loss"])

    assert scores.metrics == {"roc_auc": None, "f1": 1.0, "neg_log_loss": None}
    [roc_auc, log_loss] = scores.details["warnings"]
    assert roc_auc.startswith("roc_auc failed: ")
    assert roc_auc.endswith("it needs probabilities or scores: declare output_kind: proba or score")
    assert log_loss.endswith("it needs probabilities: declare output_kind: proba")


def test_probabilities_beside_labels_serve_the_scorers_that_need_them():
    scores = scored(
        np.array([0, 1, 1]), [0, 0, 0], metrics=["roc_auc", "recall"], probabilities=np.array([0.1, 0.2, 0.3])
    )

    assert scores.metrics == {"roc_auc": 1.0, "recall": 0.0}


@pytest.mark.parametrize(
    "probabilities",
    [np.array([0.1, 0.2]), np.array([0.1, 0.2, np.nan]), np.zeros((3, 5)), np.array([5.0, 0.1, 0.1])],
)
def test_bad_probabilities_beside_labels_are_left_out_with_a_warning(probabilities):
    scores = scored(np.array([0, 1, 1]), [0, 1, 1], metrics=["roc_auc", "f1"], probabilities=probabilities)

    assert scores.metrics == {"roc_auc": None, "f1": 1.0}
    assert scores.details["warnings"][0].startswith("the probabilities were left out: predict returned ")


def test_a_scorer_that_is_undefined_for_this_truth_is_none_with_its_own_words():
    scores = scored(
        np.array([1, 1]), [0.3, 0.6], output="proba", classes=[0, 1], metrics=["roc_auc", "neg_log_loss"]
    )

    assert scores.metrics == {"roc_auc": None, "neg_log_loss": None}
    assert scores.details["warnings"][0].startswith("roc_auc: Only one class is present in y_true")
    assert scores.details["warnings"][1].startswith("neg_log_loss failed: ValueError: ")


def test_labels_never_seen_count_as_wrong_and_are_named():
    scores = scored(np.array(["a", "b", "b", "b"]), ["a", "b", "maybe", "perhaps"])

    assert scores.metrics == {"precision": 1.0, "recall": pytest.approx(1 / 3), "f1": 0.5, "accuracy": 0.5}
    assert scores.details["classes"] == ["a", "b", "maybe", "perhaps"]
    assert scores.details["confusion"] == [[1, 0, 0, 0], [0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert scores.details["warnings"] == [
        "2 of 4 predictions count as wrong: 'maybe', 'perhaps', where the classes are 'a', 'b'"
    ]


def test_numbers_where_classes_are_text_all_count_as_wrong():
    scores = scored(np.array(["0", "1"]), [0, 1])

    assert scores.metrics["accuracy"] == 0.0
    assert scores.details["warnings"] == [
        "2 of 2 predictions count as wrong: 0, 1, where the classes are '0', '1'"
    ]


def test_labels_that_a_database_would_not_take_are_shown_escaped_and_short():
    scores = scored(np.array(["a", "b", "b"]), ["\0x", "\ud800", "y" * 500])

    assert scores.details["classes"] == ["a", "b", "\\x00x", "y" * 100 + "...", "\\ud800"]
    json.dumps(scores.details, ensure_ascii=False).encode()


def test_undefined_metrics_are_none_when_zero_division_is_nan():
    scores = scored(np.array([0, 0, 1]), [0, 0, 0], zero_division=float("nan"))

    assert scores.metrics == {"precision": None, "recall": 0.0, "f1": 0.0, "accuracy": pytest.approx(2 / 3)}
    assert scores.details["perClass"][1] == {
        "label": 1,
        "precision": None,
        "recall": 0.0,
        "f1": 0.0,
        "support": 1,
    }
    assert scores.details["warnings"] == ["precision is undefined for these predictions: nan"]


def test_r2_of_one_row_is_none_with_a_warning():
    scores = scored(np.array([1.0]), [1.0], kind=REGRESSION)

    assert scores.metrics == {"r2": None, "mae": 0.0, "rmse": 0.0}
    assert scores.details["warnings"] == ["r2 is undefined for these predictions: nan"]


def test_numbers_too_large_to_be_squared_give_none_and_no_crash():
    scores = scored(np.array([1.0, -1e308]), [1.0, 1e308], kind=REGRESSION)

    assert scores.metrics == {"r2": None, "mae": None, "rmse": None}
    assert scores.details["residuals"]["mean"] is None


def test_beyond_fifty_labels_the_confusion_is_left_out_and_the_largest_classes_are_kept():
    y_true = np.concatenate([np.arange(60), np.arange(10, 60)])

    scores = scored(y_true, y_true, kind=MULTICLASS)

    assert scores.metrics["f1"] == 1.0
    assert "confusion" not in scores.details
    assert scores.details["classCount"] == 60
    assert scores.details["classes"] == list(range(10, 60))
    assert [row["support"] for row in scores.details["perClass"]] == [2] * 50


def test_as_many_labels_as_rows_cost_no_square_of_them():
    rows = 20_000
    scores = scored(np.arange(rows) % 2, np.linspace(0.1, 0.9, rows))

    assert scores.metrics["accuracy"] == 0.0
    assert scores.details["classCount"] == rows + 2
    assert len(json.dumps(scores.details)) < 10_000


def test_a_custom_metric_sees_the_labels_themselves(own):
    module = own(
        "def hits(y_true, y_pred):\n    return sum(t == p == 'yes' for t, p in zip(y_true, y_pred))\n"
    )
    y_true = np.array(["no", "yes", "yes"])

    of_labels = scored(y_true, ["no", "yes", "no"], metrics=[f"{module}:hits"])
    of_probabilities = scored(y_true, [0.1, 0.9, 0.8], output="proba", metrics=[f"{module}:hits"])

    assert of_labels.metrics == {f"{module}:hits": 1.0}
    assert of_probabilities.metrics == {f"{module}:hits": 2.0}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise KeyError('column')", "failed: KeyError: 'column'"),
        ("return None", "failed: TypeError: "),
        ("return 'much'", "failed: TypeError: it returned 'much', expected a number"),
        ("return float('nan')", "is undefined for these predictions: nan"),
        ("return float('inf')", "is undefined for these predictions: inf"),
        ("return 1 / 0", "failed: ZeroDivisionError: division by zero"),
        ("raise MemoryError", "ran out of memory"),
        ("raise Unprintable", "failed: scoring_test_metrics.Unprintable: <exception str() failed>"),
        ("return odd(y_true)", "failed: RecursionError: "),
    ],
)
def test_a_custom_metric_that_fails_is_none_with_the_reason_and_the_others_stand(own, body, words):
    module = own(
        f"""
        class Unprintable(Exception):
            def __str__(self):
                raise RuntimeError

        def odd(y):
            return odd(y)

        def metric(y_true, y_pred):
            {body}
        """
    )
    scores = scored(np.array([0, 1]), [0, 1], metrics=[f"{module}:metric", "f1"])

    assert scores.metrics == {f"{module}:metric": None, "f1": 1.0}
    [warning] = scores.details["warnings"]
    assert warning.startswith(f"{module}:metric {words}")


def test_a_custom_metric_cannot_change_what_the_next_one_sees(own):
    module = own(
        """
        def vandal(y_true, y_pred):
            y_true[:] = 0
            y_pred[:] = 0
            return 1.0

        def rows(y_true, y_pred):
            return (y_true == [0.5, 1.5]).sum() + (y_pred == [0.5, 2.5]).sum()
        """
    )
    y_true = np.array([0.5, 1.5])

    scores = scored(y_true, [0.5, 2.5], kind=REGRESSION, metrics=[f"{module}:vandal", f"{module}:rows"])

    assert scores.metrics == {f"{module}:vandal": 1.0, f"{module}:rows": 4.0}
    assert y_true.tolist() == [0.5, 1.5]


def test_warnings_of_a_custom_metric_are_kept_once_each_and_bounded(own):
    module = own(
        """
        import warnings

        def chatty(y_true, y_pred):
            for number in range(1000):
                warnings.warn(f"{number} " + "x" * 5000)
                warnings.warn("again")
            return 1.0
        """
    )
    scores = scored(np.array([0, 1]), [0, 1], metrics=[f"{module}:chatty"])

    assert scores.metrics == {f"{module}:chatty": 1.0}
    assert len(scores.details["warnings"]) == 20
    assert scores.details["warnings"].count(f"{module}:chatty: again") == 1
    assert len(json.dumps(scores.details)) < 10_000


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"values": [0, 1]}, "there are 2 predictions for 3 rows"),
        ({"values": [0.1, np.nan, 1.0]}, "predict returned NaN, first in row 1"),
        (
            {"values": [0.1, 2.0, 1.0], "output": "proba"},
            "predict returned 2 in row 1, which is no probability",
        ),
        ({"values": np.eye(3), "output": "proba"}, "predict returned 3 columns for 2 classes"),
        (
            {"values": [0.1, 0.2, 0.3], "output": "score", "kind": MULTICLASS},
            "one score per row for 3 classes",
        ),
        ({"values": ["a", "b", "c"], "kind": REGRESSION}, "predict returned text such as 'a'"),
        ({"values": np.eye(3), "kind": REGRESSION, "output": "score"}, "3 columns for a regression"),
    ],
)
def test_predictions_that_nothing_can_be_made_of_are_refused(choices, message):
    y_true = np.array([0, 1, 2]) if choices.get("kind") else np.array([0, 1, 1])

    with pytest.raises(BadPredictionsError, match=message):
        scored(y_true, **choices)


@pytest.mark.parametrize("output", ["labels", "proba", "score"])
def test_a_predicted_number_is_a_number_whatever_output_kind_was_declared(output):
    scores = scored(np.array([10.0, 20.0]), [10, 22], kind=REGRESSION, output=output)

    assert scores.metrics["mae"] == 1.0


def test_true_labels_that_are_no_classes_are_an_error():
    with pytest.raises(InvalidInputError, match="the true labels hold 0, 1, not among the classes 'a', 'b'"):
        scored(np.array([0, 1]), [0, 1], classes=["a", "b"])


@pytest.mark.parametrize(
    ("value", "warnings", "why"),
    [
        (None, ["m:profits is late", "m:profit took longer than 60 s"], "m:profit took longer than 60 s"),
        (None, ["metric 'm:profit': module m is gone"], "metric 'm:profit': module m is gone"),
        (None, [], "its m:profit is undefined on these rows"),
        (1.0, [], "its m:profit has no interval"),
    ],
)
def test_why_a_metric_has_no_sketch_is_what_its_warning_says(
    value: float | None, warnings: list[str], why: str
) -> None:
    scores = Scores(metrics={"m:profit": value}, details={"warnings": warnings}, sketches={}, curves={})

    assert scores.why_not_estimated("m:profit") == why
