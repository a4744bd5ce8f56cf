"""`--tune` and `--trials`: ranges as they are written on the command line."""

import pytest

from bakeoff.cli.key_value_and_grid_options import searches_in
from bakeoff.domain.errors import InvalidInputError


def test_values_and_ranges_become_a_search_of_their_candidate() -> None:
    options = ["svc.C=log:0.01..100", "svc.kernel=rbf, linear", "my.tree.depth=2..12", "my.tree.share=0.1..1"]

    assert searches_in(options, trials=None) == {
        "svc": {"params": {"C": {"log_uniform": [0.01, 100]}, "kernel": ["rbf", "linear"]}},
        "my.tree": {"params": {"depth": {"integers": [2, 12]}, "share": {"uniform": [0.1, 1]}}},
    }


def test_trials_are_those_of_each_search() -> None:
    found = searches_in(["a.x=1..2", "b.x=1..2"], trials=7)

    assert [one["trials"] for one in found.values()] == [7, 7]


@pytest.mark.parametrize("option", ["svc.C", "C=1..2", "svc.=1..2", "svc.C=", "svc.not a name=1"])
def test_what_is_no_search_is_refused_with_an_example(option: str) -> None:
    with pytest.raises(InvalidInputError, match=r"write candidate\.parameter=range, such as tree\.depth=2"):
        searches_in([option], trials=None)


def test_a_parameter_twice_and_trials_of_nothing_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"--tune names svc\.C twice"):
        searches_in(["svc.C=1..2", "svc.C=3..4"], trials=None)
    with pytest.raises(InvalidInputError, match="--trials says how many there are of a search"):
        searches_in([], trials=5)


@pytest.mark.parametrize(
    ("written", "meant"), [("1-6", r"1\.\.6"), ("1:6", r"1\.\.6"), ("log:0.1-10", r"log:0\.1\.\.10")]
)
def test_a_range_as_others_write_it_is_no_single_value(written: str, meant: str) -> None:
    with pytest.raises(InvalidInputError, match=f"--tune tree.depth is '{written}', .* a range is {meant}$"):
        searches_in([f"tree.depth={written}"], trials=None)


def test_the_words_of_the_catalog_name_ranges_too_and_small_numbers_are_values() -> None:
    found = searches_in(["svc.C=log_uniform:0.1..10", "svc.tol=1e-6,-3", "svc.s=uniform:1..2"], trials=None)

    assert found["svc"]["params"] == {
        "C": {"log_uniform": [0.1, 10]},
        "tol": [1e-6, -3],
        "s": {"uniform": [1, 2]},
    }
