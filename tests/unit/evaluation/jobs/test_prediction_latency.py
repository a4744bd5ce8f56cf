"""Latency is measured as a bonus: it never takes long, says nothing, and fails nobody."""

import logging
import time
import warnings
from collections.abc import Callable

import pandas as pd
import pytest

from bakeoff.evaluation.jobs.prediction_latency import accept_latency, measure_latency

X = pd.DataFrame({"a": range(1000)})
TIMES = {"rows": 1, "calls": 20, "p50": 0.001, "p99": 0.002}
CLAIM = {"one_row": TIMES, "batch": {**TIMES, "rows": 256}}


def measured(predict, *, fit_s=1.0, predict_s=0.01, left_s=100.0, features=X):
    return measure_latency(predict, features, fit_s=fit_s, predict_s=predict_s, left_s=left_s)


class Clock:
    """Stands still but while the model predicts."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def perf_counter(self) -> float:
        return self.now_s

    def predict_in(self, seconds: float, asked: list[int]) -> Callable[[pd.DataFrame], None]:
        def predict(rows: pd.DataFrame) -> None:
            asked.append(len(rows))
            self.now_s += seconds

        return predict


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("bakeoff.evaluation.jobs.prediction_latency.time", clock)
    return clock


def test_one_row_and_a_batch_are_timed_within_a_share_of_the_fit(clock):
    asked = []
    latency = measured(clock.predict_in(1 / 1024, asked), fit_s=50.0)

    # 0.25 % of the time of the fit for single rows, half of it for batches. The last call is the one that
    # goes beyond; the first is not counted.
    assert asked == [1] * 129 + [256] * 65
    assert (latency.one_row.rows, latency.one_row.calls) == (1, 128)
    assert (latency.batch.rows, latency.batch.calls) == (256, 64)
    assert latency.one_row.p50 == latency.one_row.p99 == 1 / 1024


@pytest.mark.parametrize(
    ("call_s", "one_row", "batch"),
    [
        (1 / 16384, 11, 11),
        (1 / 1024, 5, 5),
        (1 / 512, 5, 5),
        (1 / 256, 5, 2),
        (1 / 128, 2, 1),
        (1 / 32, 1, 1),
    ],
)
def test_after_a_short_fit_five_calls_count_if_they_fit_into_thirty_milliseconds(
    clock, call_s, one_row, batch
):
    asked = []
    latency = measured(clock.predict_in(call_s, asked), fit_s=0.001)

    assert (latency.one_row.calls, latency.batch.calls) == (one_row, batch)
    assert (len(asked) - 2) * call_s <= 0.03  # each kind may go beyond its part by its last call


def test_no_model_is_asked_more_than_three_hundred_times(clock):
    latency = measured(clock.predict_in(0.0, []), fit_s=1000.0)

    assert (latency.one_row.calls, latency.batch.calls) == (299, 299)  # and the first, which is not counted


def test_a_slow_model_is_asked_once_for_each_and_a_very_slow_one_not_at_all(clock):
    calls = []
    slow = clock.predict_in(0.04, calls)

    latency = measured(slow, fit_s=0.1)
    assert (latency.one_row.calls, latency.batch.calls) == (1, 1)
    assert latency.one_row.p99 >= 0.04
    calls.clear()
    assert measured(slow, predict_s=11.0) is None
    assert measured(slow, left_s=1.0) is None
    assert measured(slow, predict_s=9.0, left_s=20.0) is None
    assert measured(slow, features=X[:0]) is None
    assert calls == []


def test_what_the_model_raises_prints_or_logs_meanwhile_is_its_own_affair(capsys, caplog):
    def noisy(rows):
        print("hello")  # noqa: T201 - that is the point
        warnings.warn("careful", stacklevel=1)
        logging.getLogger("plugin").error("oh")
        raise ValueError(len(rows))

    with caplog.at_level(logging.DEBUG):
        assert measured(noisy) is None
    assert capsys.readouterr().out == ""
    assert [record.name for record in caplog.records] == ["bakeoff.evaluation.jobs.prediction_latency"]
    assert logging.root.manager.disable == 0


def test_a_model_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr("bakeoff.evaluation.jobs.prediction_latency._LONGEST_S", 0.05)
    began = time.monotonic()
    assert measured(lambda _: time.sleep(30)) is None
    assert time.monotonic() - began < 5


def test_what_a_cell_reports_is_accepted_if_it_can_be_true():
    accepted = accept_latency({"latency": CLAIM}, wall_s=1.0)
    assert (accepted.one_row.p99, accepted.batch.rows) == (0.002, 256)


@pytest.mark.parametrize(
    "claim",
    [
        None,
        7,
        {},
        {**CLAIM, "more": 1},
        {**CLAIM, "batch": None},
        {**CLAIM, "batch": {**TIMES, "calls": True}},
        {**CLAIM, "batch": {**TIMES, "rows": 10**9}},
        {**CLAIM, "one_row": {**TIMES, "p99": float("nan")}},
        {**CLAIM, "one_row": {**TIMES, "p50": 0.5}},
        {**CLAIM, "one_row": {**TIMES, "p50": -1.0}},
        {**CLAIM, "one_row": {**TIMES, "p99": 99.0}},
    ],
)
def test_what_cannot_be_true_is_no_latency(claim):
    assert accept_latency({"latency": claim}, wall_s=1.0) is None
    assert accept_latency(claim, wall_s=1.0) is None
