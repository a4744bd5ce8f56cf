import io
import sys
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from fixtures.values.samples import a_candidate, a_job, a_run

from bakeoff.cli.output.runs.poll_run import PolledRun
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.runs.job import Job, JobError, JobState, Phase
from bakeoff.notebook import progress_display
from bakeoff.notebook.progress_display import LinePerCandidate, bar_html

RUN = a_run(started_at=utc_now())
AT = utc_now()
METRIC = RUN.rules.metrics[0]


def job(name: str, state: JobState, **changed: Any) -> Job:
    return a_job(RUN, candidate=a_candidate(id=name), state=state, id=f"job-{name}", **changed)


def polled(*jobs: Job, waiting: str | None = None) -> PolledRun:
    return PolledRun(run=RUN, jobs=jobs, scores={"job-forest": 0.9531}, at=AT, waiting=waiting)


FOREST = job("forest", JobState.COMPLETED, started_at=AT, ended_at=AT + timedelta(seconds=2))
BROKEN = job(
    "broken",
    JobState.FAILED,
    started_at=AT,
    ended_at=AT,
    error=JobError(type="ValueError", message="no\x1b[2J\nmore", phase=Phase.FIT),
)


def lines_of(*shown: PolledRun) -> list[str]:
    stream = io.StringIO()
    display = LinePerCandidate(stream)
    for one in shown:
        display.update(one)
    return stream.getvalue().splitlines()


def test_a_log_gets_one_line_for_each_candidate_that_has_ended() -> None:
    running = job("forest", JobState.RUNNING, started_at=AT)
    queued = job("broken", JobState.QUEUED)

    assert lines_of(polled(running, queued), polled(FOREST, queued), polled(FOREST, BROKEN)) == [
        f"bakeoff: 1/2 forest {METRIC} 0.9531 in 2.0 s",
        "bakeoff: 2/2 broken failed in 0.0 s: ValueError: no\ufffd[2J",
    ]


def test_why_nothing_runs_is_told_once_and_not_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.5, 5.0, 11.0, 20.0])
    monkeypatch.setattr(progress_display.time, "monotonic", lambda: next(times))
    idle = polled(job("forest", JobState.QUEUED), waiting="no worker is there")

    assert lines_of(idle, idle, idle, idle) == ["bakeoff: waiting: no worker is there"]


def test_the_bar_escapes_names_and_says_what_is_fitted() -> None:
    text = bar_html(polled(FOREST, job("<b>", JobState.RUNNING, started_at=AT)))

    assert 'value="1" max="2"' in text
    assert "fitting &lt;b&gt;" in text


class Handle:
    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, shown: Any) -> None:
        self.shown.append(shown._repr_html_())


def test_jupyter_gets_few_messages_and_an_empty_output_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    handle, begun = Handle(), []
    module = ModuleType("IPython.display")
    module.display = lambda shown, **_: begun.append(shown._repr_html_()) or handle  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    clock = iter([1.0, 1.0, 1.1, 2.0, 2.0])

    with progress_display._JupyterProgress(lambda: next(clock)) as display:
        display.update(polled(job("forest", JobState.QUEUED)))
        display.update(polled(job("forest", JobState.RUNNING, started_at=AT)))
        display.update(polled(FOREST))

    assert len(begun) == 1
    assert [text[:4] for text in handle.shown] == ["<div", ""]
    assert 'value="1"' in handle.shown[0]
