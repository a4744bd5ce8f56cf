"""The test rows in which one result was wrong: the truth, what was predicted, and the features.

Like the rows of a comparison they are read from the kept predictions and the labels of the test rows, in a
process of ours. Rows that the rules of the run keep out of all scores stay out of this, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.operations.comparing.comparability import ComparedResult
from bakeoff.operations.comparing.disagreed_rows import kept_rows
from bakeoff.operations.context import Context

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bakeoff.operations.comparing.disagreed_rows import KeptRows


@dataclass(frozen=True, kw_only=True)
class WrongRow:
    row: int  #: of the dataset, counted from 0
    fold: int | None  #: in which it was tested, counted from 0; None without folds
    true: Any
    predicted: Any
    probability: float | None  #: of what was predicted; None where probabilities are not kept
    error: float | None  #: of a number: predicted less true
    features: Mapping[str, Any]

    def to_record(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "fold": self.fold,
            "true": self.true,
            "predicted": self.predicted,
            "probability": self.probability,
            "error": self.error,
            "features": dict(self.features),
        }


@dataclass(frozen=True, kw_only=True)
class WrongRows:
    """A page of them: of classes in the order of the dataset, of numbers the most wrong first."""

    result: ComparedResult
    tested: int  #: test rows that were scored
    wrong: int  #: of these; of numbers all of them
    offset: int
    items: tuple[WrongRow, ...]

    @property
    def is_of_numbers(self) -> bool:
        return self.result.run.dataset.target_kind is TargetKind.REGRESSION

    @property
    def following(self) -> int | None:
        """The offset of the next page; None after the last one."""
        after = self.offset + len(self.items)
        return after if after < self.wrong else None

    def to_record(self) -> dict[str, Any]:
        return {
            "runId": self.result.run.id,
            "evaluationId": self.result.result.evaluation_id,
            "modelId": self.result.result.model_id,
            "testRows": self.tested,
            "wrong": self.wrong,
            "offset": self.offset,
            "next": self.following,
            "items": [item.to_record() for item in self.items],
        }


def wrong_rows(
    context: Context, result: ComparedResult, *, offset: int = 0, limit: int | None = None
) -> WrongRows:
    """`limit`: rows of the page; None: all. NotFoundError if the predictions are not kept any more."""
    from bakeoff.evaluation.datasets import read_snapshot
    from bakeoff.evaluation.reports.disagreements import wrong_places

    kept = kept_rows(context, [result])
    places = wrong_places(kept.scored, result.name)
    numbers = read_snapshot.sealed_rows(kept.snapshot)
    if result.run.dataset.target_kind is not TargetKind.REGRESSION:
        places = places[numbers[kept.among_test_rows(places)].argsort(kind="stable")]
    page = places[offset:] if limit is None else places[offset : offset + limit]
    return WrongRows(
        result=result,
        tested=len(kept.scored.true),
        wrong=len(places),
        offset=offset,
        items=_items(kept, result, numbers, page) if len(page) else (),
    )


def _items(
    kept: "KeptRows", result: ComparedResult, numbers: "NDArray[Any]", page: "NDArray[np.intp]"
) -> tuple[WrongRow, ...]:
    from bakeoff.evaluation.datasets import read_snapshot
    from bakeoff.evaluation.reports.disagreements import answers_at, plain_features

    predicted, probabilities = answers_at(kept.scored, page)[result.name]
    true = kept.scored.true[page].tolist()
    test_places = kept.among_test_rows(page)
    folds = _folds(kept, result, test_places)
    features = plain_features(read_snapshot.test_rows(kept.snapshot, test_places))
    is_number = result.run.dataset.target_kind is TargetKind.REGRESSION
    return tuple(
        WrongRow(
            row=int(numbers[place]),
            fold=folds[at],
            true=true[at],
            predicted=predicted[at],
            probability=probabilities[at] if probabilities else None,
            error=predicted[at] - true[at] if is_number else None,
            features=features[at],
        )
        for at, place in enumerate(test_places)
    )


def _folds(kept: "KeptRows", result: ComparedResult, places: "NDArray[np.intp]") -> list[int | None]:
    import numpy as np

    from bakeoff.evaluation.datasets import read_snapshot

    if not result.run.dataset.design.has_folds:
        return [None] * len(places)
    ends = np.cumsum([test for _, test in read_snapshot.fold_sizes(kept.snapshot)])
    found: list[int | None] = np.searchsorted(ends, places, side="right").tolist()
    return found
