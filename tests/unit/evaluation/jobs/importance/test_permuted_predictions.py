"""What a cell predicts on shuffled columns: all of it, in time, and nothing that could harm its result."""

import io
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from bakeoff.domain.candidate import OutputKind
from bakeoff.evaluation.jobs.importance.permuted_predictions import (
    ANSWERS,
    BESIDE,
    ImportanceOrder,
    predict_permuted,
)
from registry.columns.check_predictions import Predictions

X = pd.DataFrame(
    {"a": np.arange(20.0), "b": pd.Categorical(["x", "y"] * 10), "c": [f"word {n}" for n in range(20)]}
)
ORDER = ImportanceOrder(places=tuple(range(3, 13)), repeats=2, seed=7, longest_s=10.0)


class Written:
    """Stands for the cell: what it writes is kept."""

    def __init__(self):
        self.arrays = {}

    @contextmanager
    def output(self, name):
        buffer = io.BytesIO()
        yield buffer
        self.arrays[name] = np.load(io.BytesIO(buffer.getvalue()), allow_pickle=False)


class Asked:
    """A model that remembers the frames, and answers the number in the first column."""

    def __init__(self, *, beside=False):
        self.frames = []
        self.beside = beside

    def __call__(self, frame):
        self.frames.append(frame.copy())
        values = frame["a"].to_numpy().copy()
        frame.iloc[:, 0] = -1.0  # some models write into what they are given
        chances = np.stack([values, 1 - values], axis=1) if self.beside else None
        return Predictions(values=values, output_kind=OutputKind.LABELS, probabilities=chances)


def ask(model, order=ORDER, *, predict_s=0.01, left_s=100.0):
    written = Written()
    report = predict_permuted(order, X, model, written, predict_s=predict_s, left_s=left_s)
    return report, written.arrays


def test_the_rows_are_predicted_as_they_are_and_then_with_each_column_shuffled_in_turn():
    model = Asked()
    report, written = ask(model)

    assert report == {"answers": 7, "beside": "scores"}
    first, *others = model.frames
    pd.testing.assert_frame_equal(first, X.iloc[3:13].reset_index(drop=True))
    assert [list(frame.columns[(frame != first).any()]) for frame in others] == [["a"], ["b"], ["c"]] * 2
    for frame in others:
        pd.testing.assert_series_equal(frame.dtypes, X.dtypes)
        for name in X:
            assert sorted(frame[name].astype(str)) == sorted(first[name].astype(str))
    assert not others[0].equals(others[3])  # shuffled anew
    assert written[ANSWERS].tolist() == [value for frame in model.frames for value in frame["a"]]


def test_probabilities_are_written_beside_labels_where_there_are_some():
    report, written = ask(Asked(beside=True))

    assert report["beside"] == "probabilities"
    assert written[BESIDE].shape == (70, 2)


def test_the_same_order_shuffles_the_same():
    one, two = Asked(), Asked()
    ask(one)
    ask(two)

    assert all(a.equals(b) for a, b in zip(one.frames, two.frames, strict=True))


def test_when_its_time_is_over_what_is_there_counts(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(
        "bakeoff.evaluation.jobs.importance.permuted_predictions.time.perf_counter", lambda: now[0]
    )
    model = Asked()

    def slow(frame):
        now[0] += 3.0
        return model(frame)

    report, written = ask(slow)
    assert report["answers"] == 4  # the fourth is the one that goes beyond ten seconds
    assert len(written[ANSWERS]) == 40


@pytest.mark.parametrize(("predict_s", "left_s"), [(3.0, 100.0), (0.3, 2.0)])
def test_a_model_that_would_take_too_long_is_not_asked(predict_s, left_s):
    model = Asked()
    report, written = ask(model, predict_s=predict_s, left_s=left_s)

    assert report["problem"].startswith("it predicts too slowly")
    assert (model.frames, written) == ([], {})


def test_a_model_that_fails_on_shuffled_columns_has_no_importance_and_keeps_its_result():
    model = Asked()

    def fails(frame):
        if model.frames:
            raise ValueError
        return model(frame)

    report, written = ask(fails)
    assert report == {"problem": "its predictions failed on shuffled columns"}
    assert written == {}
