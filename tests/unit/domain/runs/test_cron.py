"""Cron expressions, held against the text of cron(5), Celery's parser, and the clocks of real time zones."""

from datetime import UTC, datetime, timedelta

import pytest
from celery.schedules import crontab
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.schedule import Cron


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def between(expression: str, zone: str, after: str, until: str) -> list[str]:
    found = Cron.parse(expression, zone).between(at(after), at(until))
    return [f"{moment:%m-%dT%H:%MZ}" for moment in found]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 3 * * *", ["11-24T03:00Z", "11-25T03:00Z", "11-26T03:00Z"]),
        ("15,45 8-9 25 11 *", ["11-25T08:15Z", "11-25T08:45Z", "11-25T09:15Z", "11-25T09:45Z"]),
        ("0 */12 24-26/2 * *", ["11-24T00:00Z", "11-24T12:00Z", "11-26T00:00Z", "11-26T12:00Z"]),
        ("30 6 * nov wed", ["11-25T06:30Z"]),
        ("0 0 * * 0", ["11-29T00:00Z"]),
        ("0 0 * * 7", ["11-29T00:00Z"]),
        ("0 0 * * Fri-Sat", ["11-27T00:00Z", "11-28T00:00Z"]),
        ("0 0 24 * thu", ["11-24T00:00Z", "11-26T00:00Z"]),
        ("0 0 */8 * thu", []),
        ("0 18 10/15 * *", ["11-25T18:00Z"]),
        ("0 0 * 12 *", []),
    ],
)
def test_an_expression_means_what_cron_says(expression: str, expected: list[str]) -> None:
    found = between(expression, "UTC", "2026-11-23T23:59:00Z", "2026-11-29T23:59:00Z")

    assert found[: len(expected) or None] == expected
    assert expression == "0 3 * * *" or len(found) == len(expected)


def test_the_beginning_does_not_count_and_the_end_does() -> None:
    assert between("0 * * * *", "UTC", "2026-11-25T03:00:00Z", "2026-11-25T05:00:00Z") == [
        "11-25T04:00Z",
        "11-25T05:00Z",
    ]
    assert between("0 3 * * *", "UTC", "2026-11-25T03:00:00Z", "2026-11-25T01:00:00Z") == []


def test_what_is_left_out_in_spring_is_due_once_an_hour_later() -> None:
    """Berlin, 29 March 2026: after 01:59 comes 03:00, which is 01:00 in UTC."""
    assert between("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z") == [
        "03-28T01:30Z",
        "03-29T01:30Z",
        "03-30T00:30Z",
    ]
    assert between("30 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z") == [
        "03-29T01:30Z",
    ]


def test_what_comes_twice_in_autumn_is_due_once_at_the_first_time() -> None:
    """Berlin, 25 October 2026: after 02:59 comes 02:00 again, which is 01:00 in UTC."""
    assert between("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z") == [
        "10-24T00:30Z",
        "10-25T00:30Z",
        "10-26T01:30Z",
    ]


def test_what_is_due_every_hour_is_due_every_hour_when_clocks_change() -> None:
    autumn = between("0 * * * *", "Europe/Berlin", "2026-10-24T22:30:00Z", "2026-10-25T03:00:00Z")
    spring = between("0 * * * *", "Europe/Berlin", "2026-03-28T23:30:00Z", "2026-03-29T03:00:00Z")

    assert autumn == ["10-24T23:00Z", "10-25T00:00Z", "10-25T01:00Z", "10-25T02:00Z", "10-25T03:00Z"]
    assert spring == ["03-29T00:00Z", "03-29T01:00Z", "03-29T02:00Z", "03-29T03:00Z"]


def test_a_clock_that_changes_by_half_an_hour_is_followed() -> None:
    """Lord Howe Island, 4 October 2026: after 01:59 comes 02:30; 5 April 2026: after 01:59 comes 01:30."""
    assert between("10 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-04T00:00:00Z") == [
        "10-03T15:40Z"
    ]
    assert between("45 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", "2026-04-04T16:00:00Z") == [
        "04-04T14:45Z",
        "04-04T15:15Z",
    ]


def test_a_day_that_a_zone_left_out_is_made_up_for() -> None:
    """Apia had no 30 December 2011."""
    assert between("0 9 30 12 *", "Pacific/Apia", "2011-12-28T00:00:00Z", "2012-01-02T00:00:00Z") == [
        "12-30T19:00Z"
    ]


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        ("0 3 * * *", "UTC", "2026-11-25T02:59:00Z", "2026-11-25T03:00Z"),
        ("0 3 * * *", "UTC", "2026-11-25T03:00:00Z", "2026-11-26T03:00Z"),
        ("0 3 * * *", "America/New_York", "2026-11-25T03:00:00Z", "2026-11-25T08:00Z"),
        ("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", "2104-02-29T00:00Z"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30Z"),
        ("0 0 31 4 mon", "UTC", "2026-11-25T00:00:00Z", "2027-04-05T00:00Z"),
    ],
)
def test_the_next_one_is_found(expression: str, zone: str, after: str, expected: str) -> None:
    found = Cron.parse(expression, zone).next_after(at(after))

    assert f"{found:%Y-%m-%dT%H:%MZ}" == expected


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (
            "0 3 * *",
            "five fields, minute, hour, day of the month, month, day of the week, and this one has 4",
        ),
        ("60 3 * * *", "the minute '60' is none: expected a number from 0 to 59"),
        ("0 24 * * *", "the hour '24' is none: expected a number from 0 to 23"),
        ("0 3 0 * *", "the day of the month '0' is none: expected a number from 1 to 31"),
        ("0 3 * foo *", "the month 'foo' is none: expected a number from 1 to 12, or jan to dec"),
        ("0 3 * * 8", "the day of the week '8' is none: expected a number from 0 to 7, or sun to sat"),
        ("0 3 * * -1", "the day of the week '' is none"),
        (
            "5-1 3 * * *",
            "the minute '5-1' ends before it begins: write '5-59,0-1' if it goes on over the end, or else",
        ),
        (
            "0 22 * * fri-mon",
            "the day of the week 'fri-mon' ends before it begins: write 'fri-sat,sun-mon' if",
        ),
        ("*/0 3 * * *", "the step '0' of the minute is none: expected a number, such as */5"),
        ("*/x 3 * * *", "the step 'x' of the minute is none"),
        ("1,,2 3 * * *", "the minute '' is none"),
        ("٣ 3 * * *", "the minute '٣' is none"),
        ("0 3 30 2 *", "it never comes: no month that is asked for has a day 30"),
        ("0 3 31 4,6,9,11 *", "it never comes: no month that is asked for has a day 31"),
    ],
)
def test_what_is_no_expression_is_refused_with_the_field_and_the_cure(expression: str, said: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        Cron.parse(expression)

    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("Europe/Berln", "there is no time zone of that name; did you mean 'Europe/Berlin'?"),
        (
            "../etc/passwd",
            "there is no time zone of that name; expected a name such as Europe/Berlin, or UTC",
        ),
        ("", "there is no time zone of that name; expected a name such as Europe/Berlin, or UTC"),
    ],
)
def test_a_zone_that_nobody_knows_is_refused(zone: str, said: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        Cron.parse("0 3 * * *", zone)

    assert str(refused.value) == said


def _field(least: int, most: int) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    span = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    whole = st.one_of(st.just("*"), span)
    stepped = st.tuples(whole, st.integers(1, most)).map(lambda parts: f"{parts[0]}/{parts[1]}")
    part = st.one_of(st.just("*"), number.map(str), span, stepped)
    return st.lists(part, min_size=1, max_size=3).map(",".join)


@settings(deadline=None)
@given(_field(0, 59), _field(0, 23), _field(1, 28), _field(1, 12), _field(0, 6))
def test_fields_are_read_as_celery_reads_them(
    minute: str, hour: str, day: str, month: str, name: str
) -> None:
    ours = Cron.parse(f"{minute} {hour} {day} {month} {name}")
    theirs = crontab(minute, hour, day_of_month=day, month_of_year=month, day_of_week=name)

    assert (ours.minutes, ours.hours) == (theirs.minute, theirs.hour)
    assert (ours.days, ours.months) == (theirs.day_of_month, theirs.month_of_year)
    assert {number % 7 for number in ours.weekdays} == theirs.day_of_week


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC"]),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC)),  # noqa: DTZ001
    st.sampled_from(["0 3 * * *", "30 2 * * *", "*/20 * * * *", "0 0 * * *", "15 1-4 * * sun"]),
)
def test_the_next_ones_are_those_between(zone: str, start: datetime, expression: str) -> None:
    cron, moment, followed = Cron.parse(expression, zone), start, []
    until = start + timedelta(days=1)
    while (moment := cron.next_after(moment)) <= until:
        followed.append(moment)

    assert followed == cron.between(start, until)
