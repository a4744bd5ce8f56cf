"""The verdict on a run: its candidates compared, what was found on its data and results, who is recommended.

Takes long to load, so who only starts or follows runs does without: see `judge_ended_runs`.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bakeoff.domain.finding import Finding, blocking, with_accepted, worst_first
from bakeoff.domain.runs.result import Result
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import RunVerdict, SplitReuse
from bakeoff.evaluation.checks.result_checks import result_findings, version_findings
from bakeoff.evaluation.checks.shuffled_labels import shuffle_findings
from bakeoff.evaluation.statistics.difference_densities import difference_densities
from bakeoff.evaluation.statistics.race_elimination import level_in_the_end
from bakeoff.evaluation.statistics.reach_verdict import LEVEL, JudgedCandidate, Reference, judge
from bakeoff.operations.conformance.conformance_report_store import findings_of_checks
from bakeoff.operations.context import Context
from bakeoff.operations.judging.race_rounds import with_stopped
from bakeoff.operations.judging.results_as_statistics_inputs import (
    always_positive,
    judged_candidate,
    use_of_split,
)
from bakeoff.operations.judging.reused_sealed_and_spent_rows import SpentRows, with_use_of_split
from bakeoff.operations.judging.shuffle_check import check_shuffled, own_scores
from bakeoff.operations.judging.sketch_kept_predictions import sketch_what_has_none
from bakeoff.operations.judging.strict_and_fail_on_gates import is_strict, without_crown
from bakeoff.store.bakeoffs import job_queries
from bakeoff.store.bakeoffs.results import earlier_fits, race_rows, verdict_rows

if TYPE_CHECKING:
    from bakeoff.operations.production.ask_production import ProductionAnswer

log = logging.getLogger(__name__)

#: For a display: fewer than a verdict takes, which is quicker and nearly the same.
_DRAWS_SO_FAR = 2000


def verdict_of(
    context: Context, run: Run, production: "ProductionAnswer | None" = None, deaths: int = 0
) -> RunVerdict:
    """The verdict on a run, by the metric that ranks the run.

    `deaths`: how many attempts to judge the run have failed, for the shuffle check.
    """
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
        *version_findings(earlier_fits.packages_of_run(context.engine, run.id)),
        *findings_of_checks(context, jobs.values()),
        *findings,
    )
    verdict = replace(verdict, findings=_all_findings(context, run, findings))
    return without_crown(verdict) if strict else verdict


def _with_shuffle_check(context: Context, run: Run, verdict: RunVerdict, deaths: int) -> RunVerdict:
    """With that of the candidate that it recommends, if the run asks for it."""
    if not run.wants_shuffle_check or verdict.recommended in {None, run.baseline_id}:
        return verdict
    assert verdict.recommended is not None  # noqa: S101 - for the type checker
    check = check_shuffled(context, run, verdict.recommended, deaths=deaths)
    return replace(verdict, shuffled=(check,))


def densities_of(
    context: Context, run: Run, verdict: RunVerdict, production: "ProductionAnswer | None"
) -> list[list[Any]]:
    """How the differences of the verdict vary, to be drawn. Without them there is a verdict all the same."""
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
    metric = run.rules.metrics[0]
    return judge(
        _candidates(context, run, job_queries.results_of_run(context.engine, run.id)),
        metric=metric,
        greater_is_better=run.rules.greater_is_better(metric),
        draws=_DRAWS_SO_FAR,
    )


def _candidates(context: Context, run: Run, results: Sequence[Result]) -> list[JudgedCandidate]:
    metric = run.rules.metrics[0]
    sketches = verdict_rows.sketches_of_run(context.engine, run.id, metric)
    return [judged_candidate(one, run, sketches.get(one.evaluation_id), metric=metric) for one in results]
