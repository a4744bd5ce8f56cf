import datetime as dt
import json
from decimal import Decimal

import pandas as pd
import pytest
from fixtures.values.frames import frames
from hypothesis import given

from bakeoff.domain.errors import InvalidInputError
from registry.columns.input_example import example_from_json, example_to_json


def through_json(frame) -> pd.DataFrame:
    return example_from_json(json.loads(json.dumps(example_to_json(frame), allow_nan=False)))


def test_an_example_is_a_few_rows_as_json():
    frame = pd.DataFrame(
        {
            "n": [1, 2, 3],
            "x": [0.5, None, float("inf")],
            "city": ["Rome", None, "Oslo"],
            "size": pd.Categorical(["s", None, "m"], ["s", "m"], ordered=True),
            "day": pd.to_datetime(["2026-11-20", None, "2026-11-21"]),
        }
    )

    assert example_to_json(frame, rows=2) == {
        "columns": ["n", "x", "city", "size", "day"],
        "dtypes": [
            "int64",
            "float64",
            "str",
            {"categories": ["s", "m"], "of": "str", "ordered": True},
            "datetime64[us]",
        ],
        "data": [[1, 0.5, "Rome", "s", "2026-11-20T00:00:00"], [2, None, None, None, None]],
    }
    assert example_to_json(frame)["data"][2][1] == "inf"


@given(frames(objects=False))
def test_an_example_comes_back_as_the_frame_that_it_was(frame):
    pd.testing.assert_frame_equal(through_json(frame), frame.head(10))


def test_dates_of_a_zone_whose_offset_had_seconds_come_back():
    """As Berlin's had, until it was made 1 h."""
    frame = pd.DataFrame({"day": pd.to_datetime(["1893-01-01"], utc=True).tz_convert("Europe/Berlin")})

    pd.testing.assert_frame_equal(through_json(frame), frame)


@given(frames())
def test_every_frame_has_an_example(frame):
    assert through_json(frame).shape == frame.head(10).shape


def test_dates_and_decimals_that_stand_as_objects_become_plain():
    day = dt.date(2026, 11, 20)
    frame = pd.DataFrame({"day": [day, None], "price": pd.Series([Decimal("1.5"), None], dtype=object)})

    assert example_to_json(frame)["data"] == [["2026-11-20T00:00:00", 1.5], [None, None]]


def test_of_very_many_categories_those_of_the_rows_are_kept():
    frame = pd.DataFrame({"c": pd.Categorical([str(place) for place in range(1001)])})

    assert example_to_json(frame, rows=2)["dtypes"] == [
        {"categories": ["0", "1"], "of": "str", "ordered": False},
    ]


@pytest.mark.parametrize(
    ("values", "back"),
    [
        ([b"x"], "b'x'"),
        ([dt.timedelta(1)], dt.timedelta(1)),
        ([{2, 1}], [1, 2]),
        (pd.Categorical([pd.Interval(0, 1)]), "(0, 1]"),
    ],
)
def test_what_json_has_no_word_for_is_text(values, back):
    frame = pd.DataFrame({"odd": values})

    assert through_json(frame)["odd"].tolist() == [back]


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("int64", "x"),
        ("a type of the future", 1),
        ("datetime64[us]", "soon"),
        ({"categories": ["x"], "of": "str", "ordered": False}, "y"),
    ],
)
def test_a_type_that_cannot_be_made_is_no_reason_to_do_without_the_example(dtype, value):
    frame = example_from_json({"columns": ["a"], "dtypes": [dtype], "data": [[value]]})

    assert frame["a"].tolist() == [value]


@pytest.mark.parametrize(
    "data",
    [
        {},
        None,
        {"columns": ["a"], "dtypes": [], "data": []},
        {"columns": ["a"], "dtypes": ["int64"], "data": [[1, 2]]},
        {"columns": ["a"], "dtypes": ["int64"], "data": [1]},
        {"columns": ["a"], "dtypes": [7], "data": [[1]]},
        {"columns": ["a"], "dtypes": [{}], "data": [[1]]},
    ],
)
def test_what_is_no_example_is_refused(data):
    with pytest.raises(InvalidInputError, match="this is no input example: "):
        example_from_json(data)
