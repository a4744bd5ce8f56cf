from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.ids_and_times import iso, new_id, parse_id, utc_now


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 5, 4, 12, tzinfo=UTC), "2026-05-04T12:00:00.000Z"),
        (datetime(2026, 5, 4, 12, 30, 1, 987_654, tzinfo=UTC), "2026-05-04T12:30:01.987Z"),
        (datetime(2026, 5, 4, 1, tzinfo=timezone(timedelta(hours=2))), "2026-05-03T23:00:00.000Z"),
    ],
)
def test_times_leave_the_system_in_utc_with_milliseconds_and_z(moment: datetime, text: str) -> None:
    assert iso(moment) == text


def test_now_is_aware_and_in_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)


@given(st.uuids())
def test_an_id_is_read_in_any_spelling_and_kept_in_one(some: object) -> None:
    assert parse_id(str(some)) == parse_id(str(some).upper()) == parse_id(f"{{{some}}}") == str(some)


def test_a_new_id_is_an_id() -> None:
    first, second = new_id(), new_id()

    assert parse_id(first) == first
    assert first != second


@pytest.mark.parametrize("text", ["", "latest", "2f1c7f9e", "2f1c7f9e-5f0b-4f0c-9d3a-0f6a3c1f7b1g", None, 7])
def test_what_is_no_id_is_named_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_id(text)

    assert str(refused.value) == (
        f"{text!r} is not an id: expected a UUID such as 2f1c7f9e-5f0b-4f0c-9d3a-0f6a3c1f7b11"
    )
