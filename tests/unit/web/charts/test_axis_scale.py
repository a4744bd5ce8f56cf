"""Ticks and places of axes."""

import pytest

from bakeoff.web.charts.axis_scale import linear, logarithmic, unit_axis
from bakeoff.web.charts.number_text import MINUS, cost_text, fixed_text, places_for, signed_text


def test_a_linear_axis_has_round_ticks_within_its_ends():
    axis = linear([0.49, 0.67])
    assert [axis.label(tick) for tick in axis.ticks] == ["0.50", "0.55", "0.60", "0.65"]
    assert (axis.place(axis.low), axis.place(axis.high)) == (0.0, 1.0)


@pytest.mark.parametrize("values", [[], [0.0], [3.0, 3.0], [1e-9, 2e-9], [-5e12, 7e12]])
def test_every_axis_has_a_width_and_holds_its_values(values):
    axis = linear(values)
    assert axis.low < axis.high
    assert all(axis.holds(value) for value in values)
    assert 1 <= len(axis.ticks) <= 9


def test_a_logarithmic_axis_has_powers_of_ten_and_leaves_out_what_has_no_logarithm():
    axis = logarithmic([0.8, 388.0, 0.0])
    assert [axis.label(tick) for tick in axis.ticks] == ["1", "10", "100"]
    assert axis.place(388.0) < 1
    assert len(logarithmic([1e-3, 1e6]).ticks) == 10
    assert logarithmic([2.0, 9.0]).ticks == (2.0, 5.0)


def test_rates_go_from_0_to_1():
    assert [unit_axis().label(tick) for tick in unit_axis().ticks] == ["0.00", "0.25", "0.50", "0.75", "1.00"]


def test_digits_follow_what_is_uncertain():
    assert places_for([0.651], [0.019]) == 3
    assert places_for([0.651], [0.0019]) == 4
    assert places_for([1234.5, 3.0]) == 0
    assert places_for([0.9, -1e19]) == 3
    assert (places_for([0.05]), places_for([3e-7])) == (4, 5)


def test_what_is_nothing_at_these_digits_is_written_as_nothing_unless_all_are_as_small():
    assert (fixed_text(-0.00014, 2), signed_text(0.0024, 2), signed_text(-0.0024, 2)) == (
        "0.00",
        "0.00",
        "0.00",
    )
    assert fixed_text(3e-7, 5) == f"3.0e{MINUS}07"


def test_numbers_are_written_with_a_minus_sign_and_grouped():
    assert (fixed_text(-1234.5, 1), signed_text(0.02, 2), signed_text(-0.02, 2)) == (
        "\N{MINUS SIGN}1,234.5",
        "+0.02",
        "\N{MINUS SIGN}0.02",
    )
    assert [cost_text(value) for value in (388.0, 5.93, 0.84, 0.0003)] == ["388", "5.9", "0.84", "0.0003"]
