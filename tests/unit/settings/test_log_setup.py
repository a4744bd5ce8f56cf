"""What a process tells: lines for people, JSON for programs, with the ids of what it is about."""

import io
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures.projects.command_line import a_journal_of_its_own

from bakeoff.domain.machine.work_in_thread import run_in_thread
from bakeoff.settings import log_setup
from bakeoff.settings.log_setup import LogFormat, readable

log = logging.getLogger("kitchen")

RUN = "2f1c7f9e-5f0b-4f0c-9d3a-0f6a3c1f7b11"

Say = Callable[[], None]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _said(
    monkeypatch: pytest.MonkeyPatch,
    say: Say,
    *,
    form: LogFormat = LogFormat.AUTO,
    stream: io.StringIO | None = None,
) -> str:
    stream = stream or io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    log_setup.set_ids()
    with a_journal_of_its_own():
        log_setup.set_up("INFO", form)
        say()
    return stream.getvalue()


def _burn() -> None:
    with log_setup.with_ids(runId=RUN, modelId="knn"):
        log.warning("%s burns", "the bread")


def test_off_a_terminal_each_line_is_an_object_with_the_ids_of_what_it_is_about(monkeypatch):
    said = json.loads(_said(monkeypatch, _burn))

    assert {key: said[key] for key in ("level", "logger", "message", "runId", "modelId")} == {
        "level": "warning",
        "logger": "kitchen",
        "message": "the bread burns",
        "runId": "2f1c7f9e-5f0b-4f0c-9d3a-0f6a3c1f7b11",
        "modelId": "knn",
    }
    assert said["timestamp"].endswith("Z")


def test_on_a_terminal_people_read_it(monkeypatch):
    said = _said(monkeypatch, _burn, stream=Terminal())

    assert said.partition("Z ")[2] == "WARNING kitchen: the bread burns [runId=2f1c7f9e modelId=knn]\n"


@pytest.mark.parametrize(("form", "is_json"), [(LogFormat.JSON, True), (LogFormat.TEXT, False)])
@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_format_that_was_asked_for_holds_everywhere(monkeypatch, form, is_json, stream):
    assert _said(monkeypatch, _burn, form=form, stream=stream()).startswith("{") is is_json


def test_into_a_file_goes_json(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with a_journal_of_its_own():
        log_setup.set_up("INFO", LogFormat.AUTO, tmp_path / "log")
        _burn()
        logging.getLogger().handlers[0].close()

    assert json.loads((tmp_path / "log").read_text())["message"] == "the bread burns"


def test_ids_end_with_their_block_and_new_work_begins_without_those_of_the_last(monkeypatch):
    def say() -> None:
        log_setup.set_ids(jobId="j1")
        log_setup.add_ids(runId="r1")
        with log_setup.with_ids(modelId="knn"):
            log.info("inside")
        log.info("outside")
        log_setup.set_ids(jobId="j2")
        log.info("later")

    lines = [json.loads(line) for line in _said(monkeypatch, say).splitlines()]
    ids = [{key: line[key] for key in ("jobId", "runId", "modelId") if key in line} for line in lines]

    assert ids == [
        {"jobId": "j1", "runId": "r1", "modelId": "knn"},
        {"jobId": "j1", "runId": "r1"},
        {"jobId": "j2"},
    ]


def test_an_id_from_elsewhere_steers_no_terminal(monkeypatch):
    def say() -> None:
        with log_setup.with_ids(runId="\x1b[2J"):
            log.info("asked")

    assert _said(monkeypatch, say, form=LogFormat.TEXT).endswith("kitchen: asked [runId=\ufffd[2J]\n")


def test_work_in_a_thread_beside_us_is_about_the_same(monkeypatch):
    def say() -> None:
        with log_setup.with_ids(runId="r1"):
            run_in_thread(lambda: log.info("saved"), keep_going=lambda: True, longest_s=60)

    assert json.loads(_said(monkeypatch, say))["runId"] == "r1"


def test_an_exception_stays_within_its_line(monkeypatch):
    def say() -> None:
        try:
            {}["oven"]
        except KeyError:
            log.exception("it is out")

    [line] = _said(monkeypatch, say).splitlines()

    assert json.loads(line)["traceback"].startswith("Traceback (most recent call last):")
    assert json.loads(line)["traceback"].endswith("KeyError: 'oven'")


def test_what_no_json_knows_does_not_end_a_line(monkeypatch):
    def say() -> None:
        with log_setup.with_ids(runId=Path("r1")):
            log.info("line one\nline two\u2028\x85three")

    [line] = _said(monkeypatch, say).splitlines()

    assert (json.loads(line)["runId"], json.loads(line)["message"]) == (
        "r1",
        "line one\nline two\u2028\x85three",
    )


def test_a_warning_of_python_is_a_line_too(monkeypatch):
    import warnings

    def say() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("soon gone", DeprecationWarning, stacklevel=1)

    assert "DeprecationWarning: soon gone" in json.loads(_said(monkeypatch, say))["message"]


def test_a_line_can_be_read_again_without_its_ids(monkeypatch):
    line = _said(monkeypatch, _burn)

    assert readable(line).partition("Z ")[2] == "WARNING kitchen: the bread burns\n"


@pytest.mark.parametrize("line", ["epoch 1\n", '{"loss": 1}\n', '{"timestamp": 1}\n', '{"timestamp": '])
def test_what_others_write_stays_as_it_is(line):
    assert readable(line) == line
