"""Numbers, durations and secrets as they are printed."""

import pytest

from bakeoff.cli.output.number_format import decimals, duration, fixed
from bakeoff.cli.output.terminal import clean
from bakeoff.domain.wording import counted, masked, masked_within


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ([], 4),
        ([None], 4),
        ([0.5, 0.25], 4),
        ([1.0], 4),
        ([99.9], 3),
        ([-123.4, 2.0], 2),
        ([12345.6], 0),
        ([1e30], 0),
        ([0.91, -1e19, 0.5], 4),
        ([0.0, 2e6], 4),
        ([1.2e9, 9e8], 0),
    ],
)
def test_a_column_has_the_places_that_its_largest_number_leaves(values, places):
    assert decimals(values) == places


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0.0000"), (0.12345, "0.1235"), (1e-9, "1.0e-09"), (-2.5, "-2.5000")],
)
def test_a_number_never_looks_like_zero_unless_it_is(value, text):
    assert fixed(value, 4) == text


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [(-1e19, 4, "-1.0e+19"), (1e30, 0, "1.0e+30"), (1.2e9, 0, "1200000000"), (999999.5, 4, "999999.5000")],
)
def test_a_number_that_has_exploded_is_written_with_an_exponent(value, places, text):
    assert fixed(value, places) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 m 00 s"),
        (119.7, "2 m 00 s"),
        (125, "2 m 05 s"),
        (3599.6, "1 h 00 m"),
        (7384, "2 h 03 m"),
    ],
)
def test_durations_are_rounded_to_what_matters(seconds, text):
    assert duration(seconds) == text


def test_nouns_agree_with_their_number():
    assert [counted(n, "row") for n in (0, 1, 2, 1000)] == ["0 rows", "1 row", "2 rows", "1,000 rows"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:pw@h/0", "redis://:***@h/0"),
        ("postgresql+psycopg://me:p:w@h/x", "postgresql+psycopg://me:***@h/x"),
        ("postgresql://me:p@w@h/x", "postgresql://me:***@h/x"),
        ("postgresql://me@h/x", "postgresql://me@h/x"),
        ("pg://h/x?sslmode=on&password=pw&a=b", "pg://h/x?sslmode=on&password=***&a=b"),
        ("sqlite:///data/a.db", "sqlite:///data/a.db"),
        ("no url: at all @ home", "no url: at all @ home"),
    ],
)
def test_passwords_are_masked_and_nothing_else(text, shown):
    assert masked(text) == shown


def test_passwords_are_masked_within_mappings_and_lists():
    assert masked_within({"a": ["x://u:p@h"], "n": 1, "b": None}) == {"a": ["x://u:***@h"], "n": 1, "b": None}


def test_what_would_steer_a_terminal_is_made_visible():
    assert clean("a\tb\n\x1b[31mc\r\x07d\u202ee") == "a    b\n�[31mc��d�e"
