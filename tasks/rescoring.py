"""A job that is to score the predictions of an earlier evaluation."""

import logging
from dataclasses import replace

from evaluation.examine import Verdict
from evaluation.places import Places
from evaluation.rescoring import are_there, rescore
from evaluation.verdict import Leave
from store import leases, provenances
from store.leases import Claim
from tasks import wiring

log = logging.getLogger(__name__)


def rescored(claim: Claim, places: Places, *, leave: Leave) -> Verdict | None:
    """None when they are not there any more: it has to be fitted after all."""
    assert claim.job.reuses is not None  # noqa: S101 - such a job it is
    fit = provenances.of_evaluation(wiring.engine(), claim.job.reuses)
    if fit is not None:
        stored = wiring.configuration().predictions_of(fit.result.run_id, fit.result.evaluation_id)
        theirs = replace(places, predictions=stored)
        if are_there(fit, theirs):
            return rescore(claim.job, claim.run, fit, places=theirs, leave=leave)
    log.warning("job %s is fitted: the predictions of %s are gone", claim.job.id, claim.job.reuses)
    leases.fit_instead(wiring.engine(), claim.lease)
    return None
