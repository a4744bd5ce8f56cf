import pytest

from bakeoff.domain.errors import InvalidInputError
from registry.catalog.ensemble_weights import check, normalised


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({}, {}),
        ({"a": None}, {"a": 1.0}),
        ({"a": None, "b": None}, {"a": 0.5, "b": 0.5}),
        ({"a": 0.6, "b": 0.4}, {"a": 0.6, "b": 0.4}),
        ({"a": 3, "b": None}, {"a": 0.75, "b": 0.25}),
        ({"a": 2.0, "b": 0}, {"a": 1.0, "b": 0.0}),
    ],
)
def test_weights_are_normalised_and_what_is_absent_is_one(declared, expected):
    assert normalised(declared) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        (-0.1, "the weight of b is -0.1: write a number of at least 0"),
        ("much", "the weight of b is 'much': write a number of at least 0"),
        (True, "the weight of b is True: write a number of at least 0"),
        (float("nan"), "the weight of b is nan: write a number of at least 0"),
        (float("inf"), "the weight of b is inf: write a number of at least 0"),
    ],
)
def test_what_is_no_weight_is_refused_with_its_owner(weight, said):
    for use in (check, normalised):
        with pytest.raises(InvalidInputError, match=f"^{said}$"):
            use({"a": 1.0, "b": weight})


def test_weights_that_come_to_nothing_are_refused():
    with pytest.raises(InvalidInputError, match="the weights of a, b are all 0: give one of them a"):
        check({"a": 0, "b": 0.0})


@pytest.mark.parametrize(
    ("declared", "remark"),
    [
        ({"a": 0.6, "b": 0.4}, ""),
        ({"a": 0.6, "b": 0.409}, ""),
        ({"a": 0.6, "b": 0.42}, "the weights of a, b add up to 1.02, not to 1: they are normalised"),
        ({"a": 0.6}, "the weights of a add up to 0.6, not to 1: they are normalised"),
        ({"a": 0.6, "b": None}, "the weights of a, b add up to 1.6, not to 1: they are normalised"),
        ({"a": None, "b": None}, ""),
        ({}, ""),
    ],
)
def test_a_declared_sum_that_is_off_by_more_than_a_hundredth_is_remarked_on(declared, remark):
    assert check(declared) == remark
