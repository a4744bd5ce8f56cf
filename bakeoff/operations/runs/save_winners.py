"""Saving the winners: the fitted models of a run go to the registry, and the best one is promoted.

The saver process calls `save_due_models`. Each step first checks whether it was done before: a version is
found by the evaluation that it comes from, a promotion by its entry in the log. So a saver that takes over
from one that died continues its work.
"""

import logging
import shutil
from contextlib import suppress

from bakeoff.domain.errors import InvalidInputError, TamperedError
from bakeoff.domain.machine.work_in_thread import StoppedError
from bakeoff.domain.model_version import ModelVersion, Stage, VersionFilter
from bakeoff.domain.runs.job import Job
from bakeoff.domain.runs.model_saving import NotSaved, PromotionOutcome, Saved, SaveRequest, SavingOutcome
from bakeoff.domain.runs.result import FittedModel, Result
from bakeoff.domain.runs.run import Run
from bakeoff.evaluation.reports.models_to_save import Selection, description_of, select
from bakeoff.operations.context import Context
from bakeoff.operations.production.promotion_evidence import evidence_in
from bakeoff.operations.upkeep.work_under_lease import work_while_leased
from bakeoff.settings import log_setup
from bakeoff.settings.registry_settings import PromotionSettings
from bakeoff.store.bakeoffs import job_queries, run_rows, saving_rows, schedule_slots
from bakeoff.store.bakeoffs.results import verdict_rows
from bakeoff.store.bakeoffs.row_lease import RowLease
from registry.models.promotion import GateError, promote_once
from registry.models.registry_interface import BaseModelRegistry, Fitted
from registry.models.registry_opening import open_registry

log = logging.getLogger(__name__)


def save_due_models(context: Context) -> None:
    """Called in a process of its own, which must end on StoppedError, so that its threads end, too."""
    for run_id in saving_rows.due(context.engine):
        lease = saving_rows.take(context.engine, run_id, lease_s=_lease_s(context))
        if lease is not None:
            with log_setup.with_ids(runId=run_id):
                _save_under_lease(context, run_id, lease)


def _save_under_lease(context: Context, run_id: str, lease: RowLease) -> None:
    try:
        outcome = work_while_leased(
            lambda: _save_run(context, run_id),
            lease,
            lease_s=_lease_s(context),
            name=f"the saving of run {run_id}",
        )
    except StoppedError:
        raise
    except Exception as exc:
        log.warning("run %s: its models are saved later, in %d s", run_id, lease.pause_s, exc_info=exc)
        error = SavingOutcome(error=str(exc) or type(exc).__name__)
        saving_rows.postpone(lease, error, by_s=lease.pause_s)
    else:
        saving_rows.finish(lease, outcome)
        saved = ", ".join(one.uri for one in outcome.saved) or "nothing"
        log.info("run %s: saved %s: %s", run_id, saved, outcome.remark)


def _lease_s(context: Context) -> float:
    return context.configuration.settings.lease_seconds


def _save_run(context: Context, run_id: str) -> SavingOutcome:
    """Saves the models of a run, then removes their files, except those of models that could not be saved."""
    run = run_rows.get(context.engine, run_id)
    assert run.save is not None  # noqa: S101 - no saving is begun for other runs
    results = job_queries.results_of_run(context.engine, run.id)
    verdict = verdict_rows.of_run(context.engine, run.id)
    selection = select(run, results, run.save.policy, verdict)
    outcome = _outcome(context, run, selection, run.save)
    _clear_away(context, run, outcome)
    return outcome


def _outcome(context: Context, run: Run, selection: Selection, request: SaveRequest) -> SavingOutcome:
    if not selection.wanted:
        return SavingOutcome(remark=selection.remark)
    registry = open_registry(context.configuration)
    outcomes = {
        result.evaluation_id: _save(context, registry, run, result, request.name)
        for result in selection.wanted
    }
    best = outcomes.get(selection.best.evaluation_id) if selection.best else None
    return SavingOutcome(
        saved=tuple(one for one in outcomes.values() if isinstance(one, Saved)),
        not_saved=tuple(one for one in outcomes.values() if isinstance(one, NotSaved)),
        promotion=_promote(context, registry, best, run) if isinstance(best, Saved) else None,
        remark=selection.remark,
    )


def _save(
    context: Context, registry: BaseModelRegistry, run: Run, result: Result, name: str
) -> Saved | NotSaved:
    job = job_queries.get(context.engine, result.reused_from or result.evaluation_id)
    try:
        found = _find(registry, job) or _find_same(context, registry, run, result, name)
        version = found or _add(context, registry, result, job, name)
    except (_NothingToSaveError, InvalidInputError, TamperedError) as exc:
        return NotSaved(candidate=job.candidate.id, evaluation_id=job.id, reason=str(exc))
    return Saved(
        candidate=job.candidate.id,
        run_id=version.origin.run_id or job.run_id,
        evaluation_id=version.origin.evaluation_id or job.id,
        name=version.name,
        version=version.version,
        # What an earlier try of this saving has added, before it was killed, is found as well.
        already=found is not None and found.origin.run_id != run.id,
    )


def _find(registry: BaseModelRegistry, job: Job) -> ModelVersion | None:
    """The version that was saved from this job before."""
    return next(
        (v for v in registry.versions(VersionFilter(run_id=job.run_id)) if v.origin.evaluation_id == job.id),
        None,
    )


def _find_same(
    context: Context, registry: BaseModelRegistry, run: Run, result: Result, name: str
) -> ModelVersion | None:
    """The undamaged version that has the same model, if a schedule started the run.

    A schedule fits the same candidates again each night, though nothing may have changed. Who starts a run by
    hand and has its winner saved gets the version that was asked for.
    """
    left = job_queries.fitted_in(context.engine, result.evaluation_id)
    if not isinstance(left, FittedModel) or schedule_slots.schedule_of(context.engine, run.id) is None:
        return None
    for version in registry.versions(VersionFilter(name=name, dataset_id=run.dataset.dataset_id)):
        fitted = (version.digest, version.origin.split_id, version.origin.candidate_id, version.metrics)
        if fitted == (left.digest, run.dataset.split_id, result.model_id, result.metrics):
            with suppress(TamperedError):
                registry.verify(version.id)
                return version
    return None


class _NothingToSaveError(Exception):
    """There is no fitted model."""


def _add(context: Context, registry: BaseModelRegistry, result: Result, job: Job, name: str) -> ModelVersion:
    left = job_queries.fitted_in(context.engine, job.id)
    if not isinstance(left, FittedModel):
        raise _NothingToSaveError(left.problem if left else "it was fitted in a run that saves no models")
    folder = context.configuration.fitted_of(job.run_id, job.id)
    if not (folder / left.file).is_file():
        raise _NothingToSaveError("its fitted model was not kept: evaluate it in a new run to save it")
    fitted = Fitted(
        model=folder / left.file,
        model_digest=left.digest,
        preprocessor=None if left.preprocessor is None else folder / left.preprocessor,
        preprocessor_digest=left.preprocessor_digest,
    )
    return registry.get(registry.save_fitted(fitted, name, description_of(result, job, left)))


def _promote(
    context: Context, registry: BaseModelRegistry, saved: Saved, run: Run
) -> PromotionOutcome | None:
    policy = _policy(context, run)
    if policy.stage is None:
        return None
    try:
        line = promote_once(
            registry,
            saved.uri,
            policy=policy,
            root=context.configuration.root,
            stage=Stage(policy.stage),
            by="bakeoff run",
            reason=f"recommended in {run.name}",
            evidence_of=evidence_in(context, first=run.id),
            strict=context.configuration.settings.strict,
        )
    except (GateError, TamperedError) as exc:
        reason = "; ".join(gate.reason for gate in exc.failed) if isinstance(exc, GateError) else str(exc)
        return PromotionOutcome(version=saved.version, stage=policy.stage, promoted=False, reason=reason)
    present = registry.get(saved.uri).stage
    if present != policy.stage:
        reason = f"it has been in {policy.stage} before, and is in {present} by now"
        return PromotionOutcome(version=saved.version, stage=policy.stage, promoted=False, reason=reason)
    return PromotionOutcome(
        version=saved.version,
        stage=policy.stage,
        promoted=True,
        replaced=line.replaced,
        failed_hooks=tuple(
            f"{said['hook']}: {said['reason']}"
            for said in line.evidence.get("hooks", ())
            if not said["passed"]
        ),
    )


def _policy(context: Context, run: Run) -> PromotionSettings:
    """That of the schedule which started the run, if it has one of its own."""
    settings = context.configuration.settings
    schedule = settings.scheduled.get(schedule_slots.schedule_of(context.engine, run.id) or "")
    return (schedule and schedule.promotion) or settings.model_registry.promotion


def _clear_away(context: Context, run: Run, outcome: SavingOutcome) -> None:
    kept = {one.evaluation_id for one in outcome.not_saved}
    fitted_here = {(run.id, job.id) for job in job_queries.of_run(context.engine, run.id)}
    fitted_earlier = {(one.run_id, one.evaluation_id) for one in outcome.saved}
    for run_id, job_id in fitted_here | fitted_earlier:
        if job_id not in kept:
            folder = context.configuration.fitted_of(run_id, job_id)
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # of another job something is left
                folder.parent.rmdir()
