"""Grids as they are written on the command line, and errors that name what was typed there."""

from types import SimpleNamespace
from typing import Any

import pytest

from bakeoff.cli.key_value_and_grid_options import grids_in
from bakeoff.cli.run_options import request_of
from bakeoff.domain.errors import InvalidInputError


def test_values_are_numbers_words_and_nothing_as_they_look() -> None:
    assert grids_in(["forest.max_depth=4, 8,none", "forest.way=gini", "my.line.C=1e-3,true"]) == {
        "forest": {"max_depth": [4, 8, None], "way": ["gini"]},
        "my.line": {"C": [0.001, True]},
    }


@pytest.mark.parametrize(
    "option", ["forest", "forest=4", "forest.depth", "forest.depth=", ".depth=4", "a.b-c=4"]
)
def test_what_is_no_grid_is_refused_with_an_example(option: str) -> None:
    with pytest.raises(
        InvalidInputError, match=r"write candidate\.parameter=value,value, such as forest\.max_depth"
    ):
        grids_in([option])


def test_the_values_of_a_parameter_are_given_at_once() -> None:
    with pytest.raises(InvalidInputError, match=r"--grid names forest\.depth twice"):
        grids_in(["forest.depth=4", "forest.depth=8"])


@pytest.mark.parametrize("written", ["1..60", "1-60"])
def test_a_range_in_a_grid_is_refused_with_values_and_a_search_as_the_cure(written: str) -> None:
    with pytest.raises(InvalidInputError, match=r"such as 1,2,5, or .*: --tune tree\.depth=1\.\.60$"):
        grids_in([f"tree.depth={written}"])


def test_a_path_upwards_is_a_value() -> None:
    assert grids_in(["tree.file=../a,../b"]) == {"tree": {"file": ["../a", "../b"]}}


def test_a_request_is_refused_by_the_options_that_were_typed() -> None:
    configuration: Any = SimpleNamespace(settings=SimpleNamespace(datasets={"churn": None}, metrics=None))

    with pytest.raises(InvalidInputError, match=r"--test-size is 2.0: .*; --folds is 1000: "):
        request_of(configuration, {"folds": 1000, "test_size": 2.0}, source="churn", dataset=None)
