"""Searches that a request asks for: what is refused, and with which words."""

from typing import Any

import pytest

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.tuning import Sampler
from bakeoff.evaluation.planning.candidate_choice import with_grids
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from bakeoff.evaluation.planning.tuning_request import with_searches

TREE = Candidate(id="tree", version="1", path="zoo:Tree", params={"way": "gini"})
LINE = Candidate(id="line", version="1", path="zoo:Line")


def asked(**searches: Any) -> RunRequest:
    return RunRequest.parse({"dataset": "d", "tune": searches})


def test_a_candidate_searches_what_the_request_says_and_the_others_nothing() -> None:
    request = asked(tree={"params": {"depth": {"integers": [1, 9]}}, "trials": 20, "sampler": "random"})

    tree, line = with_searches([TREE, LINE], request.tune or {})

    assert line == LINE
    assert tree.params == {"way": "gini"}
    assert tree.tune is not None
    assert (tree.tune.trials, tree.tune.folds, tree.tune.sampler) == (20, 3, Sampler.RANDOM)
    assert tree.tune.params == {"depth": {"integers": [1, 9]}}


@pytest.mark.parametrize(
    ("search", "problem"),
    [
        ({"params": {}, "trial": 3}, r"tune\.tree\.trial is no key of it; did you mean 'trials'"),
        ({"params": {}, "trials": 0}, r"tune\.tree\.trials is 0: input should be greater than or equal to 1"),
        (
            {"params": {}, "sampler": "tpa"},
            r"tune\.tree\.sampler is 'tpa': input should be 'tpe' or 'random'",
        ),
        ({}, r"tune\.tree\.params is missing"),
    ],
)
def test_what_is_no_search_is_refused_by_its_key(search: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem):
        asked(tree=search)


@pytest.mark.parametrize(
    ("searches", "problem"),
    [
        (
            {"three": {"params": {"depth": [1]}}},
            "tune names 'three', which does not take part; did you mean 'tree'",
        ),
        ({"tree": {"params": {}}}, "the search of tree has no params"),
        ({"tree": {"params": {"depth": {"integers": [9, 1]}}}}, "write two numbers, the lower one first"),
    ],
)
def test_a_search_that_no_candidate_can_make_is_refused(searches: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem):
        with_searches([TREE, LINE], asked(**searches).tune or {})


def test_a_search_and_a_grid_of_one_candidate_are_refused() -> None:
    tuned = with_searches([TREE], asked(tree={"params": {"depth": [1, 2]}}).tune or {})

    with pytest.raises(InvalidInputError, match="tree has `tune`, and gets a grid: leave one out"):
        with_grids(tuned, {"tree": {"depth": [1, 2]}})
