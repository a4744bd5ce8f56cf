"""Who leads, as the live display says it."""

import time

import pytest
from fixtures.values.samples import a_run

from bakeoff.cli.output.runs.poll_run import LiveLeader, leader_text
from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.runs.verdict import RunVerdict


def a_verdict(*tied, best=None):
    return RunVerdict(
        metric="f1", greater_is_better=True, level=0.05, method="", seed=1, rows=9, best=best, tied=tied
    )


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def wait_for_text(leader, results):
    deadline = time.monotonic() + 5
    while (text := leader.text(a_run(), results)) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return text


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        (a_verdict(best="forest"), "forest leads: shown to be better than the others so far"),
        (a_verdict("forest", "tree", "knn"), "forest leads, tied with 2"),
        (a_verdict(), None),
    ],
)
def test_nobody_leads_alone_who_is_not_shown_to_be_better(verdict, text):
    assert leader_text(verdict) == text


def test_the_leader_is_judged_anew_when_results_have_come_and_some_time_has_passed():
    asked, clock = [], Clock()

    def judge(run):
        asked.append(run)
        return a_verdict("tree", "knn")

    leader = LiveLeader(judge, clock=clock)
    assert leader.text(a_run(), 1) is None
    clock.now = 3.0
    assert wait_for_text(leader, 2) == "tree leads, tied with 1"
    for _ in range(3):
        leader.text(a_run(), 3)
    assert len(asked) == 1

    clock.now = 6.0
    leader.text(a_run(), 3)
    assert wait_for_text(leader, 3) == "tree leads, tied with 1"
    leader._judging.join(5)
    assert len(asked) == 2


def test_a_database_that_is_away_stops_no_display():
    def judge(run):
        raise InfrastructureError("away")

    leader = LiveLeader(judge)
    assert leader.text(a_run(), 2) is None
    leader._judging.join(5)
    assert leader.text(a_run(), 2) is None
