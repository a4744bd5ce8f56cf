"""A job of an evaluation: fit its candidate in a cell, or score the predictions of an earlier evaluation."""

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from bakeoff.domain.runs.job import Job, JobError, JobState
from bakeoff.domain.runs.result import FoldResult, Result
from bakeoff.domain.runs.run import Run
from bakeoff.evaluation.datasets.snapshot_layout import folder_of
from bakeoff.evaluation.jobs.accept_outputs import has_predictions_of
from bakeoff.evaluation.jobs.cell_failure import Faulty, Stopped
from bakeoff.evaluation.jobs.evaluation_job import (
    EvaluationEnd,
    RoundDone,
    Scored,
    evaluate_in_cell,
    rescore,
    result_of,
    with_own_metrics,
)
from bakeoff.evaluation.jobs.folds.evaluate_folds_in_turn import (
    EarlierFold,
    evaluate_folds,
    evaluate_one_fold,
    remove_parts,
)
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import EvaluationUnderWay, JobPaths
from bakeoff.settings.configuration import Configuration
from bakeoff.store.bakeoffs import job_queries, leased_jobs
from bakeoff.store.bakeoffs.queue.claims import Claim, NextClaim
from bakeoff.store.bakeoffs.results import earlier_fits, fold_rows, race_rows
from bakeoff.worker.jobs.job_at_work import Completed, Ending, JobAtWork, Waiting

log = logging.getLogger(__name__)

_WAIT_S = 0.2  #: between two looks at a fold that is at work elsewhere


def work(at_work: JobAtWork) -> Ending:
    if at_work.job.part_of is not None:
        return _work_on_fold(at_work, at_work.job.part_of)
    began = time.monotonic()
    evaluation = _under_way(at_work, at_work.job)
    end: EvaluationEnd | RoundDone | None = _rescored(evaluation, at_work) if at_work.job.reuses else None
    if end is None:
        end = _fitted(evaluation, at_work)
    if isinstance(end, RoundDone):
        title = evaluation.run.dataset.design.fold_title(end.folds - 1)
        return Waiting(summary=f"{title} is done, and the others are waited for")
    if not isinstance(end, Scored):
        return end
    result = result_of(evaluation, end, duration_s=time.monotonic() - began)
    return Completed(
        write=partial(_write, evaluation, at_work, result, end),
        summary=", ".join(
            f"{name} undefined" if value is None else f"{name} {value:.4g}"
            for name, value in result.metrics.items()
        ),
    )


def _under_way(at_work: JobAtWork, job: Job) -> EvaluationUnderWay:
    return EvaluationUnderWay(
        job=job,
        run=at_work.run,
        paths=_paths(at_work.claim, job, at_work.context.configuration),
        grant=at_work.grant,
        permission=at_work.monitor,
        metric_timeout_s=at_work.context.configuration.settings.metric_timeout,
        shared_cells=tuple(at_work.context.configuration.settings.shared_cells),
    )


def _work_on_fold(at_work: JobAtWork, whole_id: str) -> Ending:
    """A fold that is a job of its own. Its files are those of the whole, which joins them."""
    engine, place = at_work.context.engine, at_work.job.place
    assert place is not None  # noqa: S101 - a part of a job has one
    title = at_work.run.dataset.design.fold_title(place)
    if fold_rows.failed_job(engine, whole_id) is not None:  # the whole will fail, whatever this fold gives
        return Completed(
            write=lambda _: leased_jobs.cancel(engine, at_work.lease),
            summary=f"{title} is not fitted, since another fold has failed",
        )
    whole = replace(job_queries.get(engine, whole_id), attempt=at_work.job.attempt)
    evaluation = _under_way(at_work, whole)

    def fit(part: EvaluationUnderWay) -> EvaluationEnd:
        return evaluate_in_cell(part, at_work.warm_parent())

    end = evaluate_one_fold(evaluation, place, fit, _FoldsInDatabase(at_work, whole=whole))
    if end is None or isinstance(end, FoldResult):
        return Completed(write=partial(leased_jobs.complete_part, engine, at_work.lease), summary=title)
    return end


def _fitted(evaluation: EvaluationUnderWay, at_work: JobAtWork) -> EvaluationEnd | RoundDone:
    def fit(part: EvaluationUnderWay) -> EvaluationEnd:
        return evaluate_in_cell(part, at_work.warm_parent())

    if evaluation.run.dataset.design.fits == 1:
        end: EvaluationEnd | RoundDone = fit(evaluation)
    else:
        end = evaluate_folds(evaluation, fit, _FoldsInDatabase(at_work))
    if isinstance(end, RoundDone):
        return end
    return with_own_metrics(end, evaluation, at_work.warm_parent)


class _FoldsInDatabase:
    """`whole`: the job whose folds these are, where the one at work fits one of them alone."""

    def __init__(self, at_work: JobAtWork, *, whole: Job | None = None) -> None:
        self._at_work = at_work
        self._whole = whole or at_work.job

    def present(self) -> Mapping[int, FoldResult]:
        return fold_rows.of_job(self._at_work.context.engine, self._whole.id)

    def elsewhere(self, place: int) -> FoldResult | Faulty | Stopped | None:
        """A fold that is queued again, since its worker died or stopped, is taken back: with one slot, nobody
        else would ever begin it.

        Whichever fold has failed is the end of the whole. Others may not have been fitted for that reason.
        """
        at_work, engine = self._at_work, self._at_work.context.engine
        while at_work.run.spreads:
            failed = fold_rows.failed_job(engine, self._whole.id)
            if failed is not None and failed.error is not None:
                error = _of_fold(failed.error, at_work.run, failed.place)
                return Faulty(state=failed.state, error=error)
            part = fold_rows.job_at(engine, self._whole.id, place)
            if part is None or part.state is JobState.CANCELLED:
                break
            if part.state is JobState.COMPLETED:
                return self.present().get(place)
            if part.state is JobState.QUEUED and leased_jobs.take_part(engine, at_work.lease, part.job_id):
                break
            if not at_work.monitor.may_go_on():
                return Stopped()
            time.sleep(_WAIT_S)
        return None

    def earlier(self, place: int) -> Iterator[EarlierFold]:
        """In a run that reuses nothing, only those of the run that it repeats."""
        at_work = self._at_work
        run, configuration = at_work.run, at_work.context.configuration
        for one in fold_rows.of_candidate(at_work.context.engine, self._whole, run, place):
            if not run.options.get("fresh") or one.run_id == run.retry_of:
                whole = configuration.predictions_of(one.run_id, one.job_id)
                yield EarlierFold(fold=one.fold, predictions=whole)

    def keep(self, fold: FoldResult, sketch: bytes | None) -> bool:
        at_work = self._at_work
        design = at_work.run.dataset.design
        whole = None if self._whole is at_work.job else self._whole.id
        return at_work.monitor.insist(
            partial(fold_rows.keep, at_work.context.engine, at_work.lease, design, fold, sketch, of=whole)
        )

    def goal(self) -> int:
        run, design = self._at_work.run, self._at_work.run.dataset.design
        if not run.is_race or self._at_work.job.candidate.id == run.baseline_id:
            return design.fits
        looks = race_rows.looks(self._at_work.context.engine, run.id)
        return design.fits if looks and looks[-1].is_last else len(looks) + 1


def _of_fold(error: JobError, run: Run, place: int) -> JobError:
    """What the fold itself did not say, such as that its worker died, begins with its title."""
    title = f"{run.dataset.design.fold_title(place)}: "
    return replace(error, message=f"{title}{error.message.removeprefix(title)}")


def _write(
    evaluation: EvaluationUnderWay,
    at_work: JobAtWork,
    result: Result,
    end: Scored,
    then: NextClaim | None,
) -> bool:
    """Writes the end. Only then the files of single folds go: a worker that dies before needs them."""
    is_written = leased_jobs.complete(
        at_work.context.engine,
        at_work.lease,
        result,
        end.fitted,
        end.provenance,
        sketches={metric: sketch.to_bytes() for metric, sketch in end.scores.sketches.items()},
        curves=end.scores.curves,
        then=then,
    )
    if is_written:
        remove_parts(evaluation)
    return is_written


def _rescored(evaluation: EvaluationUnderWay, at_work: JobAtWork) -> EvaluationEnd | None:
    """Scores earlier predictions again. None if they are gone: then the candidate has to be fitted."""
    engine, job = at_work.context.engine, at_work.job
    assert job.reuses is not None  # noqa: S101 - the caller has checked it
    fit = earlier_fits.of_evaluation(engine, job.reuses)
    if fit is not None:
        stored = at_work.context.configuration.predictions_of(fit.result.run_id, fit.result.evaluation_id)
        earlier = replace(evaluation.paths, predictions=stored)
        if has_predictions_of(fit, earlier):
            evaluation = replace(evaluation, paths=earlier)
            return with_own_metrics(rescore(evaluation, fit), evaluation, at_work.warm_parent)
    log.warning("job %s is fitted: the predictions of %s are gone", job.id, job.reuses)
    leased_jobs.fit_instead(engine, at_work.lease)
    return None


def _paths(claim: Claim, job: Job, configuration: Configuration) -> JobPaths:
    dataset = claim.run.dataset
    return JobPaths(
        root=configuration.root,
        closed=configuration.secrets,
        snapshot=folder_of(configuration.snapshots, dataset.dataset_id, dataset.split_id),
        log=configuration.log_of(job.run_id, job.id),
        predictions=configuration.predictions_of(job.run_id, job.id),
        model=_model_file(claim, job, configuration),
        model_limit_mb=configuration.settings.model_registry.model_limit_mb,
    )


def _model_file(claim: Claim, job: Job, configuration: Configuration) -> Path | None:
    """The file for the fitted model; None when the model is not wanted.

    It is named after the lease, so a worker that lost its lease cannot overwrite the file of its successor.
    """
    run = claim.run
    if run.save is None or job.candidate.id == run.baseline_id:
        return None
    return configuration.fitted_of(run.id, job.id) / f"{claim.lease.token}.pkl"
