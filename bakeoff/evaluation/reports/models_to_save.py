"""Which models of a run are saved, and what the registry is told of them."""

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
    remark: str = ""  #: why there is none


def select(run: Run, results: Sequence[Result], policy: SavePolicy) -> Selection:
    """The baseline is nobody's model, and what is not better than it is no winner."""
    if run.state is RunState.CANCELLED:
        return Selection(wanted=(), remark="the run was cancelled before its winner was known")
    standings = rank(results, metric=run.rules.metrics[0], baseline_id=run.baseline_id)
    rivals = [standing for standing in standings if standing.result.model_id != run.baseline_id]
    best = next((standing.result for standing in rivals[:1] if _wins(standing)), None)
    remark = "" if best else _why_nobody_wins(run, rivals)
    if policy is SavePolicy.ALL:
        return Selection(wanted=[standing.result for standing in rivals], best=best, remark=remark)
    return Selection(wanted=[best] if best else [], best=best, remark=remark)


def _wins(standing: LeaderboardRow) -> bool:
    """Also without a baseline, or where that has no value."""
    return standing.value is not None and standing.beats_baseline is not False


def _why_nobody_wins(run: Run, rivals: Sequence[LeaderboardRow]) -> str:
    metric = run.rules.metrics[0]
    if not rivals:
        return "no candidate has a result"
    if rivals[0].value is None:
        return f"no candidate has a value of {metric}"
    return f"no candidate beats the baseline {run.baseline_id} by {metric}"


def description_of(result: Result, job: Job, fitted: FittedModel) -> Description:
    """`job` is the one that it was fitted in: of an earlier run, for a result that was taken over."""
    candidate, said = job.candidate, fitted.description
    return Description(
        type=said["type"],
        metrics=result.metrics,
        hyperparameters=said["hyperparameters"],
        description=candidate.description or None,
        tags={
            "candidate": candidate.id,
            "candidate_version": candidate.version,
            "dataset": result.dataset_name,
        },
        metadata=fitted.metadata,
        signature=said["signature"],
        input_example=said["input_example"],
        feature_names=tuple(said["feature_names"]),
        libraries=said["libraries"],
        origin=VersionOrigin(
            run_id=job.run_id,
            evaluation_id=job.id,
            candidate_id=candidate.id,
            dataset_id=result.dataset_id,
            split_id=result.split_id,
        ),
    )
