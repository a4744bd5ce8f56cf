import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.domain.errors import InvalidInputError
from bakeoff.evaluation.datasets.canonical_column import Column, canonical

DAY = dt.datetime(2026, 11, 20, 12, 0)  # noqa: DTZ001  a time without a zone is the case under test


def column(values, **series) -> Column:
    return canonical(pd.Series(values, **series), "c")


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        ([1, 2], None, "int64"),
        ([1, 2], "int8", "int8"),
        ([1, 2], ">i4", "int32"),
        ([1, 2], "Int64", "int64"),
        ([1, None], "Int64", "float64"),
        ([1, None], "object", "float64"),
        ([1.5, 2], "float16", "float32"),
        ([1.5, 2], "float32", "float32"),
        ([1.5, None], "Float64", "float64"),
        ([1.5, None], "double[pyarrow]", "float64"),
        ([Decimal("1.5"), Decimal(2)], "object", "float64"),
        ([True, False], "boolean", "bool"),
        ([True, None], "boolean", "float64"),
        ([True, None], "object", "float64"),
        ([None, None], "object", "float64"),
        (["a", None], "object", "string"),
        (["a", None], "str", "string"),
        (["a", None], "string", "string"),
        (["a", None], "string[pyarrow]", "string"),
        (["a", None], "category", "category"),
        ([DAY, None], None, "datetime"),
        ([DAY, None], "object", "datetime"),
        ([DAY.date(), None], "object", "datetime"),
        ([DAY, None], "datetime64[ns, Europe/Berlin]", "datetime"),
        ([DAY, None], "timestamp[ns][pyarrow]", "datetime"),
    ],
)
def test_every_way_to_hold_a_kind_of_value_has_one_type(values, dtype, kind):
    found = column(values, dtype=dtype)
    assert (found.type, found.missing, len(found)) == (kind, values.count(None), 2)


@pytest.mark.parametrize(
    "ways",
    [
        [
            ([1.5, None], "float64"),
            ([1.5, None], "Float64"),
            ([1.5, None], "object"),
            ([1.5, None], "double[pyarrow]"),
        ],
        [([0.0, 1.0], "float64"), ([-0.0, 1.0], "float64")],
        [([1, 2], "int64"), ([1, 2], "Int64"), ([1, 2], "object"), ([1, 2], ">i8")],
        [
            (["a", None], "str"),
            (["a", None], "object"),
            (["a", None], "string"),
            (["a", None], "string[pyarrow]"),
        ],
        [
            ([DAY], "datetime64[s]"),
            ([DAY], "datetime64[ns]"),
            ([DAY], "object"),
            ([DAY], "datetime64[us, UTC]"),
        ],
        [([True, False], "bool"), ([True, False], "boolean"), ([True, False], "object")],
    ],
)
def test_the_same_values_have_one_digest(ways):
    assert len({column(values, dtype=dtype).digest() for values, dtype in ways}) == 1


def test_the_order_of_unordered_categories_says_nothing():
    one = column(pd.Categorical(["b", "a"], categories=["b", "a", "unused"]))
    two = column(pd.Categorical(["b", "a"], categories=["a", "b"]))
    assert one.digest() == two.digest()


def test_the_order_of_ordered_categories_counts():
    one = column(pd.Categorical(["lo", "hi"], categories=["lo", "hi"], ordered=True))
    two = column(pd.Categorical(["lo", "hi"], categories=["hi", "lo"], ordered=True))
    assert one.digest() != two.digest()


def test_every_nan_is_the_same():
    odd = np.array([0x7FF8000000000001], dtype=np.uint64).view(np.float64)
    assert column(odd).digest() == column([np.nan]).digest()


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (["ab", "c"], ["a", "bc"]),
        (["", None], [None, ""]),
        (["a"], pd.Categorical(["a"])),
        ([1, 2], [2, 1]),
        ([1], [1.0]),
        ([1], np.array([1], dtype="int32")),
        ([0], [False]),
        (pd.Categorical([1, 2]), pd.Categorical(["1", "2"])),
        ([DAY], [DAY + dt.timedelta(microseconds=1)]),
    ],
)
def test_different_values_or_types_have_different_digests(one, two):
    assert column(one).digest() != column(two).digest()


def test_a_slice_has_the_digest_of_its_own_values():
    for dtype in ("str", "string[pyarrow]", "category", "float64"):
        whole = pd.Series(["1", "2", "3", None], dtype="str").astype(dtype)
        part = pd.Series(["2", "3"], dtype="str").astype(dtype)
        assert canonical(whole.iloc[1:3], "c").digest() == canonical(part, "c").digest(), dtype


@given(st.lists(st.none() | st.text(max_size=5), min_size=1, max_size=8), st.data())
def test_the_digest_of_text_tells_any_two_columns_apart(values, data):
    other = data.draw(st.lists(st.none() | st.text(max_size=5), min_size=len(values), max_size=len(values)))
    same = column(values, dtype="str").digest() == column(other, dtype="str").digest()
    assert same == (values == other)


def test_the_data_of_the_caller_stay_as_they_are():
    values = np.array([-0.0, np.nan, 1.0])
    found = column(values, copy=False)
    assert np.signbit(values[0])
    assert not np.signbit(found.array[0])


def test_clean_floats_are_not_copied():
    values = np.array([1.0, 2.0])
    assert np.shares_memory(column(values, copy=False).array, values)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([1, "a"], "column 'c' holds values of type int, str"),
        ([b"a"], "column 'c' holds values of type bytes"),
        ([[1]], "column 'c' holds values of type list"),
        ([2**70], "column 'c' holds whole numbers beyond 64 bits"),
        ([1j], "column 'c' holds complex numbers"),
        ([dt.timedelta(1)], "column 'c' is of type timedelta64"),
        (pd.Categorical([DAY]), "column 'c' has categories of type datetime"),
    ],
)
def test_what_no_model_can_use_is_refused_by_name(values, says):
    with pytest.raises(InvalidInputError, match=says):
        column(values)
