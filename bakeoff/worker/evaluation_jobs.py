"""A job that is to score the predictions of an earlier evaluation.

A job of an evaluation: its candidate is fitted and scored in a cell, or earlier predictions are scored.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from bakeoff.cell.host.cell_client import WarmParent
from bakeoff.evaluation.datasets.snapshot import folder_of
from bakeoff.evaluation.jobs.cell_failure import Leave
from bakeoff.evaluation.jobs.evaluation_job import Scored, Verdict, examine, result_of
from bakeoff.evaluation.jobs.job_paths import JobPaths
from bakeoff.evaluation.jobs.rescore_outputs import are_there, rescore
from bakeoff.operations import process_context
from bakeoff.settings.configuration import Configuration
from bakeoff.store.bakeoffs import earlier_fits, leases
from bakeoff.store.bakeoffs.leases import Claim
from bakeoff.worker.job_kinds import Completed, Ending, grant_for
from bakeoff.worker.lease_monitor import LeaseMonitor

log = logging.getLogger(__name__)


def rescored(claim: Claim, places: JobPaths, *, leave: Leave) -> Verdict | None:
    """None when they are not there any more: it has to be fitted after all."""
    assert claim.job.reuses is not None  # noqa: S101 - such a job it is
    fit = earlier_fits.of_evaluation(process_context.engine(), claim.job.reuses)
    if fit is not None:
        stored = process_context.configuration().predictions_of(fit.result.run_id, fit.result.evaluation_id)
        theirs = replace(places, predictions=stored)
        if are_there(fit, theirs):
            return rescore(claim.job, claim.run, fit, places=theirs, leave=leave)
    log.warning("job %s is fitted: the predictions of %s are gone", claim.job.id, claim.job.reuses)
    leases.fit_instead(process_context.engine(), claim.lease)
    return None


def work(claim: Claim, watch: LeaseMonitor, warm: Callable[[], WarmParent]) -> Ending:
    began = time.monotonic()
    verdict = _examine(claim, watch, warm)
    if not isinstance(verdict, Scored):
        return verdict
    result = result_of(claim.job, claim.run, verdict, duration_s=time.monotonic() - began)
    return Completed(
        write=partial(
            leases.complete, process_context.engine(), claim.lease, result, verdict.fitted, verdict.provenance
        ),
        said=", ".join(map(_measured, result.metrics.items())),
    )


def _examine(claim: Claim, watch: LeaseMonitor, warm: Callable[[], WarmParent]) -> Verdict:
    places = _places(claim, process_context.configuration())
    if claim.job.reuses and (verdict := rescored(claim, places, leave=watch)) is not None:
        return verdict
    return examine(
        claim.job,
        claim.run,
        places=places,
        grant=grant_for(claim.job.candidate),
        warm=warm(),
        leave=watch,
    )


def _places(claim: Claim, configuration: Configuration) -> JobPaths:
    dataset, job = claim.run.dataset, claim.job
    return JobPaths(
        root=configuration.root,
        closed=configuration.secrets,
        snapshot=folder_of(configuration.snapshots, dataset.dataset_id, dataset.split_id),
        log=configuration.log_of(job.run_id, job.id),
        predictions=configuration.predictions_of(job.run_id, job.id),
        model=_model_file(claim, configuration),
    )


def _model_file(claim: Claim, configuration: Configuration) -> Path | None:
    """Called by the lease, so that a worker that comes back too late overwrites nothing."""
    run, job = claim.run, claim.job
    if run.save is None or job.candidate.id == run.baseline_id:
        return None
    return configuration.fitted_of(run.id, job.id) / f"{claim.lease.token}.pkl"


def _measured(metric: tuple[str, float | None]) -> str:
    name, value = metric
    return f"{name} undefined" if value is None else f"{name} {value:.4g}"
