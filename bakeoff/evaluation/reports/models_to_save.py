"""Which models of a run are saved, and how the registry describes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.domain.job import Job
from bakeoff.domain.model_version import VersionOrigin
from bakeoff.domain.result import FittedModel, Result
from bakeoff.domain.run import Run, RunState
from bakeoff.domain.saving import SavePolicy
from bakeoff.evaluation.reports.leaderboard import LeaderboardRow, rank
from registry.models.model_description import Description


@dataclass(frozen=True, kw_only=True)
class Selection:
    wanted: Sequence[Result]  #: best first
    best: Result | None = None  #: the one that may be promoted
    remark: str = ""  #: why there is no best one


def select(run: Run, results: Sequence[Result], policy: SavePolicy) -> Selection:
    """The baseline is never saved, and a candidate that does not beat it is no winner."""
    if run.state is RunState.CANCELLED:
        return Selection(wanted=(), remark="the run was cancelled before its winner was known")
    rows = rank(results, metric=run.rules.metrics[0], baseline_id=run.baseline_id)
    rivals = [row for row in rows if row.result.model_id != run.baseline_id]
    best = next((row.result for row in rivals[:1] if _wins(row)), None)
    remark = "" if best else _why_no_winner(run, rivals)
    if policy is SavePolicy.ALL:
        return Selection(wanted=[row.result for row in rivals], best=best, remark=remark)
    return Selection(wanted=[best] if best else [], best=best, remark=remark)


def _wins(row: LeaderboardRow) -> bool:
    """It needs a value, and has to beat the baseline if that has one."""
    return row.value is not None and row.beats_baseline is not False


def _why_no_winner(run: Run, rivals: Sequence[LeaderboardRow]) -> str:
    metric = run.rules.metrics[0]
    if not rivals:
        return "no candidate has a result"
    if rivals[0].value is None:
        return f"no candidate has a value of {metric}"
    return f"no candidate beats the baseline {run.baseline_id} by {metric}"


def description_of(result: Result, job: Job, fitted: FittedModel) -> Description:
    """`job` is the one that fitted the model: for a reused result, a job of an earlier run."""
    candidate, described = job.candidate, fitted.description
    return Description(
        type=described["type"],
        metrics=result.metrics,
        hyperparameters=described["hyperparameters"],
        description=candidate.description or None,
        tags={
            "candidate": candidate.id,
            "candidate_version": candidate.version,
            "dataset": result.dataset_name,
        },
        metadata=fitted.metadata,
        signature=described["signature"],
        input_example=described["input_example"],
        feature_names=tuple(described["feature_names"]),
        libraries=described["libraries"],
        origin=VersionOrigin(
            run_id=job.run_id,
            evaluation_id=job.id,
            candidate_id=candidate.id,
            dataset_id=result.dataset_id,
            split_id=result.split_id,
        ),
    )
