"""Judge runs that have ended: what can be said about their candidates, and how surely.

The process that ends the last job of a run judges it at once. If that process dies before, the run stays due:
the saver process judges it, or a process that is to show it. The verdict follows from stored sketches by
fixed draws, so every process would compute the same one. It is computed once.

A run that saves its models is judged by the saver, and by nobody else: its candidates are compared with the
version in Production, which takes the registry and a cell. So is a run that asks for the shuffle check, whose
refits take cells, too.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from bakeoff.domain.finding import Finding, blocking, with_accepted, worst_first
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.machine.work_in_thread import StoppedError
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.result import Result
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import RunVerdict, SplitReuse
from bakeoff.operations.conformance.conformance_report_store import findings_of_checks
from bakeoff.operations.context import Context
from bakeoff.operations.judging.kept_predictions import sketch_what_has_none
from bakeoff.operations.judging.race_rounds import with_stopped
from bakeoff.operations.judging.testset_reuse import SpentRows, with_use_of_split
from bakeoff.operations.judging.verdict_conditions import is_strict, without_crown
from bakeoff.operations.upkeep.work_under_lease import work_while_leased
from bakeoff.settings import log_setup
from bakeoff.store.bakeoffs import job_queries, run_rows
from bakeoff.store.bakeoffs.results import race_rows, verdict_rows
from bakeoff.store.bakeoffs.row_lease import RowLease

if TYPE_CHECKING:
    from bakeoff.evaluation.statistics.reach_verdict import JudgedCandidate
    from bakeoff.operations.production.ask_production import ProductionAnswer

log = logging.getLogger(__name__)

_PAUSE_S = 0.05
#: The worker at which a run ends judges it at once, and has loaded what that takes; others let it go first.
_WORKER_FIRST = timedelta(seconds=0.3)

#: For a display: fewer than a verdict takes, which is quicker and nearly the same.
_DRAWS_SO_FAR = 2000

#: What Production predicts for the test rows of a run; None where there is nothing to compare with.
Ask = Callable[[Context, Run, RowLease], "ProductionAnswer | None"]


def judge_what_is_due(context: Context) -> int:
    """Judges due runs, except those that save models, which the saver judges. Returns how many."""
    return sum(judge_run(context, run_id) for run_id in verdict_rows.due(context.engine))


def judge_run(context: Context, run_id: str) -> bool:
    """False when it is judged already, has not ended, is left to the saver, or is being judged elsewhere."""
    run = run_rows.get(context.engine, run_id)
    if run.save is not None or run.wants_shuffle_check:
        return False
    try:
        return _judge_alone(context, run_id, lambda *_: None)
    except StoppedError:  # its thread goes on, and writes no verdict; a worker must not end for it
        log.warning("run %s is left to another process, which judges it", run_id)
        return False


def judge_beside_production(context: Context, run_id: str) -> bool:
    """The same for a run that is left to the saver, whose process must end on StoppedError."""
    from bakeoff.operations.production.ask_production import ask_production

    return _judge_alone(context, run_id, ask_production)


def wait_for_verdict(context: Context, run_id: str, *, patience_s: float = 10.0) -> RunVerdict | None:
    """The verdict of a run that has ended; judged here if nobody else does. None if there is none.

    `patience_s`: how long a run may be due before this stops waiting for the saver. While a process judges
    the run, it is not due.
    """
    patience = timedelta(seconds=patience_s)
    while (due_at := verdict_rows.pending_since(context.engine, run_id)) is not None:
        since = utc_now() - due_at
        if (since > _WORKER_FIRST and judge_run(context, run_id)) or since > patience:
            break
        time.sleep(_PAUSE_S)  # the process that judges it needs a fraction of a second, the saver a few
    return verdict_rows.of_run(context.engine, run_id) or judge_old_run(context, run_id)


def _judge_alone(context: Context, run_id: str, ask: Ask) -> bool:
    lease_s = context.configuration.settings.lease_seconds
    lease = verdict_rows.take(context.engine, run_id, lease_s=lease_s)
    if lease is None:
        return False
    with log_setup.with_ids(runId=run_id):
        return _judge(context, run_id, lease, ask)


def judge_old_run(context: Context, run_id: str) -> RunVerdict | None:
    """Judges a run that ended before there were verdicts. None if it has not ended, or has its verdict."""
    summary = run_rows.summary(context.engine, run_id)
    run = summary.run
    if not run.state.has_ended or run.signals is not None or verdict_rows.has_row(context.engine, run_id):
        return None
    verdict = verdict_of(context, run)
    densities = _densities_of(context, run, verdict, None)
    return verdict if verdict_rows.write_later(context.engine, run_id, verdict, densities=densities) else None


def _judge(context: Context, run_id: str, lease: RowLease, ask: Ask) -> bool:
    summary = run_rows.summary(context.engine, run_id)
    counts = {state: summary.jobs.get(state, 0) for state in JobState if summary.jobs.get(state)}
    track = context.configuration.settings.tracking is not None
    try:
        production = ask(context, summary.run, lease)
        # Sealed rows may be opened in a cell, for a custom metric, which can take longer than a lease.
        verdict = work_while_leased(
            partial(verdict_of, context, summary.run, production, lease.attempt - 1),
            lease,
            lease_s=context.configuration.settings.lease_seconds,
            name=f"the verdict of run {run_id}",
        )
    except StoppedError:  # the lease was lost: somebody else judges the run
        raise
    except Exception as exc:  # a fault in the statistics must not leave a run without its end
        log.exception("run %s cannot be judged", run_id)
        if lease.attempt < verdict_rows.MOST_ATTEMPTS:
            verdict_rows.postpone(lease, f"{type(exc).__name__}: {exc}", by_s=lease.pause_s)
            return False
        return verdict_rows.finish(lease, summary.run, counts, None, track=track)
    densities = _densities_of(context, summary.run, verdict, production)
    written = verdict_rows.finish(lease, summary.run, counts, verdict, densities=densities, track=track)
    if written:
        log.debug("%s: %s", summary.run.name, verdict.sentence)
    return written


def verdict_of(
    context: Context, run: Run, production: "ProductionAnswer | None" = None, deaths: int = 0
) -> RunVerdict:
    """The verdict on a run, by the metric that ranks the run.

    `deaths`: how many attempts to judge the run have failed, for the shuffle check.
    """
    from bakeoff.evaluation.checks.result_checks import result_findings
    from bakeoff.evaluation.checks.shuffled_labels import shuffle_findings
    from bakeoff.evaluation.statistics.race_elimination import level_in_the_end
    from bakeoff.evaluation.statistics.reach_verdict import LEVEL, Reference, judge
    from bakeoff.operations.judging.shuffle_check import own_scores
    from bakeoff.operations.judging.statistics_inputs import always_positive, use_of_split

    metric = run.rules.metrics[0]
    settings = context.configuration.settings
    results = job_queries.results_of_run(context.engine, run.id)
    candidates = _candidates(context, run, results)
    bare = {one.id for one in candidates if one.sketch is None and one.score is not None}
    if bare and sketch_what_has_none(context, run, [one for one in results if one.model_id in bare]):
        candidates = _candidates(context, run, results)
    strict = is_strict(context, run)
    is_held_back = strict and bool(blocking(run.findings))
    spent = SpentRows(context, run, results, metric) if settings.reuse is SplitReuse.SPEND else None
    references = []
    if production and production.sketch:
        references.append(Reference(name=production.scores.title, sketch=production.sketch))
    verdict = judge(
        [*candidates, *always_positive(context, run, candidates)],
        metric=metric,
        greater_is_better=run.rules.greater_is_better(metric),
        prefer=settings.prefer_among_tied,
        references=references,
        may_be_taken=spent.may_be_taken if spent and not is_held_back else lambda _: not is_held_back,
        use=use_of_split(context, run.dataset),
        level=level_in_the_end() if run.is_race else LEVEL,
    )
    if run.is_race:
        verdict = with_stopped(verdict, race_rows.looks(context.engine, run.id))
    verdict = with_use_of_split(context, run, verdict, results, None if is_held_back else spent)
    verdict = _with_shuffle_check(context, run, verdict, deaths)
    findings = verdict.findings
    if production is not None:
        verdict, findings = (
            replace(verdict, production=production.scores),
            (*findings, *production.findings),
        )
    jobs = {job.candidate.id: job.candidate for job in job_queries.of_run(context.engine, run.id)}
    findings = (
        *shuffle_findings(verdict.shuffled, own_scores(run, results)),
        *result_findings(results, jobs, baseline=run.baseline_id),
        *findings_of_checks(context, jobs.values()),
        *findings,
    )
    verdict = replace(verdict, findings=_all_findings(context, run, findings))
    return without_crown(verdict) if strict else verdict


def _with_shuffle_check(context: Context, run: Run, verdict: RunVerdict, deaths: int) -> RunVerdict:
    """With that of the candidate that it recommends, if the run asks for it."""
    from bakeoff.operations.judging.shuffle_check import check_shuffled

    if not run.wants_shuffle_check or verdict.recommended in {None, run.baseline_id}:
        return verdict
    assert verdict.recommended is not None  # noqa: S101 - for the type checker
    check = check_shuffled(context, run, verdict.recommended, deaths=deaths)
    return replace(verdict, shuffled=(check,))


def _densities_of(
    context: Context, run: Run, verdict: RunVerdict, production: "ProductionAnswer | None"
) -> list[list[Any]]:
    """How the differences of the verdict vary, to be drawn. Without them there is a verdict all the same."""
    from bakeoff.evaluation.statistics.difference_densities import difference_densities

    if not verdict.pairs and not verdict.references:
        return []
    known = _candidates(context, run, job_queries.results_of_run(context.engine, run.id))
    sketches = {one.id: one.sketch for one in known if one.sketch and one.sketch.is_estimable}
    references = {one.id: sketches.pop(one.id) for one in known if one.is_baseline and one.id in sketches}
    if production and production.sketch and production.sketch.is_estimable:
        references[production.scores.title] = production.sketch
    try:
        found = difference_densities(sketches, references, greater_is_better=verdict.greater_is_better)
    except Exception:  # a fault in a picture must not cost the verdict
        log.exception("run %s has no densities", run.id)
        return []
    return [one.to_data() for one in found]


def _all_findings(context: Context, run: Run, on_results: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings on the data and on the results, with what the dataset accepts by now."""
    dataset = context.configuration.settings.datasets.get(run.dataset.name)
    accepted = dataset.accepted if dataset else []
    return worst_first((*run.findings, *with_accepted(on_results, accepted)))


def verdict_so_far(context: Context, run: Run) -> RunVerdict:
    """What could be said if the run ended now, for a display. It is not stored, and commits to nothing."""
    from bakeoff.evaluation.statistics.reach_verdict import judge

    metric = run.rules.metrics[0]
    return judge(
        _candidates(context, run, job_queries.results_of_run(context.engine, run.id)),
        metric=metric,
        greater_is_better=run.rules.greater_is_better(metric),
        draws=_DRAWS_SO_FAR,
    )


def _candidates(context: Context, run: Run, results: Sequence[Result]) -> "list[JudgedCandidate]":
    from bakeoff.operations.judging.statistics_inputs import judged_candidate

    metric = run.rules.metrics[0]
    sketches = verdict_rows.sketches_of_run(context.engine, run.id, metric)
    return [judged_candidate(one, run, sketches.get(one.evaluation_id), metric=metric) for one in results]
