"""Predictions of an earlier evaluation, scored by the rules of another run: nothing is fitted."""

from dataclasses import replace

from bakeoff.domain.job import Job
from bakeoff.domain.provenance import Fit
from bakeoff.domain.run import Run
from bakeoff.evaluation.jobs.cell_failure import Leave
from bakeoff.evaluation.jobs.evaluation_job import Scored, Verdict, judge
from bakeoff.evaluation.jobs.job_paths import JobPaths
from bakeoff.evaluation.jobs.score_outputs import scores_of
from bakeoff.evaluation.reuse.audit_check import sha256


def are_there(fit: Fit, places: JobPaths) -> bool:
    """The very predictions, at these places."""
    files = {
        places.predictions: fit.provenance.predictions,
        places.probabilities: fit.provenance.probabilities,
    }
    return all(
        file.is_file() and sha256(file) == digest for file, digest in files.items() if digest is not None
    )


def rescore(job: Job, run: Run, fit: Fit, *, places: JobPaths, leave: Leave) -> Verdict:
    def score() -> Scored:
        scores = scores_of(job, run, places)
        told = {} if fit.is_deterministic is None else {"deterministic": fit.is_deterministic}
        return Scored(
            scores=replace(scores, details={**scores.details, **told}),
            cost=fit.result.cost,
            reused_from=fit.result.evaluation_id,
        )

    return judge(score, job, run, leave=leave)
