"""A complaint is made once, until what it is about changes or is over."""

import logging

import pytest

from bakeoff.settings.log_setup import RepeatedWarning


def test_it_is_made_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    complaint = RepeatedWarning(logging.getLogger("test"))
    for text in ("full", "full", "locked", "locked"):
        complaint.warn(text)
    for _ in range(2):
        complaint.resolve()
    complaint.warn("locked")

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "full"),
        ("WARNING", "locked"),
        ("INFO", "that is over: locked"),
        ("WARNING", "locked"),
    ]


def test_without_one_there_is_nothing_to_withdraw(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    RepeatedWarning(logging.getLogger("test")).resolve()

    assert caplog.records == []
