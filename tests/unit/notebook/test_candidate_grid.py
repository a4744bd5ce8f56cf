import doctest

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import bakeoff
from bakeoff.domain.errors import InvalidInputError
from bakeoff.notebook.candidates import candidate_grid
from bakeoff.notebook.candidates.given_candidates import read_candidates


def test_each_combination_is_a_candidate_of_its_own() -> None:
    found = bakeoff.grid(
        DecisionTreeClassifier(criterion="entropy"), max_depth=[2, None], min_samples_leaf=[5]
    )

    assert list(found) == ["DecisionTreeClassifier.max_depth-2", "DecisionTreeClassifier.max_depth-none"]
    assert [one.estimator.max_depth for one in found.values()] == [2, None]
    assert {(one.estimator.criterion, one.estimator.min_samples_leaf) for one in found.values()} == {
        ("entropy", 5)
    }


def test_parameters_of_steps_and_steps_themselves_vary() -> None:
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    found = bakeoff.grid(
        pipeline, "linear", logisticregression__C=[0.1], standardscaler=[StandardScaler(), MinMaxScaler()]
    )
    assert list(found) == ["linear.standardscaler-StandardScaler_", "linear.standardscaler-MinMaxScaler_"]


def test_members_are_shown_as_a_family() -> None:
    found = read_candidates(bakeoff.grid(DecisionTreeClassifier(), "tree", max_depth=[2, 3]), str)
    assert [one.candidate.family for one in found.own] == ["tree", "tree"]
    assert [one.candidate.params for one in found.own] == [{"max_depth": 2}, {"max_depth": 3}]


def test_a_grid_of_the_call_unfolds_an_object_with_its_steps() -> None:
    given = {"p": make_pipeline(StandardScaler(), LogisticRegression()), "tree": DecisionTreeClassifier()}
    grids = {"p": {"logisticregression__C": [0.1, 1.0]}, "ridge": {"alpha": [1]}}
    found = read_candidates([*given.items(), "ridge"], str, grids=grids)

    assert found.order == ("p.logisticregression__C-0.1", "p.logisticregression__C-1.0", "tree", "ridge")
    assert found.grids == {"ridge": {"alpha": [1]}}
    with pytest.raises(InvalidInputError, match=r"p has no parameter 'logisticregression__D'; did you mean"):
        read_candidates(given, str, grids={"p": {"logisticregression__D": [1]}})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"max_dept": [1]},
            r"DecisionTreeClassifier has no parameter 'max_dept'; did you mean 'max_depth'\?",
        ),
        ({"max_depth": 3}, "max_depth is 3: give a list of values"),
        ({"criterion": "gini"}, "criterion is 'gini': give a list of values"),
        ({"max_depth": []}, r"max_depth is \[\]: give a list of values"),
        ({"max_depth": list(range(1, 1002))}, "these are 1,001 combinations: 1,000 are the most"),
    ],
)
def test_a_grid_that_cannot_be_is_named_with_the_cure(values: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        bakeoff.grid(DecisionTreeClassifier(), **values)


def test_the_example_in_the_docstring_is_true() -> None:
    found = doctest.testmod(candidate_grid, extraglobs={"bakeoff": bakeoff})
    assert found == doctest.TestResults(failed=0, attempted=2)
