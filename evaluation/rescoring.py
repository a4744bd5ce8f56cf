"""Predictions of an earlier evaluation, scored by the rules of another run: nothing is fitted."""

from dataclasses import replace

from domain.job import Job
from domain.provenance import Fit
from domain.run import Run
from evaluation.evidence import sha256
from evaluation.examine import Scored, Verdict, judge
from evaluation.places import Places
from evaluation.scoring import scores_of
from evaluation.verdict import Leave


def are_there(fit: Fit, places: Places) -> bool:
    """The very predictions, at these places."""
    files = {
        places.predictions: fit.provenance.predictions,
        places.probabilities: fit.provenance.probabilities,
    }
    return all(
        file.is_file() and sha256(file) == digest for file, digest in files.items() if digest is not None
    )


def rescore(job: Job, run: Run, fit: Fit, *, places: Places, leave: Leave) -> Verdict:
    def score() -> Scored:
        scores = scores_of(job, run, places)
        told = {} if fit.is_deterministic is None else {"deterministic": fit.is_deterministic}
        return Scored(
            scores=replace(scores, details={**scores.details, **told}),
            cost=fit.result.cost,
            reused_from=fit.result.evaluation_id,
        )

    return judge(score, job, run, leave=leave)
