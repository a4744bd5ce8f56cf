"""A job of an evaluation: fit its candidate in a cell, or score the predictions of an earlier evaluation."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from bakeoff.cell.host.cell_client import WarmParent
from bakeoff.evaluation.datasets.snapshot_layout import folder_of
from bakeoff.evaluation.jobs.accept_outputs import has_predictions_of
from bakeoff.evaluation.jobs.evaluation_job import (
    EvaluationEnd,
    Scored,
    evaluate_in_cell,
    rescore,
    result_of,
)
from bakeoff.evaluation.jobs.evaluation_under_way import EvaluationUnderWay, JobPaths
from bakeoff.operations import process_context
from bakeoff.settings.configuration import Configuration
from bakeoff.store.bakeoffs import earlier_fits, leases
from bakeoff.store.bakeoffs.leases import Claim
from bakeoff.worker.job_kinds import Completed, Ending, grant_for
from bakeoff.worker.lease_monitor import LeaseMonitor

log = logging.getLogger(__name__)


def work(claim: Claim, watch: LeaseMonitor, warm: Callable[[], WarmParent]) -> Ending:
    began = time.monotonic()
    evaluation = EvaluationUnderWay(
        job=claim.job,
        run=claim.run,
        paths=_paths(claim, process_context.configuration()),
        grant=grant_for(claim.job.candidate),
        permission=watch,
    )
    end = _rescored(evaluation, claim) if claim.job.reuses else None
    if end is None:
        end = evaluate_in_cell(evaluation, warm())
    if not isinstance(end, Scored):
        return end
    result = result_of(evaluation, end, duration_s=time.monotonic() - began)
    return Completed(
        write=partial(
            leases.complete, process_context.engine(), claim.lease, result, end.fitted, end.provenance
        ),
        said=", ".join(map(_measured, result.metrics.items())),
    )


def _rescored(evaluation: EvaluationUnderWay, claim: Claim) -> EvaluationEnd | None:
    """None when the earlier predictions are gone: then the candidate has to be fitted after all."""
    assert claim.job.reuses is not None  # noqa: S101 - the caller has checked it
    fit = earlier_fits.of_evaluation(process_context.engine(), claim.job.reuses)
    if fit is not None:
        stored = process_context.configuration().predictions_of(fit.result.run_id, fit.result.evaluation_id)
        earlier = replace(evaluation.paths, predictions=stored)
        if has_predictions_of(fit, earlier):
            return rescore(replace(evaluation, paths=earlier), fit)
    log.warning("job %s is fitted: the predictions of %s are gone", claim.job.id, claim.job.reuses)
    leases.fit_instead(process_context.engine(), claim.lease)
    return None


def _paths(claim: Claim, configuration: Configuration) -> JobPaths:
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
    """Named by the lease, so that a worker that comes back too late overwrites nothing."""
    run, job = claim.run, claim.job
    if run.save is None or job.candidate.id == run.baseline_id:
        return None
    return configuration.fitted_of(run.id, job.id) / f"{claim.lease.token}.pkl"


def _measured(metric: tuple[str, float | None]) -> str:
    name, value = metric
    return f"{name} undefined" if value is None else f"{name} {value:.4g}"
