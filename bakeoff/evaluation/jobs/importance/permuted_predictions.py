"""In the cell: the fitted model predicts some test rows again and again, each time with one column shuffled.

The columns are those of the data, in front of every pipeline: what a pipeline makes of one, such as dummy
columns or counts of words, is shuffled with it. The cell has no labels: the supervisor scores what is written
here. That happens when the candidate has its result already, so it is bounded in time and may fail.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from bakeoff.cell.inside.cell_api import CellApi
from bakeoff.evaluation.jobs.prediction_latency import as_a_bonus
from registry.columns.check_predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd

ANSWERS = "importance"  #: of all predictions, one after another; the first is with the columns as they are
BESIDE = "importance-beside"  #: probabilities or scores beside labels

_LEAST_CALLS = 4  #: that must fit into the time, or else nothing is begun
_MOST_LETTERS = 200


@dataclass(frozen=True, kw_only=True)
class ImportanceOrder:
    """What the supervisor orders."""

    places: tuple[int, ...]  #: of the test rows that are predicted
    repeats: int  #: how often each column is shuffled
    seed: int
    longest_s: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{**data, "places": tuple(data["places"])})


def predict_permuted(
    order: ImportanceOrder,
    X: "pd.DataFrame",
    answer: Callable[["pd.DataFrame"], Predictions],
    inside: CellApi,
    *,
    predict_s: float,
    left_s: float,
) -> dict[str, Any]:
    """Writes the predictions, and returns how many, or why there are none. `X`: the test features.

    `predict_s`: what all test rows took. `left_s`: until the limit of the job. A model in compiled code
    cannot be interrupted, so one that may take too long is not asked at all.
    """
    longest_s = min(order.longest_s, left_s / 2)
    if predict_s * _LEAST_CALLS > longest_s:
        return {"problem": f"it predicts too slowly: there are {max(longest_s, 0):.0f} s for it"}
    sample = X.iloc[list(order.places)].reset_index(drop=True)
    answers: list[Predictions] = []
    ended: list[bool] = []
    until = time.perf_counter() + longest_s
    with as_a_bonus("importance", longest_s=longest_s):
        for frame in _frames(sample, order):
            answers.append(answer(frame))
            if time.perf_counter() > until:
                break
        ended.append(True)
    if len(answers) < 2:  # noqa: PLR2004 - the first is what the others are compared with
        why = "no time was left" if ended else "its predictions failed on shuffled columns"
        return {"problem": why[:_MOST_LETTERS]}
    beside = "probabilities" if answers[0].probabilities is not None else "scores"
    for output, part in ((ANSWERS, "values"), (BESIDE, beside)):
        arrays = [getattr(one, part) for one in answers]
        if all(array is not None for array in arrays):
            _save(inside, output, arrays)
    return {"answers": len(answers), "beside": beside}


def _frames(sample: "pd.DataFrame", order: ImportanceOrder) -> "Iterator[pd.DataFrame]":
    """All columns once before any of them twice: when time runs out, each has been shuffled as often."""
    yield sample.copy()
    for repeat in range(order.repeats):
        for place in range(sample.shape[1]):
            shuffled = np.random.RandomState([order.seed % 2**32, repeat, place]).permutation(len(sample))
            frame = sample.copy()  # a model may write into what it is given
            column = sample.iloc[:, place].iloc[shuffled].reset_index(drop=True)
            frame[frame.columns[place]] = column
            yield frame


def _save(inside: CellApi, name: str, arrays: list[NDArray[Any]]) -> None:
    with inside.output(name) as file:
        np.save(file, np.concatenate(arrays), allow_pickle=False)
