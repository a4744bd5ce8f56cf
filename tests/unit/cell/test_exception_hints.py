import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import check_is_fitted

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


def test_who_misses_a_variable_of_the_environment_is_told_how_a_cell_gets_it() -> None:
    with pytest.raises(KeyError) as raised:
        os.environ["THE_TOKEN"]
    assert "`env: [THE_TOKEN]` in its entry" in hint_for(raised.value)
    with pytest.raises(KeyError) as raised:
        {}["THE_TOKEN"]
    assert hint_for(raised.value) == ""


def test_who_misses_a_file_of_the_home_folder_is_told_how_a_cell_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError) as raised:
        (tmp_path / ".cache" / "huggingface" / "hub" / "x").read_text()
    assert "`readable: [~/.cache/huggingface/hub]` in its entry" in hint_for(raised.value)
    with pytest.raises(FileNotFoundError) as raised:
        (tmp_path / "mine.txt").read_text()
    assert hint_for(raised.value) == ""


def test_what_stays_closed_is_named_with_what_would_open_it(monkeypatch: pytest.MonkeyPatch) -> None:
    error = PermissionError(13, "Permission denied", "/opt/weights/x.bin")

    def refused(*_: object) -> int:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refused)
        assert "`readable: [/opt/weights/x.bin]` in its entry" in hint_for(error)


def test_who_may_not_write_is_told_so_and_not_what_opens_a_file_for_reading(tmp_path: Path) -> None:
    there, absent = tmp_path / "there", tmp_path / "absent"
    there.touch()

    for name in (str(there), str(absent), bytes(there), "\0"):
        hint = hint_for(PermissionError(13, "Permission denied", name))
        assert hint.startswith("A cell writes to its scratch folder alone")
        assert "readable" not in hint


def test_where_no_file_is_named_no_file_is_named() -> None:
    hint = hint_for(PermissionError(13, "Permission denied"))

    assert hint == "In a cell only the libraries, its scratch folder and what it was given can be opened."


def test_what_is_refused_without_a_file_may_have_been_a_connection() -> None:
    assert "has no network" in hint_for(PermissionError(1, "Operation not permitted"))


def test_a_derived_class_that_keeps_nothing_of_its_fit_is_told_what_scikit_learn_expects() -> None:
    with pytest.raises(NotFittedError) as raised:
        check_is_fitted(DecisionTreeClassifier())
    assert "such as `self.is_fitted_ = True`" in hint_for(raised.value)
