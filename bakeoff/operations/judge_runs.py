"""Judge runs that have ended: what can be said about their candidates, and how surely.

The process that ends the last job of a run judges it at once. If that process dies before, the run stays due:
the saver process judges it, or a process that is to show it. The verdict follows from stored sketches by
fixed draws, so every process would compute the same one. It is computed once.
"""

import logging
import time

from bakeoff.domain.metric import greater_is_better
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.result import Result
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.operations.context import Context
from bakeoff.operations.sketch_results import sketch_what_has_none
from bakeoff.operations.split_use import with_use_of_split
from bakeoff.settings import log_setup
from bakeoff.store.bakeoffs import job_rows, run_rows, verdict_rows
from bakeoff.store.bakeoffs.row_lease import RowLease

log = logging.getLogger(__name__)

#: A run that could not be judged so many times ends without a verdict, so that its end is announced.
_MOST_ATTEMPTS = 3


def judge_what_is_due(context: Context) -> int:
    """How many runs were judged."""
    return sum(judge_run(context, run_id) for run_id in verdict_rows.due(context.engine))


def judge_run(context: Context, run_id: str) -> bool:
    """False when it is judged already, has not ended, or another process is judging it."""
    lease_s = context.configuration.settings.lease_seconds
    lease = verdict_rows.take(context.engine, run_id, lease_s=lease_s)
    if lease is None:
        return False
    with log_setup.with_ids(runId=run_id):
        return _judge(context, run_id, lease)


def wait_for_verdict(context: Context, run_id: str, *, patience_s: float = 10.0) -> RunVerdict | None:
    """The verdict of a run that has ended; judged here if nobody else does. None if there is none."""
    deadline = time.monotonic() + patience_s
    while verdict_rows.is_pending(context.engine, run_id) and time.monotonic() < deadline:
        if not judge_run(context, run_id):
            time.sleep(0.05)  # another process holds the lease, and needs a fraction of a second
    return verdict_rows.of_run(context.engine, run_id) or judge_old_run(context, run_id)


def judge_old_run(context: Context, run_id: str) -> RunVerdict | None:
    """Judges a run that ended before there were verdicts. None if it has not ended, or has its verdict."""
    summary = run_rows.summary(context.engine, run_id)
    run = summary.run
    if not run.state.has_ended or run.signals is not None or verdict_rows.has_row(context.engine, run_id):
        return None
    verdict = verdict_of(context, run)
    return verdict if verdict_rows.write_later(context.engine, run_id, verdict) else None


def _judge(context: Context, run_id: str, lease: RowLease) -> bool:
    summary = run_rows.summary(context.engine, run_id)
    counts = {state: summary.jobs.get(state, 0) for state in JobState if summary.jobs.get(state)}
    try:
        verdict = verdict_of(context, summary.run)
    except Exception as exc:  # a fault in the statistics must not leave a run without its end
        log.exception("run %s cannot be judged", run_id)
        if lease.attempt < _MOST_ATTEMPTS:
            verdict_rows.postpone(lease, f"{type(exc).__name__}: {exc}", by_s=lease.pause_s)
            return False
        return verdict_rows.finish(lease, summary.run, counts, None)
    written = verdict_rows.finish(lease, summary.run, counts, verdict)
    if written:
        log.debug("%s: %s", summary.run.name, verdict.sentence)
    return written


def verdict_of(context: Context, run: Run) -> RunVerdict:
    """The verdict on a run, by the metric that ranks it."""
    from bakeoff.evaluation.statistics.judging import JudgedCandidate, SplitUse, judge
    from bakeoff.evaluation.statistics.sketch import Sketch

    metric = run.rules.metrics[0]
    settings = context.configuration.settings
    results = job_rows.results_of_run(context.engine, run.id)
    sketches = verdict_rows.sketches_of_run(context.engine, run.id, metric)
    bare = [
        one for one in results if one.metrics.get(metric) is not None and one.evaluation_id not in sketches
    ]
    if bare and sketch_what_has_none(context, run, bare):
        sketches = verdict_rows.sketches_of_run(context.engine, run.id, metric)

    def judged(result: Result) -> JudgedCandidate:
        stored = sketches.get(result.evaluation_id)
        return JudgedCandidate(
            id=result.model_id,
            sketch=None if stored is None else Sketch.from_bytes(stored),
            score=result.metrics.get(metric),
            is_baseline=result.model_id == run.baseline_id,
            fit_seconds=result.cost.fit_s,
            predict_seconds=result.cost.predict_s / max(1, run.dataset.test_rows),
            peak_memory_mb=result.cost.peak_memory_mb,
        )

    verdict = judge(
        [judged(result) for result in results],
        metric=metric,
        greater_is_better=greater_is_better(metric),
        prefer=settings.prefer_among_tied,
        use=SplitUse(
            looks=verdict_rows.candidates_scored_on(context.engine, run.dataset.split_id),
            warn_from=settings.reuse_warning,
            alarm_from=settings.reuse_alarm,
        ),
    )
    return with_use_of_split(context, run, verdict, results)
