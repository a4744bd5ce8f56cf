import doctest

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import bakeoff
from bakeoff.domain.errors import InvalidInputError
from bakeoff.notebook import candidate_grid


def test_each_combination_is_a_candidate_of_its_own() -> None:
    found = bakeoff.grid(
        DecisionTreeClassifier(criterion="entropy"), max_depth=[2, None], min_samples_leaf=[5]
    )

    assert list(found) == ["DecisionTreeClassifier-2", "DecisionTreeClassifier-None"]
    assert [one.max_depth for one in found.values()] == [2, None]
    assert {(one.criterion, one.min_samples_leaf) for one in found.values()} == {("entropy", 5)}


def test_parameters_of_steps_and_steps_themselves_vary() -> None:
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    found = bakeoff.grid(
        pipeline,
        "linear",
        logisticregression__C=[0.1, 1.0],
        standardscaler=[StandardScaler(), MinMaxScaler()],
    )
    assert list(found) == [
        "linear-0.1-StandardScaler",
        "linear-0.1-MinMaxScaler",
        "linear-1.0-StandardScaler",
        "linear-1.0-MinMaxScaler",
    ]


def test_names_that_would_be_equal_are_numbered() -> None:
    found = bakeoff.grid(MLPClassifier(), "net", hidden_layer_sizes=[(8,), (8, 4), [8, 4]])
    assert list(found) == ["net-8", "net-8_4", "net-list"]
    same = bakeoff.grid(LogisticRegression(), "l", class_weight=[{0: 1, 1: 2}, {0: 1, 1: 3}])
    assert list(same) == ["l-dict", "l-2"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_dept": [1]}, r"the estimator has no parameter 'max_dept'; did you mean 'max_depth'\?"),
        ({"max_depth": 3}, "max_depth is 3: give a list of values"),
        ({"criterion": "gini"}, "criterion is 'gini': give a list of values"),
        ({"max_depth": []}, r"max_depth is \[\]: give a list of values"),
        ({"max_depth": list(range(600))}, "these are 600 combinations, and 500 are the most"),
    ],
)
def test_a_grid_that_cannot_be_is_named_with_the_cure(values: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        bakeoff.grid(DecisionTreeClassifier(), **values)


def test_the_example_in_the_docstring_is_true() -> None:
    found = doctest.testmod(candidate_grid, extraglobs={"bakeoff": bakeoff})
    assert found == doctest.TestResults(failed=0, attempted=2)
