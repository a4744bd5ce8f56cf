"""Whether results can be compared: only those of one snapshot, one split and the same scoring rules can."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.model_version import ModelVersion
from bakeoff.domain.runs.job import Job
from bakeoff.domain.runs.result import Result
from bakeoff.domain.runs.run import Run
from bakeoff.domain.wording import joined

_DIGITS = 12  #: of an address, as people tell two apart


@dataclass(frozen=True, kw_only=True)
class ComparedResult:
    name: str  #: in tables and sentences; no two of a comparison have the same
    run: Run
    job: Job
    result: Result
    version: ModelVersion | None = None  #: the saved version that was named

    @property
    def origin(self) -> str:
        return f"{self.result.model_id} of run {self.run.title}"


def refuse_if_incomparable(results: Sequence[ComparedResult]) -> None:
    """InvalidInputError that names the first difference, both values, and the run that mends it."""
    first, *others = results
    for other in others:
        for is_about, words in _CONDITIONS:
            if is_about(first.run) == is_about(other.run):
                continue
            raise InvalidInputError(
                f"{first.origin} was scored {words(first.run)}, {other.origin} {words(other.run)}: "
                f"run {_all(results)} on one snapshot by the same rules, such as {_such_as(results)}"
            )


def _on_data(run: Run) -> str:
    return f"on dataset {run.dataset.name}, snapshot {run.dataset.dataset_id[:_DIGITS]}"


def _on_split(run: Run) -> str:
    return f"on split {run.dataset.split_id[:_DIGITS]} (seed {run.seed}, test size {run.test_size:g})"


def _with(what: str, value: object) -> str:
    return f"with the default {what}" if value is None else f"with {what} {value}"


#: What must be alike, and how it is told of a run. The data comes first: another snapshot has other splits.
_CONDITIONS: tuple[tuple[Callable[[Run], object], Callable[[Run], str]], ...] = (
    (lambda run: run.dataset.dataset_id, _on_data),
    (lambda run: run.dataset.split_id, _on_split),
    (lambda run: run.rules.positive_label, lambda run: _with("positive label", run.rules.positive_label)),
    (lambda run: run.rules.tuned, lambda run: "a tuned threshold" if run.rules.tuned else "one threshold"),
    (lambda run: run.rules.costs, lambda run: "other costs" if run.rules.costs else "no costs"),
    (lambda run: run.rules.threshold, lambda run: _with("threshold", run.rules.threshold)),
    (lambda run: run.rules.average, lambda run: _with("average", run.rules.average)),
    (lambda run: run.rules.seal, lambda run: _with("seal", run.rules.seal)),
    # As text, for NaN is not equal to itself.
    (lambda run: str(run.rules.zero_division), lambda run: _with("zero division", run.rules.zero_division)),
)


def _all(results: Sequence[ComparedResult]) -> str:
    ids = _ids(results)
    return "both" if len(ids) == len(results) == 2 else joined(ids)  # noqa: PLR2004 - a pair


def _such_as(results: Sequence[ComparedResult]) -> str:
    dataset = results[-1].run.dataset.name
    return f"`bakeoff run {dataset} --models {','.join(_ids(results))}`"


def _ids(results: Sequence[ComparedResult]) -> list[str]:
    return list(dict.fromkeys(one.result.model_id for one in results))
