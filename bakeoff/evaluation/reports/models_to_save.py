"""Which models of a run are saved, and how the registry describes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.domain.model_version import VersionOrigin
from bakeoff.domain.runs.job import Job
from bakeoff.domain.runs.model_saving import SavePolicy
from bakeoff.domain.runs.result import FittedModel, Result
from bakeoff.domain.runs.run import Run, RunState
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.evaluation.reports.leaderboard import rank
from registry.models.model_description import Description


@dataclass(frozen=True, kw_only=True)
class Selection:
    wanted: Sequence[Result]  #: best first
    best: Result | None = None  #: the one that may be promoted
    remark: str = ""  #: why there is no best one, or why it is this one


def select(run: Run, results: Sequence[Result], policy: SavePolicy, verdict: RunVerdict | None) -> Selection:
    """`best` is the candidate that the verdict recommends: of those that may be the best, a cheap one.

    The baseline is never saved. Where the verdict recommends nobody, there is no best one.
    """
    if run.state is RunState.CANCELLED:
        return Selection(wanted=(), remark="the run was cancelled before its winner was known")
    rows = rank(
        results,
        metric=run.rules.metrics[0],
        baseline_id=run.baseline_id,
        directions=run.rules.directions,
    )
    rivals = [row.result for row in rows if row.result.model_id != run.baseline_id]
    recommended = verdict.recommended if verdict else None
    best = next((result for result in rivals if result.model_id == recommended), None)
    wanted = rivals if policy is SavePolicy.ALL else [best] if best else []
    return Selection(wanted=wanted, best=best, remark=_remark(rivals, best, verdict))


def _remark(rivals: Sequence[Result], best: Result | None, verdict: RunVerdict | None) -> str:
    if not rivals:
        return "no candidate has a result"
    if verdict is None:
        return "the run could not be judged, so no candidate is the best one"
    if best is None or verdict.best is None:
        return verdict.sentence  # why none is saved, or why it is this one of several tied ones
    return f"{verdict.best} is shown to be the best"


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
