import numpy as np
import pandas as pd
import pytest

from bakeoff.cell.inside.exception_report import hint_for


def test_who_indexes_a_frame_like_an_array_is_told_how() -> None:
    with pytest.raises(pd.errors.InvalidIndexError) as raised:
        pd.DataFrame({"a": [1]})[:, 0]
    assert hint_for(raised.value) == (
        "X is a DataFrame: `X = np.asarray(X)` makes it an array, or use X.iloc[:, 0]."
    )


def test_an_exception_that_nothing_here_explains_has_no_hint() -> None:
    with pytest.raises(IndexError) as raised:
        np.zeros(3)[7]
    assert hint_for(raised.value) == ""


def test_a_candidate_that_expects_a_frame_and_gets_an_array_is_told_why() -> None:
    with pytest.raises(AttributeError) as raised:
        np.zeros(3).select_dtypes("number")  # type: ignore[attr-defined]
    assert hint_for(raised.value).startswith("Text columns were turned into numbers before the fit")
    assert hint_for(AttributeError("'Mine' object has no attribute 'select_dtypes'")) == ""
