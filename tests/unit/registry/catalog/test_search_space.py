"""What a candidate with a search is checked as: with values that a trial might have."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.domain.candidate import Candidate, PipelineStep
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.tuning import Tuning
from registry.catalog.search_space import RandomTrials, members_drawn, with_first_values

SPACE = {"depth": {"integers": [2, 9]}, "way": ["gini", "entropy"]}

FOREST = Candidate(id="forest", version="1", path="zoo:Forest", params={"n": 10})


def test_a_constructor_gets_a_value_of_each_parameter_that_only_the_search_gives() -> None:
    tuned = Candidate(id="t", version="1", path="zoo:T", params={"way": "mine"}, tune=Tuning(params=SPACE))

    checked = with_first_values(tuned)

    assert checked.params == {"way": "mine", "depth": 2}
    assert checked.tune is None


def test_so_does_the_step_that_has_it() -> None:
    steps = (PipelineStep(path="zoo:Scale"), PipelineStep(path="zoo:T"))
    tuned = Candidate(id="t", version="1", steps=steps, tune=Tuning(params=SPACE))

    assert [dict(step.params) for step in with_first_values(tuned).steps] == [{}, {"depth": 2, "way": "gini"}]


def test_a_candidate_without_a_search_is_checked_as_it_is() -> None:
    plain = Candidate(id="t", version="1", path="zoo:T")

    assert with_first_values(plain) is plain


def drawn(trials: int = 5, seed: int = 0, **params: Any) -> tuple[Candidate, ...]:
    return members_drawn(FOREST, RandomTrials(trials=trials, params=params, seed=seed))


def test_what_is_drawn_never_changes() -> None:
    members = drawn(2, depth={"integers": [2, 12]}, C={"log_uniform": [0.001, 100]}, way=["a", "b"])

    assert [(member.id, member.description) for member in members] == [
        ("forest.trial-01", "depth=11, C=6.163, way=a"),
        ("forest.trial-02", "depth=4, C=0.3601, way=a"),
    ]
    assert members[0].params["n"] == 10
    assert members[0].family == "forest"


def test_more_trials_leave_the_first_ones_as_they_are() -> None:
    few, many = drawn(3, x={"uniform": [0, 1]}), drawn(9, x={"uniform": [0, 1]})

    assert many[:3] == few
    assert len({member.params["x"] for member in many}) == 9
    assert drawn(3, seed=1, x={"uniform": [0, 1]}) != few


@given(
    seed=st.integers(0, 1000),
    low=st.integers(-5, 5),
    span=st.integers(1, 10),
    kind=st.sampled_from(["uniform", "integers", "log_uniform"]),
)
def test_what_is_drawn_lies_in_its_range(seed: int, low: int, span: int, kind: str) -> None:
    ends = [abs(low) + 1, abs(low) + 1 + span] if kind == "log_uniform" else [low, low + span]

    values = [member.params["x"] for member in drawn(20, seed=seed, x={kind: ends})]

    assert all(ends[0] <= value <= ends[1] or math.isclose(value, ends[0]) for value in values)
    assert all(isinstance(value, int) for value in values) == (kind == "integers")


def test_whole_numbers_reach_both_ends() -> None:
    assert {member.params["x"] for member in drawn(200, x={"integers": [1, 3]})} == {1, 2, 3}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([], "give it values"),
        (5, "write a list of values, or a range such as {uniform: [0, 1]}"),
        ({"uniform": [0, 1], "integers": [0, 1]}, "write a list of values, or a range"),
        ({"log": [1, 2]}, "which is no kind of range: did you mean 'log_uniform'"),
        ({"log_unifrom": [1, 2]}, "which is no kind of range: did you mean 'log_uniform'"),
        ({"uniform": [1, 0]}, "write two numbers, the lower one first"),
        ({"uniform": ["a", "b"]}, "write two numbers"),
        ({"integers": [0.5, 2]}, "whole numbers lie between whole numbers"),
        ({"log_uniform": [0, 1]}, "both ends are above 0"),
    ],
)
def test_what_is_no_range_is_refused_with_the_cure(values: Any, says: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        drawn(x=values)
    assert says in str(refused.value)


def test_a_thousand_trials_are_the_most() -> None:
    with pytest.raises(
        InvalidInputError, match="the random trials of forest are 1001: 1 to 1,000 are allowed"
    ):
        drawn(1001, x=[1])
