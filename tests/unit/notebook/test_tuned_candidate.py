"""`bakeoff.tuned`: spaces as Python and scipy write them, and the candidate that becomes of it."""

import doctest
from typing import Any

import pytest
from scipy import stats
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import bakeoff
from bakeoff.domain.errors import InvalidInputError
from bakeoff.notebook.candidates import tuned_candidate
from bakeoff.notebook.candidates.given_candidates import read_candidates


def no_code(thing: Any) -> str:
    raise AssertionError(f"{thing} is installed")


@pytest.mark.parametrize(
    ("values", "range_"),
    [
        (["rbf", "linear"], ["rbf", "linear"]),
        ((1, 5), {"integers": [1, 5]}),
        ((0.0, 1), {"uniform": [0.0, 1]}),
        (("log", 1e-4, 1e-2), {"log_uniform": [1e-4, 1e-2]}),
        (("log_uniform", 1e-4, 1e-2), {"log_uniform": [1e-4, 1e-2]}),
        (("scale", "auto", 0.1), ["scale", "auto", 0.1]),
        ((True, False), [True, False]),
        (stats.randint(1, 5), {"integers": [1, 4]}),
        (stats.uniform(1, 2), {"uniform": [1.0, 3.0]}),
        (stats.loguniform(0.1, 10), {"log_uniform": [0.1, 10.0]}),
        ({"integers": [1, 5]}, {"integers": [1, 5]}),
    ],
)
def test_a_range_is_written_as_in_python_in_scipy_or_in_the_catalog(values: Any, range_: Any) -> None:
    assert bakeoff.tuned(SVC(), {"C": values}).tuning.params == {"C": range_}


def test_it_is_one_candidate_with_its_search_and_the_parameters_that_it_was_given() -> None:
    tuned = bakeoff.tuned(SVC(kernel="linear"), {"C": (0.1, 10.0)}, trials=9, metric="f1")

    [found] = read_candidates([tuned], no_code).own

    assert found.candidate.id == "SVC.tuned"
    assert (found.candidate.path, found.candidate.params) == ("sklearn.svm:SVC", {"kernel": "linear"})
    assert found.candidate.tune == tuned.tuning
    assert found.candidate.tune.rules.metric == "f1"


def test_of_a_pipeline_parameters_of_its_steps_are_searched() -> None:
    pipeline = make_pipeline(StandardScaler(), SVC())
    tuned = bakeoff.tuned(pipeline, {"svc__C": (0.1, 10.0)})

    [found] = read_candidates({"mine": tuned}, no_code).own

    assert found.candidate.tune is not None
    assert list(found.candidate.tune.params) == ["svc__C"]


@pytest.mark.parametrize(
    ("estimator", "space", "options", "problem"),
    [
        (SVC, {"C": [1]}, {}, "is no estimator with get_params"),
        (SVC(), {"c": [1]}, {}, "SVC has no parameter 'c'"),
        (SVC(), {}, {}, "the space of SVC is {}"),
        (SVC(), {"C": (3, 1)}, {}, "write two numbers, the lower one first"),
        (
            SVC(),
            {"C": ("integer", 1, 6)},
            {},
            "no kind of range: did you mean 'integers'\\? Choices are a list",
        ),
        (SVC(), {"C": "1"}, {}, "write a list of values, or a range"),
        (SVC(), {"C": stats.norm()}, {}, "norm of scipy.stats is no range"),
        (SVC(), {"C": [1]}, {"trials": 0}, "trials is 0: give a whole number, 1 at least"),
        (SVC(), {"C": [1]}, {"folds": 1}, "folds is 1: give a whole number, 2 at least"),
        (SVC(), {"C": [1]}, {"sampler": "grid"}, "sampler is 'grid': give tpe or random"),
        (SVC(), {"C": [1]}, {"seconds": 0}, "seconds is 0: give a number above 0"),
        (SVC(), {"C": [1]}, {"seconds": "9"}, "seconds is '9': give a number above 0"),
    ],
)
def test_what_cannot_be_searched_is_refused_with_the_cure(
    estimator: Any, space: Any, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidInputError, match=problem):
        bakeoff.tuned(estimator, space, **options)


def test_the_example_of_its_docstring_holds() -> None:
    assert doctest.testmod(tuned_candidate, extraglobs={"bakeoff": bakeoff}).failed == 0
