import datetime as dt
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from fixtures.values.frames import frames
from hypothesis import given
from hypothesis import strategies as st

from registry.columns.compare_data_with_signature import SignatureComparison, align, compare, in_container
from registry.columns.signature import Signature, infer_signature

PEOPLE = pd.DataFrame({"age": [30, 40], "pay": [1.5, 2.5], "city": ["Rome", "Oslo"]})
NEW_YEAR = pd.Timestamp("2026-01-01")
SIZES = pd.CategoricalDtype(["s", "m", "l"], ordered=True)


def one(values, dtype=None) -> pd.DataFrame:
    return pd.DataFrame({"c": pd.Series(values, dtype=dtype)})


def against(fitted, given_now) -> tuple[SignatureComparison, pd.Series]:
    comparison, frame = align(infer_signature(fitted), given_now)
    return comparison, frame["c"]


@given(frames())
def test_data_fit_the_signature_that_was_inferred_from_them(frame):
    signature = Signature.from_json(json.loads(json.dumps(infer_signature(frame).to_json())))

    comparison = compare(signature, frame)

    assert comparison.problems == ()
    assert comparison == SignatureComparison()


@given(frames(objects=False))
def test_data_that_fit_are_left_as_they_are(frame):
    pd.testing.assert_frame_equal(align(infer_signature(frame), frame)[1], frame)


@given(frames(objects=False), st.randoms(use_true_random=False))
def test_columns_in_another_order_and_extra_ones_are_put_right(frame, random):
    shuffled = list(frame.columns)
    random.shuffle(shuffled)

    comparison, right = align(infer_signature(frame), frame[shuffled].assign(**{"one more": 1}))

    assert (comparison.valid, comparison.extra) == (True, ("one more",))
    assert comparison.reordered == (shuffled != list(frame.columns))
    pd.testing.assert_frame_equal(right, frame)


def test_all_that_is_wrong_is_told_at_once():
    now = pd.DataFrame({"Age": [1], "pay": ["much"], "city": ["Rome"], "mood": ["fine"]})

    comparison = compare(infer_signature(PEOPLE), now[["mood", "city", "pay", "Age"]])

    assert comparison.to_record() == {
        "valid": False,
        "missing_features": ["age"],
        "extra_features": ["mood", "Age"],
        "wrong_types": {"pay": {"expected": "float", "found": "text", "row": 0, "value": "'much'"}},
        "reordered": True,
        "unexpected_gaps": [],
        "problems": [
            "missing columns 'age': add or rename them; did you mean 'Age'?",
            "column 'pay' is text where float is expected, first 'much' in row 1: give numbers",
        ],
    }


def test_of_very_many_wrong_columns_twenty_are_named():
    fitted = pd.DataFrame({f"c{place}": [1.0] for place in range(25)})

    problems = compare(infer_signature(fitted), fitted.astype("str")).problems

    assert len(problems) == 21
    assert problems[-1] == "so are 5 more columns"


def test_values_that_are_missing_where_none_ever_was_are_told_and_no_error():
    comparison = compare(infer_signature(PEOPLE), PEOPLE.assign(pay=[None, 2.5], city=[None, "Oslo"]))

    assert (comparison.valid, comparison.gaps) == (True, ("pay", "city"))


@pytest.mark.parametrize(
    ("fitted", "now", "becomes"),
    [
        (one([1.5]), one([1, 2]), [1.0, 2.0]),
        (one([1.5]), one([True, False]), [1.0, 0.0]),
        (one([1.5]), one([1, None], "Int64"), [1.0, None]),
        (one([1.5]), one([Decimal("0.5"), Decimal(2)], object), [0.5, 2.0]),
        (one([1]), one([True, False]), [1, 0]),
        (one([1]), one([3.0, -4.0]), [3, -4]),
        (one([1]), one([3.0, None]), [3.0, None]),
        (one([1]), one([3, None], object), [3.0, None]),
        (one([True]), one([0, 1]), [False, True]),
        (one([True]), one([0.0, 1.0]), [False, True]),
        (one([True]), one([0.0, None]), [0.0, None]),
        (one(["a"]), one(["b"], "category"), ["b"]),
        (one(["a"]), one(["b", None], object), ["b", None]),
        (one([1]), one([7], "category"), [7]),
        (one(["a"], "category"), one(["a"]), ["a"]),
        (one([1, 2], "category"), one([2.0, None]), [2, None]),
        (one([True, False], "category"), one([0, 1]), [False, True]),
    ],
)
def test_a_difference_of_type_that_loses_nothing_is_harmless(fitted, now, becomes):
    comparison, column = against(fitted, now)

    assert comparison.problems == ()
    assert column.astype(object).where(column.notna(), None).tolist() == becomes
    assert [type(value) for value in column.dropna().tolist()] == [
        type(value) for value in becomes if value is not None
    ]


@pytest.mark.parametrize(
    ("fitted", "now", "problem"),
    [
        (one([1.5]), one(["1.5"]), "text where float is expected, first '1.5' in row 1: give numbers"),
        (one([1.5]), one(["1.5", "n/a"]), "text where float is expected, first 'n/a' in row 2"),
        (one([1.5]), one([None, "n/a"]), "text where float is expected, first 'n/a' in row 2"),
        (
            one([1]),
            one([1.0, 1.5]),
            "float where integer is expected, first 1.5 in row 2: give whole numbers",
        ),
        (one([1]), one([1e300]), "float where integer is expected, first 1e+300 in row 1"),
        (one([1]), one([float("inf")]), "float where integer is expected, first inf in row 1"),
        (one([True]), one([0, 2]), "integer where boolean is expected, first 2 in row 2: give true or false"),
        (one(["a"]), one([7]), "integer where text is expected, first 7 in row 1: give text"),
        (one(["a"]), one([True]), "boolean where text is expected, first True in row 1"),
        (one(["a"]), one([1, "a"], object), "any where text is expected, first 1 in row 1"),
        (one(["a"], "category"), one([7]), "integer where text is expected, first 7 in row 1"),
        (
            one(["s"], SIZES),
            one(["m", "xl"]),
            "text where category is expected, first 'xl' in row 2: give one",
        ),
        (
            one([NEW_YEAR]),
            one(["soon"]),
            "text where datetime is expected, first 'soon' in row 1",
        ),
        (one([NEW_YEAR]), one([20260101]), "integer where datetime is expected"),
        (one([1.5]), one(["x" * 99]), f"first '{'x' * 39} in row 1"),
    ],
)
def test_a_difference_of_type_that_loses_something_is_an_error_with_the_first_value_in_the_way(
    fitted, now, problem
):
    comparison, _ = against(fitted, now)

    assert not comparison.valid
    assert problem in comparison.problems[0]


@pytest.mark.parametrize("dtype", ["float64", "str", "object", "category", "datetime64[us]", "Int64"])
@pytest.mark.parametrize(
    "fitted", [1, 1.5, True, "a", pd.Timestamp("2026-11-20"), pd.Timestamp("2026-11-20", tz="UTC")]
)
def test_a_column_without_a_single_value_fits_any_type(fitted, dtype):
    comparison, column = against(one([fitted]), one([None, None], dtype))

    assert comparison == SignatureComparison(gaps=("c",))
    assert column.isna().tolist() == [True, True]


@pytest.mark.parametrize(
    ("zone", "now", "becomes"),
    [
        (None, pd.Timestamp("2026-11-20 08:30"), "2026-11-20T08:30:00"),
        (None, pd.Timestamp("2026-11-20 08:30", tz="Europe/Berlin"), "2026-11-20T07:30:00"),
        (None, dt.date(2026, 11, 20), "2026-11-20T00:00:00"),
        (None, "2026-11-20", "2026-11-20T00:00:00"),
        (None, "2026-11-20T08:30:00+01:00", "2026-11-20T07:30:00"),
        ("Europe/Berlin", pd.Timestamp("2026-11-20 08:30"), "2026-11-20T09:30:00+01:00"),
        ("Europe/Berlin", pd.Timestamp("2026-11-20 08:30", tz="UTC"), "2026-11-20T09:30:00+01:00"),
        ("Europe/Berlin", "2026-11-20T08:30:00", "2026-11-20T09:30:00+01:00"),
    ],
)
def test_dates_come_in_the_zone_of_the_signature_and_without_one_they_are_utc(zone, now, becomes):
    fitted = one(pd.to_datetime(["2026-01-01"]).tz_localize(zone))

    comparison, column = against(fitted, one([now]))

    assert (comparison.problems, column.iloc[0].isoformat()) == ((), becomes)


def test_categories_keep_their_codes_and_new_ones_come_after_them():
    fitted = one(["b", "c", "d"], "category")

    part = against(fitted, one(["d", "c"], "category"))[1]
    new = against(fitted, one(["a", "d", None]))[1]

    assert (part.cat.codes.tolist(), list(part.cat.categories)) == ([2, 1], ["b", "c", "d"])
    assert (new.cat.codes.tolist(), list(new.cat.categories)) == ([3, 2, -1], ["b", "c", "d", "a"])


def test_of_very_many_categories_only_the_type_is_checked():
    fitted = one([str(place) for place in range(1001)], "category")

    assert against(fitted, one(["new"]))[1].dtype == "category"
    assert not against(fitted, one([7]))[0].valid


@pytest.mark.parametrize(
    ("fitted", "now", "expected"),
    [
        (PEOPLE, PEOPLE.to_numpy(), []),
        (PEOPLE[["age", "pay"]], [[1, 2.5]], []),
        (PEOPLE, [], []),
        (np.zeros((1, 3)), pd.DataFrame({"a": [1], "b": [2], "c": [3]}), []),
        (np.zeros((1, 3)), [{"2": 1.0, "0": 2.0, "1": 3.0}], []),
        (pd.DataFrame([[1, 2]]), np.zeros((1, 2)), []),
        (PEOPLE, np.zeros((1, 2)), ["1 column too few: give those that the model knows, in its order"]),
        (np.zeros((1, 3)), np.zeros((1, 5)), ["2 columns too many: give those that the model knows"]),
        (np.zeros((1, 3)), pd.DataFrame({"a": [1]}), ["2 columns too few"]),
        (PEOPLE, pd.DataFrame([[1, 2, "x", 4]]), ["1 column too many"]),
    ],
)
def test_columns_without_names_go_by_their_place(fitted, now, expected):
    problems = compare(infer_signature(fitted), now).problems

    assert len(problems) == len(expected)
    assert all(problem.startswith(start) for problem, start in zip(problems, expected, strict=True))


def test_numbered_columns_in_another_order_go_by_their_numbers():
    now = pd.DataFrame([[1, 2]], columns=[1, 0])

    comparison, frame = align(infer_signature(pd.DataFrame([[5, 6]])), now)

    assert comparison.reordered
    assert frame.to_numpy().tolist() == [[2, 1]]


@pytest.mark.parametrize("fitted", [PEOPLE, pd.DataFrame([[1, 2]], columns=[7, 8]), np.zeros((2, 2))])
def test_a_model_is_given_what_it_was_fitted_on(fitted):
    signature = infer_signature(fitted)

    given_again = in_container(align(signature, fitted)[1], signature.container)

    assert type(given_again) is type(fitted)
    if isinstance(fitted, pd.DataFrame):
        assert list(given_again.columns) == list(fitted.columns)
