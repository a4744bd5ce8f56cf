"""What is shown of a run while it goes on."""

import io
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from fixtures.values.samples import NOON, a_candidate, a_job, a_run
from rich.console import Console

from bakeoff.cli.output.runs.poll_run import IdleReason, PolledRun
from bakeoff.cli.output.runs.run_progress import LineProgress, render
from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.runs.job import JobError, JobState, Phase
from bakeoff.domain.runs.run import RunState, seconds_left
from bakeoff.domain.snapshot_reference_and_split_design import Design

RUN = a_run(state=RunState.RUNNING, started_at=NOON)
ERROR = JobError(type="ValueError", message="bad\x1b[2J luck\nsecond line", phase=Phase.FIT)


def job(model, state, **changed):
    started = changed.pop("started_s", None)
    took = changed.pop("took_s", None)
    if started is not None:
        changed["started_at"] = NOON + timedelta(seconds=started)
    if took is not None:
        changed["ended_at"] = NOON + timedelta(seconds=(started or 0) + took)
    plain = {"attempt": 0 if state is JobState.QUEUED else 1, "node": "box"}
    return a_job(RUN, id=model, candidate=a_candidate(id=model), state=state, **(plain | changed))


def polled(*jobs, scores=None, waiting=None, run=RUN):
    return PolledRun(run=run, jobs=jobs, scores=scores or {}, at=NOON, waiting=waiting)


def drawn(shown, *, after_s=10.0, room=20, width=80):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(render(shown, now=NOON + timedelta(seconds=after_s), room=room))
    return [line.rstrip() for line in console.file.getvalue().splitlines() if line.strip()]


def test_a_job_with_folds_says_which_one_it_is_at():
    run = replace(RUN, dataset=replace(RUN.dataset, design=Design(folds=3, repeats=2)))
    going, ready = (job(name, JobState.RUNNING, started_s=4) for name in ("going", "ready"))
    shown = PolledRun(run=run, jobs=[going, ready], scores={}, at=NOON, folds_done={going.id: 4, ready.id: 6})

    lines = drawn(shown)

    assert lines[0].endswith("box, fold 2 of 3, repeat 2")
    assert lines[1].endswith("box, the model to save")


def test_a_result_says_its_own_time_and_not_how_long_it_waited_for_others():
    done = job("done", JobState.COMPLETED, started_s=0, took_s=16)
    shown = replace(polled(done, scores={"done": 0.875}), took_s={"done": 0.8})

    out = io.StringIO()
    LineProgress(Console(file=out)).update(shown)

    assert drawn(shown)[0] == "✓  done  completed   0.8 s  f1 0.8750"
    assert out.getvalue() == "done: completed in 0.8 s, f1 0.8750\n"


def test_each_state_has_its_sign_time_and_remark():
    shown = polled(
        job("done", JobState.COMPLETED, started_s=0, took_s=1.5),
        job("going", JobState.RUNNING, started_s=4),
        job("again", JobState.RUNNING, started_s=9, attempt=2),
        job("bad", JobState.FAILED, started_s=2, took_s=61, error=ERROR),
        job("next", JobState.QUEUED),
        scores={"done": 0.875},
    )

    lines = drawn(shown)

    assert lines[0] == "✓  done   completed     1.5 s  f1 0.8750"
    assert lines[1][1:] == "  going  running       6.0 s  box"
    assert lines[2][1:] == "  again  running       1.0 s  box, attempt 2 of 3"
    assert lines[3] == "✗  bad    failed     1 m 01 s  ValueError: bad�[2J luck"
    assert lines[4] == "·  next   queued"
    assert lines[5].endswith("2/5  10 s, about 15 s left")


def test_the_turning_sign_turns():
    shown = polled(job("going", JobState.RUNNING, started_s=4))

    assert drawn(shown, after_s=10.0)[0][0] != drawn(shown, after_s=10.25)[0][0]


def test_of_many_jobs_those_are_shown_that_run_or_ended_last():
    ended = [job(f"done{n}", JobState.COMPLETED, started_s=n, took_s=1) for n in range(30)]
    running = [job(f"going{n}", JobState.RUNNING, started_s=30) for n in range(2)]
    queued = [job(f"next{n}", JobState.QUEUED) for n in range(68)]

    lines = drawn(polled(*queued, *running, *ended), room=5, width=100)

    assert [line.split()[1] for line in lines[:5]] == ["done27", "done28", "done29", "going0", "going1"]
    assert lines[5].endswith("30/100  10 s, about 23 s left  68 queued, 2 running, 30 completed")


def test_before_anything_has_begun_there_is_no_clock_but_a_reason():
    shown = polled(job("next", JobState.QUEUED), run=a_run(), waiting="no worker reads the queue")

    lines = drawn(shown)

    assert lines[1].endswith("0/1  starting")
    assert lines[2] == "waiting: no worker reads the queue"


def test_a_long_line_is_cut_and_never_wrapped():
    error = JobError(type="ValueError", message="x" * 500, phase=Phase.FIT)

    lines = drawn(polled(job("m" * 90, JobState.FAILED, started_s=0, took_s=1, error=error)), width=70)

    assert len(lines) == 2
    assert len(lines[0]) <= 70


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        ([("a", JobState.QUEUED, None)], None),
        ([("a", JobState.COMPLETED, 0), ("b", JobState.QUEUED, None)], 10.0),
        ([("a", JobState.FAILED, 0), ("b", JobState.COMPLETED, 0), ("c", JobState.QUEUED, None)], 5.0),
        ([("reused", JobState.COMPLETED, None), ("b", JobState.QUEUED, None)], None),
        ([("a", JobState.COMPLETED, 0)], 0.0),
    ],
)
def test_what_is_left_is_told_by_the_pace_so_far(jobs, expected):
    shown = polled(*(job(model, state, started_s=started) for model, state, started in jobs))

    assert seconds_left(shown.jobs, 10.0) == expected


def said_of(*looks):
    console = Console(file=io.StringIO(), width=1000, color_system=None, markup=False)
    with LineProgress(console) as lines:
        for shown in looks:
            lines.update(shown)
    return console.file.getvalue().splitlines()


def test_without_a_terminal_each_change_is_one_line():
    assert said_of(
        polled(job("a", JobState.QUEUED), job("b", JobState.QUEUED)),
        polled(job("a", JobState.RUNNING, started_s=0), job("b", JobState.QUEUED)),
        polled(job("a", JobState.RUNNING, started_s=0), job("b", JobState.QUEUED)),
        polled(
            job("a", JobState.COMPLETED, started_s=0, took_s=1.25),
            job("b", JobState.FAILED, started_s=1, took_s=2, error=ERROR),
            scores={"a": 0.875},
        ),
    ) == [
        "a: running on box",
        "a: completed in 1.2 s, f1 0.8750",
        "b: failed in 2.0 s: ValueError: bad�[2J luck",
    ]


def test_a_job_that_goes_back_to_the_queue_says_why():
    lost = job("a", JobState.QUEUED, started_s=0, attempt=1)
    again = job("a", JobState.RUNNING, started_s=0, attempt=2)

    assert said_of(polled(lost), polled(again)) == [
        "a: queued, its worker is gone, it will be tried again",
        "a: running on box, attempt 2",
    ]


def test_the_rounds_of_a_race_are_no_news():
    running = job("a", JobState.RUNNING, started_s=0, attempt=1)
    waiting = job("a", JobState.WAITING, started_s=0, attempt=0)
    queued = job("a", JobState.QUEUED, started_s=0, attempt=0)
    lost = job("a", JobState.QUEUED, started_s=0, attempt=1)

    assert said_of(*map(in_a_race, (running, waiting, queued, running, lost))) == [
        "a: running on box",
        "a: queued, its worker is gone, it will be tried again",
    ]


def in_a_race(one):
    shown = polled(one)
    return replace(shown, run=replace(shown.run, options={"race": True}))


def test_a_reason_to_wait_is_told_once_until_it_changes():
    queued = job("a", JobState.QUEUED)

    assert said_of(
        polled(queued),
        polled(queued, waiting="no worker"),
        polled(queued, waiting="no worker"),
        polled(queued, waiting="all slots are taken"),
    ) == ["waiting: no worker", "waiting: all slots are taken"]


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def answer_of(idle_reason):
    """After the question that was asked in the background has been answered."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon:
            thread.join(5)
    return idle_reason.reason(idle=True)


@pytest.fixture
def clock():
    return Clock()


def test_the_reason_is_told_within_three_seconds_of_nothing_running(clock):
    idle_reason = IdleReason(lambda: "no worker", clock=clock)

    assert idle_reason.reason(idle=True) is None
    clock.now += 2
    assert idle_reason.reason(idle=True) is None
    clock.now += 1
    assert answer_of(idle_reason) == "no worker"


def test_nobody_is_asked_as_long_as_something_runs(clock):
    def why():
        raise AssertionError("asked")

    idle_reason = IdleReason(why, clock=clock)

    for _ in range(10):
        clock.now += 2
        assert idle_reason.reason(idle=False) is None
    assert idle_reason.reason(idle=True) is None


def test_what_went_before_counts_as_waiting(clock):
    idle_reason = IdleReason(lambda: "no worker", idle_since=clock.now - 60, clock=clock)

    idle_reason.reason(idle=True)

    assert answer_of(idle_reason) == "no worker"


def test_the_reason_goes_when_something_runs_and_is_asked_for_anew(clock):
    answers = iter(["first", "second"])
    idle_reason = IdleReason(lambda: next(answers), idle_since=clock.now - 60, clock=clock)
    idle_reason.reason(idle=True)
    assert answer_of(idle_reason) == "first"

    assert idle_reason.reason(idle=False) is None
    assert idle_reason.reason(idle=True) is None
    clock.now += 3
    idle_reason.reason(idle=True)
    assert answer_of(idle_reason) == "second"


def test_a_reason_that_cannot_be_found_is_a_reason(clock):
    def why():
        raise InfrastructureError("the database is gone")

    idle_reason = IdleReason(why, idle_since=clock.now - 60, clock=clock)
    idle_reason.reason(idle=True)

    assert answer_of(idle_reason) == "the database is gone"
