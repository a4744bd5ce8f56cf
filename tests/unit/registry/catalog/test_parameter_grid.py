"""Grids: one candidate becomes many, each with a name of its own that says in what it differs."""

from dataclasses import replace

import pytest

from bakeoff.domain.candidate import Candidate, PipelineStep
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.tuning import Tuning
from registry.catalog.models_yaml_schema import ID
from registry.catalog.parameter_grid import members_of
from registry.catalog.search_space import with_tuning

FOREST = Candidate(id="forest", version="1", path="zoo:Forest", params={"n": 10, "depth": 1})
STEPS = Candidate(
    id="line",
    version="1",
    steps=(
        PipelineStep(path="sklearn.preprocessing:StandardScaler", params={"copy": True}),
        PipelineStep(path="zoo:Line", params={"C": 1.0}),
    ),
)


def test_there_is_a_member_for_each_combination_named_by_what_differs() -> None:
    members = members_of(FOREST, {"depth": [4, None], "way": ["a", "b"], "n": [20]})

    assert [(member.id, dict(member.params)) for member in members] == [
        ("forest.depth-4.way-a", {"n": 20, "depth": 4, "way": "a"}),
        ("forest.depth-4.way-b", {"n": 20, "depth": 4, "way": "b"}),
        ("forest.depth-none.way-a", {"n": 20, "depth": None, "way": "a"}),
        ("forest.depth-none.way-b", {"n": 20, "depth": None, "way": "b"}),
    ]
    assert {member.family for member in members} == {"forest"}
    assert members[2].description == "depth=none, way=a, n=20"


def test_of_steps_a_plain_name_is_of_the_last_one_and_others_have_the_name_of_their_class() -> None:
    [first, second] = members_of(STEPS, {"C": [0.1], "standardscaler__with_mean": [True, False]})

    assert first.id == "line.standardscaler__with_mean-true"
    assert [dict(step.params) for step in second.steps] == [{"copy": True, "with_mean": False}, {"C": 0.1}]


@pytest.mark.parametrize(
    "values",
    [
        ["a b", "a/b", "a_b"],  # the same in an id
        [[1, 2], [1, 3]],
        ["x" * 120, "y" * 120],
        [1e-05, -1, 0.5, True, "ä"],
    ],
)
def test_every_member_has_an_id_of_its_own_that_the_catalog_allows(values: list[object]) -> None:
    ids = [member.id for member in members_of(FOREST, {"layers": values})]

    assert len(set(ids)) == len(values)
    assert all(ID.fullmatch(id_) for id_ in ids)


@pytest.mark.parametrize(
    ("candidate", "grid", "says"),
    [
        (FOREST, {}, "the grid of forest is empty"),
        (FOREST, {"depth": []}, "the grid of forest has no values for depth"),
        (FOREST, {"depth": [1, 2, 1]}, "the grid of forest has a value of depth twice"),
        (FOREST, {"a": range(100), "b": range(11)}, "has 1,100 combinations: 1,000 are the most"),
        (STEPS, {"standardscalar__copy": [True]}, "there is no step 'standardscalar'"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(candidate: Candidate, grid: dict, says: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        members_of(candidate, grid)
    assert says in str(refused.value)


def test_a_candidate_that_searches_its_parameters_gets_no_grid() -> None:
    searching = replace(FOREST, tune=Tuning(params={"depth": [1, 2]}))

    with pytest.raises(InvalidInputError, match="forest has `tune`, and gets a grid: leave one out"):
        members_of(searching, {"way": ["a", "b"]})


def test_a_step_that_is_not_there_is_said_of_what_names_it() -> None:
    with pytest.raises(InvalidInputError, match="the search of line names 'scalar__copy'"):
        with_tuning(STEPS, Tuning(params={"scalar__copy": [True]}))


class Loaded:
    def __init__(self, depth: int = 1) -> None:
        self.depth = depth


@pytest.mark.parametrize(
    "candidate",
    [
        Candidate(id="mine", version="1", path=f"{__name__}:Loaded"),
        Candidate(id="mine", version="1", steps=(PipelineStep(path=f"{__name__}:Loaded"),)),
    ],
)
def test_a_parameter_that_a_loaded_class_does_not_have_is_named_before_any_cell(candidate):
    assert [one.id for one in members_of(candidate, {"depth": [1, 2]})] == ["mine.depth-1", "mine.depth-2"]
    with pytest.raises(InvalidInputError, match=r"names 'dept', and .*:Loaded .*did you mean 'depth'\?"):
        members_of(candidate, {"dept": [1, 2]})
