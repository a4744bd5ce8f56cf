import pickle
from decimal import Decimal
from io import BytesIO

import numpy as np
import pandas as pd
import pytest

from bakeoff.domain.candidate import OutputKind
from registry.columns.check_predictions import BadPredictionsError, check_predictions

LABELS, PROBA, SCORE = OutputKind.LABELS, OutputKind.PROBA, OutputKind.SCORE


@pytest.mark.parametrize(
    ("raw", "values", "kind"),
    [
        ([1, 0, 1], [1, 0, 1], "i"),
        ((0.5, 1, 2), [0.5, 1.0, 2.0], "f"),
        ([True, False, True], [True, False, True], "b"),
        (["a", "bb", "a"], ["a", "bb", "a"], "U"),
        (range(3), [0, 1, 2], "i"),
        ([[1], [0], [1]], [1, 0, 1], "i"),
        ([np.int64(1), 0, True], [1, 0, 1], "i"),
        ([np.array([1]), np.array([2]), np.array([3])], [1, 2, 3], "i"),
        (np.array([1, 0, 1], dtype=np.uint8), [1, 0, 1], "u"),
        (np.array(["a", "b", "a"], dtype=object), ["a", "b", "a"], "U"),
        (np.array([1, 2.5, True], dtype=object), [1.0, 2.5, 1.0], "f"),
        (np.array(["a", "b", "a"], dtype=np.dtypes.StringDType()), ["a", "b", "a"], "U"),
        (pd.Series(["a", "b", "a"]), ["a", "b", "a"], "U"),
        (pd.Series([1, 0, 1], dtype="Int64"), [1, 0, 1], "i"),
        (pd.Series(["a", "b", "a"], dtype="category"), ["a", "b", "a"], "U"),
        (pd.DataFrame({"y": [1, 0, 1]}), [1, 0, 1], "i"),
        (np.ma.array([1, 0, 1], mask=False), [1, 0, 1], "i"),
    ],
)
def test_labels_become_one_plain_array_that_is_saved_without_pickle(raw, values, kind):
    array = check_predictions(raw, rows=3, output_kind=LABELS)

    assert array.tolist() == values
    assert array.dtype.kind == kind
    assert array.ndim == 1
    np.save(BytesIO(), array, allow_pickle=False)


def test_an_array_that_is_fine_is_not_copied():
    raw = np.array([0, 1, 1])

    assert np.shares_memory(check_predictions(raw, rows=3, output_kind=LABELS), raw)


@pytest.mark.parametrize("kind", [PROBA, SCORE])
@pytest.mark.parametrize("raw", [[0, 1, 1], [False, True, True], [[0.0], [1.0], [1.0]]])
def test_probabilities_and_scores_become_floats(kind, raw):
    array = check_predictions(raw, rows=3, output_kind=kind)

    assert (array.tolist(), array.dtype) == ([0.0, 1.0, 1.0], np.float64)


@pytest.mark.parametrize("kind", [PROBA, SCORE])
def test_there_may_be_one_column_per_class(kind):
    array = check_predictions([[0.25, 0.75], [0.5, 0.5]], rows=2, output_kind=kind)

    assert array.tolist() == [[0.25, 0.75], [0.5, 0.5]]


def test_a_rounding_error_above_one_is_cut_off():
    array = check_predictions(np.array([1.0000001, -1e-9]), rows=2, output_kind=PROBA)

    assert array.tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("raw", "kind", "message", "hint"),
    [
        ([1, 0], LABELS, "predict returned 2 values for 3 rows", "one value per row"),
        ([], LABELS, "predict returned 0 values for 3 rows", "one value per row"),
        (None, LABELS, "a single NoneType, not one value for each of 3 rows", "array with 3 values"),
        ("abc", LABELS, "a single str, not one value", "array with 3 values"),
        (7, SCORE, "a single int, not one value", "array with 3 values"),
        ((n for n in range(3)), LABELS, "a single generator", "array with 3 values"),
        (np.eye(3), LABELS, r"shape \(3, 3\) where output_kind labels is due", "output_kind: proba"),
        (np.zeros((3, 2, 2)), PROBA, r"shape \(3, 2, 2\)", "one column per class"),
        (np.zeros((3, 0)), SCORE, r"shape \(3, 0\)", "one column per class"),
        ([1, "a", 2], LABELS, "text and numbers mixed", "one type"),
        ([1, None, 2], LABELS, "predict returned None, first at entry 1", "every row"),
        (["a", float("nan"), "b"], LABELS, "predict returned NaN, first at entry 1", "every row"),
        (
            pd.Series(["a", None, "b"], dtype="string"),
            LABELS,
            "predict returned NA, first at entry 1",
            "every row",
        ),
        (pd.Series(["a", None, "b"]), LABELS, "predict returned NaN, first at entry 1", "every row"),
        ([1.0, float("nan"), 2.0], LABELS, "NaN, first", ""),
        (
            np.array([1.0, 2.0, np.nan]),
            LABELS,
            "NaN, first in row 2; 1 of 3 values are not finite",
            "missing",
        ),
        (np.array([np.inf, 2.0, np.nan]), SCORE, "an infinite number, first in row 0; 2 of 3", "missing"),
        (np.array([[0.1, 0.9], [0.1, np.nan], [0, 1]]), PROBA, "NaN, first in row 1", "missing"),
        (
            [1, object(), 2],
            LABELS,
            "a object, first at entry 1, where a number, a bool or text is due",
            "plain",
        ),
        ([[1, 2], [3], [4]], LABELS, "a list, first at entry 0", "plain"),
        ([1 + 2j, 1, 2], LABELS, "a complex, first at entry 0", "plain"),
        ([Decimal(1), 1, 2], LABELS, "a Decimal, first at entry 0", "plain"),
        (np.array([b"a", b"b", b"c"]), LABELS, "a bytes, first at entry 0", "plain"),
        (np.array(["2024-01-01"] * 3, dtype="M8[D]"), LABELS, "a date, first at entry 0", "plain"),
        (np.ma.array([1, 0, 1], mask=[0, 1, 0]), LABELS, "masked rows", "every row"),
        ([2**80, 1, 2], LABELS, "fit no numpy type", "64 bits"),
        (["0.1", "0.2", "0.3"], PROBA, "text such as '0.1' where output_kind proba is due", "labels"),
        (
            [0.1, 3.5, 0.2],
            PROBA,
            "predict returned 3.5 in row 1, which is no probability",
            "output_kind: score",
        ),
        (
            [0.1, 0.2, -1],
            PROBA,
            "predict returned -1 in row 2, which is no probability",
            "output_kind: score",
        ),
    ],
)
def test_bad_predictions_are_refused_with_the_cure(raw, kind, message, hint):
    with pytest.raises(BadPredictionsError, match=message) as told:
        check_predictions(raw, rows=3, output_kind=kind)

    assert hint in told.value.hint


def test_an_object_that_only_pretends_to_be_an_array_is_refused():
    class Pretender:
        def __array__(self, dtype=None, copy=None):
            raise ValueError("not today")

    with pytest.raises(BadPredictionsError, match="a Pretender that is no array: not today"):
        check_predictions(Pretender(), rows=3, output_kind=LABELS)


def test_the_error_crosses_processes_whole():
    again = pickle.loads(pickle.dumps(BadPredictionsError("what", "cure")))

    assert (again.message, again.hint, str(again)) == ("what", "cure", "what")
    assert isinstance(again, ValueError)
