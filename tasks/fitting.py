"""A job of an evaluation: its candidate is fitted and scored in a cell, or earlier predictions are scored."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cell.client import WarmParent
from config.loading import Configuration
from evaluation.data.snapshot import folder_of
from evaluation.examine import Scored, Verdict, examine, result_of
from evaluation.places import Places
from store import leases
from store.leases import Claim
from tasks import wiring
from tasks.rescoring import rescored
from tasks.watch import Watch
from tasks.work import Completed, Ending, grant_for


def work(claim: Claim, watch: Watch, warm: Callable[[], WarmParent]) -> Ending:
    began = time.monotonic()
    verdict = _examine(claim, watch, warm)
    if not isinstance(verdict, Scored):
        return verdict
    result = result_of(claim.job, claim.run, verdict, duration_s=time.monotonic() - began)
    return Completed(
        write=partial(
            leases.complete, wiring.engine(), claim.lease, result, verdict.fitted, verdict.provenance
        ),
        said=", ".join(map(_measured, result.metrics.items())),
    )


def _examine(claim: Claim, watch: Watch, warm: Callable[[], WarmParent]) -> Verdict:
    places = _places(claim, wiring.configuration())
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


def _places(claim: Claim, configuration: Configuration) -> Places:
    dataset, job = claim.run.dataset, claim.job
    return Places(
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
