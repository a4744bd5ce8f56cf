"""The custom metrics of one candidate's predictions, each computed in a cell of its own.

The cell has the snapshot with its labels, the predictions of this candidate, and no network. Whatever the
function does there, it costs its own column: the value is undefined then, and a warning says why. Of what the
cell reports, numbers alone are used: a false one can only harm the metric itself.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.cell.host.cell_order import Limits, Order
from bakeoff.cell.host.cell_outcome import CellOutcome, End
from bakeoff.domain.machine.work_in_thread import StoppedError
from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef, TargetKind
from bakeoff.evaluation.datasets import read_snapshot
from bakeoff.evaluation.metrics.result_details import bounded
from bakeoff.evaluation.metrics.score_predictions import Scores
from bakeoff.evaluation.metrics.score_snapshot import PredictedFiles, score_snapshot
from bakeoff.evaluation.statistics.sketches.row_blocks import JACKKNIFE_BLOCKS
from bakeoff.evaluation.statistics.sketches.sketch import IntervalKind, Sketch
from bakeoff.evaluation.temporary_oven import RunCell, why_it_ended
from registry.code.cell_import_and_readable_paths import import_path, readable_paths

_ENTRY = "bakeoff.evaluation.user_functions.custom_metric_in_cell:compute"
_CURE = "make it faster, or raise `metricTimeout`"
_SHARE_FOR_SKETCH = 0.5  #: of the time of a cell: a metric that is slow to repeat must not lose its value


@dataclass(frozen=True, kw_only=True)
class CustomScoring:
    """What the cells of custom metrics are given."""

    rules: ScoringRules
    dataset: DatasetRef
    snapshot: Path
    predicted: PredictedFiles
    root: Path  #: the folder that functions are imported from
    closed: tuple[Path, ...]  #: what they must not read, although it lies there
    log: Path  #: what they print is appended here
    longest_s: float  #: for each metric
    threads: int = 1
    memory_mb: int | None = None
    sealed: bool = False


def with_custom_metrics(scores: Scores, scoring: CustomScoring, run_cell: RunCell) -> Scores:
    """`scores`: those of all other metrics. StoppedError if the job may not go on."""
    if not scoring.rules.custom:
        return scores
    answers = {name: _answer(name, scoring, run_cell) for name in scoring.rules.custom}
    sketches, refused = _sketches(answers, scoring)
    details = dict(scores.details)
    details["warnings"] = bounded(
        [*(note for answer in answers.values() for note in answer.warnings), *refused, *details["warnings"]]
    )
    for part in ("folds", "seeds"):
        if part in details:
            details[part] = _with_parts(details[part], scoring.rules.metrics, answers, part)
    metrics = {**scores.metrics, **{name: answer.value for name, answer in answers.items()}}
    return replace(
        scores,
        metrics={name: metrics[name] for name in scoring.rules.metrics},
        details=details,
        sketches={**scores.sketches, **sketches},
    )


@dataclass(frozen=True, kw_only=True)
class _Answer:
    value: float | None
    warnings: tuple[str, ...]
    parts: Mapping[str, Sequence[float | None]]  #: of folds and of seeds
    sums: np.ndarray | None = None  #: None where its cell says why there are none
    seed_variance: float = 0.0

    def sketch(self, name: str, reference: Sketch) -> Sketch | None:
        """Its influences, and all else from a sketch that our own code made of the same rows.

        None if they cannot be influences of these rows. There are none where the metric is undefined without
        some of the rows: such a sketch claims nothing.
        """
        if self.sums is None or not (np.isfinite(self.sums).all() and 0 <= self.seed_variance < math.inf):
            return None
        # The jackknife merges blocks; the metric of the reference has its influences in all of them.
        if self.sums.shape not in {(0,), (min(len(reference.sums), JACKKNIFE_BLOCKS),)}:
            return None
        return replace(
            reference,
            metric=name,
            value=self.value,
            sums=self.sums,
            kind=IntervalKind.FREE,
            trials=None,
            hits=None,
            negated=False,
            seed_variance=self.seed_variance,
        )


def _answer(name: str, scoring: CustomScoring, run_cell: RunCell) -> _Answer:
    outcome = run_cell(_order(name, scoring))
    if outcome.end is End.LOST:  # its warm parent died, which may not be the fault of the metric
        outcome = run_cell(_order(name, scoring))
    if outcome.end is End.STOPPED:
        raise StoppedError
    if outcome.end is not End.RETURNED:
        return _undefined(f"{name} {why_it_ended(outcome, longest_s=scoring.longest_s, cure=_CURE)}")
    try:
        return _read(outcome)
    except (KeyError, TypeError, ValueError, OverflowError):
        return _undefined(f"{name} failed: its cell reported {outcome.value!r:.100}")


def _undefined(why: str) -> _Answer:
    return _Answer(value=None, warnings=(why,), parts={})


def _read(outcome: CellOutcome) -> _Answer:
    """Other code than ours may have written the report."""
    value = outcome.value
    if not isinstance(value, Mapping):
        raise TypeError("it is no mapping")
    sums = None if value["sums"] is None else np.array(value["sums"], dtype=np.float64)
    return _Answer(
        value=_number(value["value"]),
        warnings=tuple(map(str, value["warnings"])),
        parts={part: [_number(one) for one in value[part]] for part in ("folds", "seeds")},
        sums=sums,
        seed_variance=float(value.get("seedVariance", 0.0)),
    )


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _with_parts(
    records: Sequence[Mapping[str, Any]], metrics: Sequence[str], answers: Mapping[str, _Answer], part: str
) -> list[dict[str, Any]]:
    """The records of folds or seeds, with what the custom metrics have in each of them."""

    def in_place(place: int) -> Iterator[tuple[str, float | None]]:
        for name in metrics:
            if name not in answers:
                yield name, records[place]["metrics"][name]
            else:
                values = answers[name].parts.get(part, ())
                yield name, values[place] if place < len(values) else None

    return [{**record, "metrics": dict(in_place(place))} for place, record in enumerate(records)]


def _sketches(answers: Mapping[str, _Answer], scoring: CustomScoring) -> tuple[dict[str, Sketch], list[str]]:
    """The sketches of those that have influences, and a warning for each whose influences are refused."""
    wanted = {name: one for name, one in answers.items() if one.value is not None and one.sums is not None}
    reference = _reference(scoring) if wanted else None
    found, refused = {}, []
    for name, answer in wanted.items():
        sketch = None if reference is None else answer.sketch(name, reference)
        if sketch is None:
            refused.append(f"{name} has no interval: the influences that its cell reported fit no rows")
        else:
            found[name] = sketch
    return found, refused


def _reference(scoring: CustomScoring) -> Sketch | None:
    """The sketch of a metric of ours for these rows that rests on all of them.

    Always of the same one, so that the sketches of all candidates of a run can be compared.
    """
    name = "mae" if scoring.dataset.target_kind is TargetKind.REGRESSION else "accuracy"
    found = score_snapshot(
        scoring.predicted.load(),
        scoring.snapshot,
        dataset=scoring.dataset,
        rules=scoring.rules.only([name]),
        sealed=scoring.sealed,
    )
    return found.sketches.get(name)


def _order(name: str, scoring: CustomScoring) -> Order:
    return Order(
        entry=_ENTRY,
        payload={
            "metric": name,
            "facts": asdict(scoring.rules.facts_of(name)),
            "rules": scoring.rules.only([name]).to_json(),
            "dataset": asdict(scoring.dataset),
            "snapshot": str(scoring.snapshot),
            "predicted": scoring.predicted.to_json(),
            "sealed": scoring.sealed,
            "sketchSeconds": scoring.longest_s * _SHARE_FOR_SKETCH,
        },
        limits=Limits(
            wall_s=scoring.longest_s,
            threads=scoring.threads,
            memory_mb=scoring.memory_mb,
            mapped_bytes=read_snapshot.mapped_bytes(scoring.snapshot),
        ),
        log=scoring.log,
        network=False,
        readable=(
            scoring.snapshot,
            *scoring.predicted.files,
            *readable_paths(scoring.root, closed=(*scoring.closed, *map(Path, scoring.dataset.files))),
        ),
        import_path=import_path(scoring.root),
    )
