"""How large a difference between two candidates must be for a run to show it, before anything is fitted.

The latest verdict on the same split has measured it, by the metric that ranks. Where there is none, it is
worked out for accuracy, from the number of test rows and an assumption of how often two candidates disagree.
"""

import math
from dataclasses import dataclass
from typing import Any

from bakeoff.domain.runs.run import Run
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs.results import verdict_rows

#: The share of the test rows where exactly one of two candidates is right.
ASSUMED_DISAGREEMENT = 0.1

_FEWEST = 2  #: candidates, of which one can be better


@dataclass(frozen=True, kw_only=True)
class DetectableDifference:
    """A difference that 80 % of runs find if it exists."""

    metric: str
    difference: float
    rows: int
    measured: bool  #: by an earlier run on the same split; otherwise computed from an assumed disagreement

    @property
    def sentence(self) -> str:
        basis = (
            "as the last run on this split measured"
            if self.measured
            else f"if two candidates disagree on {ASSUMED_DISAGREEMENT:.0%} of the rows"
        )
        return (
            f"{self.rows:,} test rows show differences of about {self.difference:.2g} {self.metric} or more, "
            f"{basis}"
        )

    def to_record(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "difference": self.difference,
            "rows": self.rows,
            "assumedDisagreement": None if self.measured else ASSUMED_DISAGREEMENT,
        }


def detectable_difference(context: Context, run: Run, candidates: int) -> DetectableDifference | None:
    """None if nothing can be said: for a single candidate, or a regression without an earlier run."""
    from bakeoff.evaluation.statistics.cross_validated_scores import variance_factor
    from bakeoff.evaluation.statistics.winners_curse import planned_detectable_difference

    if candidates < _FEWEST:
        return None
    metric, rows = run.rules.metrics[0], run.rules.open_rows(run.dataset.test_rows)
    for verdict in reversed(verdict_rows.on_split(context.engine, run.dataset.split_id, but=run.id)):
        measured = verdict.minimum_detectable_difference
        if measured and verdict.metric == metric:
            return DetectableDifference(metric=metric, difference=measured, rows=rows, measured=True)
    if run.dataset.target_kind is TargetKind.REGRESSION:
        return None
    planned = planned_detectable_difference(rows, candidates, ASSUMED_DISAGREEMENT)
    if run.dataset.design.has_folds:  # folds share training rows, so they know less than as many rows apart
        planned *= math.sqrt(variance_factor(run.dataset.design.folds))
    return DetectableDifference(metric="accuracy", difference=planned, rows=rows, measured=False)
