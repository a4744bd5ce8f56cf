"""Starting runs: a run and its jobs are written in one transaction, and only then doorbells are sent.

If the process is killed before the transaction, there is no run; if after it, the sweep sends the doorbells.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import ConflictError, InvalidInputError
from bakeoff.domain.ids_and_times import new_id, parse_id, utc_now
from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.result import Parts, Result, fingerprint
from bakeoff.domain.runs.run import Run, RunState
from bakeoff.domain.signal import SignalJobInputs
from bakeoff.domain.wording import counted, listed, quoted
from bakeoff.evaluation.datasets import snapshot_store
from bakeoff.evaluation.datasets.snapshot_layout import folder_of
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from bakeoff.evaluation.planning.run_plan import Plan, make_plan
from bakeoff.evaluation.reuse.job_provenance import parts_of
from bakeoff.evaluation.reuse.reuse_plan import Past, Prospect, Way, longest_first, prospect_of
from bakeoff.operations import doorbells
from bakeoff.operations.context import Context
from bakeoff.operations.judging.judge_ended_runs import judge_run
from bakeoff.settings import log_setup
from bakeoff.store.bakeoffs import job_queries, run_rows
from bakeoff.store.bakeoffs.results import earlier_fits
from bakeoff.store.database import schema_version
from registry.code.candidate_code import class_modules, code_at
from registry.code.library_versions import cell_environment

log = logging.getLogger(__name__)


def start_run(context: Context, request: RunRequest, *, digest: str | None = None) -> str:
    """Returns the id of the run. Its jobs start as soon as there are a worker and a broker.

    `digest` is kept with a new run. If a run of this id exists, the caller compares its digest.
    """
    schema_version.ensure(context.engine)
    run_id = parse_id(request.run_id) if request.run_id else new_id()
    if request.run_id and run_rows.exists(context.engine, run_id):
        return run_id
    plan = make_plan(
        request, catalog=context.catalog, configuration=context.configuration, pin=context.pin_cache.pin
    )
    start_planned(context, plan, run_id=run_id, name=request.name, digest=digest)
    return run_id


def start_planned(
    context: Context, plan: Plan, *, run_id: str, name: str | None = None, digest: str | None = None
) -> Sequence[Prospect]:
    """Writes the planned run. Returns what becomes of each candidate, in the order in which they start."""
    run = run_of(plan, run_id=run_id, name=name, digest=digest)
    return write_and_ring(context, run, plan.candidates, fresh=plan.spec.fresh)


def write_and_ring(
    context: Context, run: Run, candidates: Sequence[Candidate], *, fresh: bool
) -> Sequence[Prospect]:
    """Decide for each candidate whether to fit it, score earlier predictions again, or reuse a result."""
    prospects = longest_first(prospects_of(context, run, candidates, fresh=fresh))
    queued, reused = [], []
    for position, prospect in enumerate(prospects):
        job = job_of(context, run, prospect.candidate, position)
        if prospect.fit is None:
            queued.append(job)
        elif prospect.way is Way.SCORE:
            queued.append(replace(job, reuses=prospect.fit.result.evaluation_id))
        else:
            reused.append(_taken_over(job, prospect.fit.result, run))
    if write_run(context, run, queued, reused):
        doorbells.ring_next(context)
    return prospects


def prospects_of(
    context: Context, run: Run, candidates: Sequence[Candidate], *, fresh: bool = False
) -> list[Prospect]:
    """What becomes of each candidate, in their order. `fresh`: each is fitted, whatever was fitted before."""
    root, present = context.configuration.root.resolve(), cell_environment()
    parts = _parts_of(run, candidates, root, present)
    digests = {model_id: fingerprint(its) for model_id, its in parts.items()}
    fits = {} if fresh else earlier_fits.with_fingerprints(context.engine, set(digests.values()))
    unknown = {model_id for model_id, digest in digests.items() if digest not in fits}
    families = {candidate.family for candidate in candidates if candidate.family}
    latest = earlier_fits.latest_of(context.engine, unknown | families)
    alike = {family: latest[family] for family in families if family in latest}
    for candidate in candidates:  # any member that was fitted tells about how long the others take
        known = fits.get(digests[candidate.id], ())
        if candidate.family and (known or candidate.id in latest):
            alike.setdefault(candidate.family, known[0] if known else latest[candidate.id])
    return [
        prospect_of(
            candidate,
            run,
            Past(
                parts=parts[candidate.id],
                surroundings=present,
                fits=fits.get(digests[candidate.id], ()),
                latest=latest.get(candidate.id),
                alike=alike.get(candidate.family or ""),
                fresh=fresh,
            ),
            root=root,
        )
        for candidate in candidates
    ]


def _parts_of(
    run: Run, candidates: Sequence[Candidate], root: Path, present: Mapping[str, str]
) -> dict[str, Parts]:
    """The parts of the fingerprint by id of the candidate. A class of several candidates is read once."""
    places = {candidate.id: class_modules(candidate) for candidate in candidates}
    codes = {place: code_at(place, root=root) for place in set(places.values())}
    return {
        candidate.id: parts_of(
            candidate,
            dataset=run.dataset,
            seed=run.seed,
            code=codes[places[candidate.id]],
            surroundings=present,
        )
        for candidate in candidates
    }


def write_run(
    context: Context, run: Run, queued: Sequence[Job], reused: Sequence[tuple[Job, Result]] = ()
) -> bool:
    """False when a run of this id was there already."""
    data = run.dataset
    folder = folder_of(context.configuration.snapshots, data.dataset_id, data.split_id)
    in_order = with_folds(run.dataset.design.fits, queued) if run.spreads else queued
    with snapshot_store.held(folder):  # else `bakeoff gc` could remove the snapshot before the run cites it
        written = run_rows.create(context.engine, run, in_order, reused)
    if written:
        with log_setup.with_ids(runId=run.id):
            log.info("%s begins: %s on %s", run.name, counted(len(queued), "job"), data.name)
        if not queued:  # all results are reused: the run has ended without a worker, so it is judged here
            judge_run(context, run.id)
    return written


def with_folds(fits: int, queued: Sequence[Job]) -> list[Job]:
    """The jobs with a job for each of their folds, in the order in which they start.

    A job joins its folds, and would hold a slot while it waits for them: so the folds of the next job come
    before it. What scores earlier predictions again has no folds to fit.
    """
    in_order: list[Job] = []
    before: Job | None = None
    for job in queued:
        if job.reuses is None:
            in_order += [replace(job, id=new_id(), part_of=job.id, place=place) for place in range(fits)]
        in_order += [before] if before is not None else []
        before = job
    in_order += [before] if before is not None else []
    return [replace(job, position=position) for position, job in enumerate(in_order)]


def unwritten_run(
    context: Context, plan: Plan, *, run_id: str, name: str | None = None
) -> tuple[Run, list[Job]]:
    """A run and its jobs that are not written to the database. All candidates are to be fitted."""
    run = run_of(plan, run_id=run_id, name=name)
    jobs = [job_of(context, run, candidate, position) for position, candidate in enumerate(plan.candidates)]
    return run, jobs


def run_of(plan: Plan, *, run_id: str, name: str | None = None, digest: str | None = None) -> Run:
    return Run(
        id=run_id,
        name=name or f"{plan.dataset.name}-{run_id[:8]}",
        state=RunState.QUEUED,
        dataset=plan.dataset,
        rules=plan.rules,
        seed=plan.seed,
        test_size=plan.test_size,
        baseline_id=plan.baseline_id,
        repeat_check=plan.spec.repeat_check,
        options=plan.spec.other_options(),
        save=plan.save,
        request_digest=digest,
        priority=plan.spec.priority,
        findings=plan.findings,
        created_at=utc_now(),
    )


def job_of(
    context: Context,
    run: Run,
    candidate: Candidate,
    position: int,
    signal_inputs: SignalJobInputs | None = None,
) -> Job:
    """`signal_inputs`: what a signal model gets; None for an evaluation."""
    settings = context.configuration.settings
    return Job(
        id=new_id(),
        run_id=run.id,
        kind=run.kind,
        candidate=candidate,
        state=JobState.QUEUED,
        attempt=0,
        max_attempts=settings.max_attempts,
        timeout_s=candidate.timeout_s or settings.evaluation_timeout,
        position=position,
        signal_inputs=signal_inputs,
        created_at=run.created_at,
    )


def retry(
    context: Context,
    run_id: str,
    *,
    as_id: str | None = None,
    digest: str | None = None,
    models: Collection[str] | None = None,
) -> str:
    """Starts a new run of the same candidates on the same snapshot; results that exist are reused.

    `as_id`: the id of the new run, from a caller whose requests may be repeated: there is only one such run.
    `models`: of the candidates without a result, only these; the others are left out. None: all of them.
    """
    engine = context.engine
    if as_id is not None and run_rows.exists(engine, as_id):
        return as_id
    before = run_rows.get(engine, run_id)
    if not before.state.has_ended:
        raise ConflictError(f"run {run_id} is {before.state}: wait for its end, or `bakeoff cancel` it first")
    if before.state is RunState.COMPLETED:
        raise ConflictError(
            f"all candidates of run {run_id} have a result, so nothing is left to retry: "
            "`bakeoff run` evaluates them anew"
        )
    finished = {result.evaluation_id: result for result in job_queries.results_of_run(engine, run_id)}
    again = replace(
        before,
        id=as_id or new_id(),
        state=RunState.QUEUED,
        retry_of=before.id,
        request_digest=digest,
        created_at=utc_now(),
        started_at=None,
        ended_at=None,
    )
    old_jobs = job_queries.of_run(engine, run_id)
    if models is not None:
        _refuse_what_is_not_to_retry(models, [job for job in old_jobs if job.id not in finished], run_id)
        old_jobs = [job for job in old_jobs if job.id in finished or job.candidate.id in models]
    queued = _queued_again(context, again, [job for job in old_jobs if job.id not in finished])
    reused = [
        _taken_over(
            job_of(context, again, job.candidate, job.position, job.signal_inputs), finished[job.id], again
        )
        for job in old_jobs
        if job.id in finished
    ]
    write_run(context, again, queued, reused)
    doorbells.ring_next(context)
    return again.id


def _refuse_what_is_not_to_retry(models: Collection[str], open_jobs: Sequence[Job], run_id: str) -> None:
    retried = [job.candidate.id for job in open_jobs]
    if not models:
        raise InvalidInputError(f"no candidate to retry is named: there are {listed(retried)}")
    for model in models:
        if model not in retried:
            raise InvalidInputError(
                f"{quoted(model)} is no candidate of run {run_id} without a result: "
                f"there are {listed(retried)}"
            )


def _queued_again(context: Context, run: Run, old: Sequence[Job]) -> list[Job]:
    """The repeated jobs. Signal models get the models that are saved now: one may be newly trained."""
    if run.signals is None:
        return [job_of(context, run, job.candidate, job.position) for job in old]
    models = [job.candidate for job in old]
    from bakeoff.evaluation.signals.signal_run_plan import inputs_by_model

    found = inputs_by_model(models, run.dataset, run.signals.as_of, context.configuration)
    return [job_of(context, run, job.candidate, job.position, found[job.candidate.id]) for job in old]


def _taken_over(job: Job, result: Result, run: Run) -> tuple[Job, Result]:
    """The result as a result of this run, with its candidate and metrics.

    It may come from another candidate with the same code, and may have more metrics.
    """
    taken = replace(
        result,
        evaluation_id=job.id,
        run_id=run.id,
        model_id=job.candidate.id,
        model_version=job.candidate.version,
        dataset_name=run.dataset.name,
        metrics={name: result.metrics[name] for name in run.rules.metrics},
        timestamp=run.created_at,
        attempt=0,
        reused_from=result.reused_from or result.evaluation_id,
    )
    return replace(job, state=JobState.COMPLETED, ended_at=run.created_at), taken
