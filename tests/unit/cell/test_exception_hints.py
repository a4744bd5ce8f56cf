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
