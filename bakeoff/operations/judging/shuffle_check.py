"""The shuffle check of a candidate: up to ten refits to shuffled labels, in cells of an oven of their own.

The saver makes it before a run that asks for it (`shuffleCheck`) recommends a candidate, under the lease of
the verdict; `bakeoff judge --shuffle-check` makes it for any run that has its verdict. Each refit is kept
when it is scored, so whoever takes over from a process that died makes only what is left. What stops the
check (a candidate that fails, a machine without room, too little time) becomes a finding, and never costs the
verdict.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import BakeoffError, NotFoundError
from bakeoff.domain.finding import Finding, ShuffleCheck, with_accepted, worst_first
from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.result import Result, digest_of
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.domain.wording import listed, nearest, quoted
from bakeoff.evaluation.checks.shuffled_labels import REFITS, SLUGS, is_decided, shuffle_findings
from bakeoff.evaluation.temporary_oven import own_folder, own_oven
from bakeoff.operations.concurrency_caps_and_job_resources import grant_for
from bakeoff.operations.context import Context
from bakeoff.operations.judging.strict_and_fail_on_gates import is_strict, without_crown
from bakeoff.store.bakeoffs import job_queries
from bakeoff.store.bakeoffs.results import shuffled_refit_rows, verdict_rows

if TYPE_CHECKING:
    from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import EvaluationUnderWay

log = logging.getLogger(__name__)


def what_it_costs(context: Context) -> dict[str, Any]:
    """For plans, which are asked before anything is known of the winner."""
    return {
        "refits": REFITS,
        "refitsOnAverage": 2,  # 1 + 1/2 + 1/4 ...: the first at chance ends it, and half of them are below
        "secondsAtMost": context.configuration.settings.shuffle_check_timeout,
    }


def cost_in_words(cost: Mapping[str, Any]) -> str:
    return (
        f"the candidate that would be recommended is fitted to shuffled labels, too: "
        f"{cost['refitsOnAverage']} times on average, {cost['refits']} at most, within "
        f"{cost['secondsAtMost']:g} s"
    )


def check_shuffled(context: Context, run: Run, name: str, *, deaths: int = 0) -> ShuffleCheck:
    """The check of a candidate of the run. `deaths`: how many processes died that were to judge the run."""
    from bakeoff.operations.judging.refit_to_shuffled_labels import RefitError

    job = _job_of(context, run, name)
    made_of = digest_of([_evaluation(context, run, job, context.configuration.copies).parts_now()])
    scores = shuffled_refit_rows.scores_above_chance(context.engine, job.id, made_of=made_of)
    problem = ""
    if not is_decided(scores) and deaths >= verdict_rows.MOST_ATTEMPTS:  # it may be the check that kills
        problem = f"{deaths} processes that were to judge the run died"
    elif not is_decided(scores):
        try:
            _make_more(context, run, job, scores, made_of)
        except (BakeoffError, RefitError, OSError) as exc:
            problem = str(exc) or type(exc).__name__
            log.warning("run %s: the shuffle check of %s ends early: %s", run.id, name, problem)
    return ShuffleCheck(candidate=name, above_chance=tuple(scores), problem=problem)


def _make_more(context: Context, run: Run, job: Job, scores: list[float], made_of: str) -> None:
    """Adds to the scores that are there until they decide. RefitError when there can be no more."""
    from bakeoff.evaluation.conformance.check_candidate import PRELOADED
    from bakeoff.operations.judging.refit_to_shuffled_labels import RefitError, refit_to_shuffled_labels

    configuration = context.configuration
    longest_s = configuration.settings.shuffle_check_timeout
    until = time.monotonic() + longest_s
    with (
        own_folder(context.configuration, run.id) as folder,
        own_oven(context.configuration, preload=PRELOADED) as run_cell,
    ):
        while not is_decided(scores):
            place, left_s = len(scores), until - time.monotonic()
            if left_s <= 0:
                raise RefitError(f"its refits took longer than the {longest_s:g} s of shuffleCheckTimeout")
            timed = replace(job, timeout_s=min(job.timeout_s, left_s))
            evaluation = replace(
                _evaluation(context, run, timed, folder / str(place)), shuffled=place, is_part=True
            )
            score = refit_to_shuffled_labels(evaluation, run_cell)
            shuffled_refit_rows.keep(context.engine, job.id, place, score, made_of=made_of)
            scores.append(score)


def _evaluation(context: Context, run: Run, job: Job, folder: Path) -> "EvaluationUnderWay":
    from bakeoff.evaluation.datasets.snapshot_layout import folder_of
    from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import (
        EvaluationUnderWay,
        JobPaths,
        StopsNever,
    )

    configuration = context.configuration
    return EvaluationUnderWay(
        job=job,
        run=run,
        paths=JobPaths(
            root=configuration.root,
            closed=configuration.secrets,
            snapshot=folder_of(configuration.snapshots, run.dataset.dataset_id, run.dataset.split_id),
            log=configuration.log_of(run.id, "shuffled"),
            predictions=folder / "predictions.npy",
        ),
        grant=grant_for(job.candidate, context),
        permission=StopsNever(),
    )


def _job_of(context: Context, run: Run, name: str) -> Job:
    jobs = {job.candidate.id: job for job in job_queries.of_run(context.engine, run.id)}
    jobs.pop(run.baseline_id or "", None)  # it learns nothing, by design
    if name not in jobs:
        raise NotFoundError(
            f"run {run.name} has no candidate {quoted(name)} to check{nearest(name, jobs)}; "
            f"there are {listed(jobs)}"
        )
    if jobs[name].state is not JobState.COMPLETED:
        raise NotFoundError(f"{name} is {jobs[name].state} in run {run.name}: there is no score to check")
    return jobs[name]


def own_scores(run: Run, results: Sequence[Result]) -> dict[str, str]:
    """What each candidate has by the metric that ranks the run, in words."""
    metric = run.rules.metrics[0]
    return {
        one.model_id: f"{metric} {value:.4g}"
        for one in results
        if (value := one.metrics.get(metric)) is not None
    }


def check_later(context: Context, run: Run, name: str | None) -> tuple[RunVerdict, ShuffleCheck]:
    """Checks a candidate of a run that has its verdict, and writes what is found into the verdict.

    `name`: None for the one that is recommended.
    """
    verdict = verdict_rows.of_run(context.engine, run.id)
    if verdict is None:
        raise NotFoundError(f"run {run.name} has no verdict yet: `bakeoff show {run.id}` says how far it is")
    chosen = name or verdict.recommended
    if chosen is None:
        raise NotFoundError(f"run {run.name} recommends no candidate: name one with --model")
    check = check_shuffled(context, run, chosen)
    results = job_queries.results_of_run(context.engine, run.id)
    found = _accepted(context, run, shuffle_findings([check], own_scores(run, results)))

    def changed(before: RunVerdict) -> RunVerdict:
        others = [one for one in before.findings if not (one.slug in SLUGS and one.candidates == (chosen,))]
        after = replace(
            before,
            shuffled=(*(one for one in before.shuffled if one.candidate != chosen), check),
            findings=worst_first([*others, *found]),
        )
        has_crown = before.recommended is not None
        return without_crown(after) if has_crown and is_strict(context, run) else after

    return verdict_rows.change(context.engine, run.id, changed), check


def _accepted(context: Context, run: Run, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    dataset = context.configuration.settings.datasets.get(run.dataset.name)
    return with_accepted(findings, dataset.accepted if dataset else [])
