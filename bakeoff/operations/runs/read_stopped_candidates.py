"""What a race has stopped: which candidates, after how many folds, and what they had scored until then.

They have no result, since they were not tested on the rows of the other folds. Their scores are means over
the folds that they had, and are not to be ranked beside those of all folds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.race import RaceLook
from bakeoff.domain.runs.result import FoldResult, fold_record
from bakeoff.domain.runs.verdict import RunVerdict, Standing
from bakeoff.domain.snapshot_reference_and_split_design import Design
from bakeoff.store.bakeoffs.results import race_rows

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True, kw_only=True)
class StoppedCandidate:
    job: Job
    look: RaceLook  #: that stopped it
    design: Design
    folds: Sequence[FoldResult]  #: that it had

    @property
    def after(self) -> str:
        """`1 of 5 folds`."""
        return f"{self.look.number} of {self.look.looks + 1} folds"

    @property
    def metrics(self) -> Mapping[str, float | None]:
        """Their means over the folds that it had; None where one is undefined."""
        names = self.folds[0].metrics if self.folds else ()
        by_metric = {name: [fold.metrics[name] for fold in self.folds] for name in names}
        return {
            name: fmean(value for value in values if value is not None) if None not in values else None
            for name, values in by_metric.items()
        }

    @property
    def cpu_s(self) -> float:
        return sum(fold.cost.cpu_s for fold in self.folds)

    def to_record(self, verdict: RunVerdict | None) -> dict[str, Any]:
        band = verdict.bands.get(self.job.candidate.id) if verdict else None
        return {
            "evaluationId": self.job.id,
            "modelId": self.job.candidate.id,
            "modelVersion": self.job.candidate.version,
            "family": self.job.candidate.family,
            "status": self.job.state,
            "standing": str(Standing.STOPPED),
            "band": list(band) if band else None,
            **self.look.stop_record(self.job.candidate.id),
            "metrics": dict(self.metrics),
            "cpuSeconds": self.cpu_s,
            "folds": [fold_record(self.design, fold.place, fold.metrics) for fold in self.folds],
        }


def stopped_candidates(
    engine: "Engine",
    jobs: Sequence[Job],
    design: Design,
    folds: Mapping[str, Sequence[FoldResult]],
    *,
    best_is: int,
    metric: str,
) -> list[StoppedCandidate]:
    """Of these jobs of a run, those that its race has stopped: the last ones first, then by their scores.

    `folds`: by job. `best_is`: 1 if a greater value of the metric is better, else -1.
    """
    stopped = [job for job in jobs if job.state is JobState.STOPPED]
    if not stopped:
        return []
    by_candidate = {one: look for look in race_rows.looks(engine, stopped[0].run_id) for one in look.stopped}
    found = [
        StoppedCandidate(
            job=job, look=by_candidate[job.candidate.id], design=design, folds=folds.get(job.id, ())
        )
        for job in stopped
    ]
    return sorted(
        found,
        key=lambda one: (-one.look.number, -best_is * (one.metrics.get(metric) or 0.0), one.job.candidate.id),
    )
