"""Test rows that are reused in many runs: their uses are counted, and they can be sealed or spent.

counted   each verdict says how many candidates were scored on them, and from some number on it warns
sealed    `seal: 0.2` keeps rows out of all scores; when a run has a candidate to take, it is scored on them
spent     `reuse: spend` lets a candidate replace the adopted one only if that is shown, at a stricter level
          in each further run
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.finding import Finding, Severity, unseen_rows
from bakeoff.domain.runs.job import Job
from bakeoff.domain.runs.result import Result
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import RunVerdict, SealedScore, Spending
from bakeoff.evaluation.temporary_oven import own_oven
from bakeoff.operations.context import Context
from bakeoff.operations.judging.sketch_kept_predictions import kept_predictions
from bakeoff.store.bakeoffs import job_queries, run_rows
from bakeoff.store.bakeoffs.results import verdict_rows
from bakeoff.store.bakeoffs.results.verdict_rows import EarlierVerdict

if TYPE_CHECKING:
    from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import JobPaths
    from bakeoff.evaluation.metrics.score_predictions import Scores

#: If so many versions of a candidate are each better than the one before on the same rows, it is no accident.
_MOST_STEPS_UP = 10


def with_use_of_split(
    context: Context,
    run: Run,
    verdict: RunVerdict,
    results: Sequence[Result],
    spent: "SpentRows | None",
) -> RunVerdict:
    """The verdict with what follows from earlier runs on the same test rows.

    `spent` decided, while the run was judged, whether a candidate may be taken; None without `reuse: spend`.
    """
    by_id = {result.model_id: result for result in results}
    verdict = _with_steps_up(context, run, verdict, by_id)
    verdict = _with_broken_seals(context, run, verdict)
    if spent is not None:
        verdict = spent.noted_in(verdict)
    if run.rules.seal and verdict.recommended is not None:
        verdict = _open_sealed_rows(context, run, verdict, by_id[verdict.recommended])
    return verdict


def _with_steps_up(
    context: Context, run: Run, verdict: RunVerdict, results: Mapping[str, Result]
) -> RunVerdict:
    scores = verdict_rows.scores_on_split(
        context.engine, run.dataset.split_id, verdict.metric, model_ids=list(results)
    )
    found = [
        Finding(
            slug="test-set-worn",
            severity=Severity.HIGH,
            message=f"{name} was improved {steps} times in a row on these test rows: its score is too high",
            cure=f"judge it on {unseen_rows(may_seal=run.dataset.design.may_seal)}",
            candidates=(name,),
        )
        for name, values in scores.items()
        if (steps := steps_up(values, greater_is_better=verdict.greater_is_better)) >= _MOST_STEPS_UP
    ]
    return replace(verdict, findings=(*verdict.findings, *found))


def steps_up(values: Sequence[float], *, greater_is_better: bool) -> int:
    """How many values at the end are each better than the value before."""
    sign = 1 if greater_is_better else -1
    steps = 0
    for before, after in zip(reversed(values[:-1]), reversed(values), strict=False):
        if sign * (after - before) <= 0:
            break
        steps += 1
    return steps


def _with_broken_seals(context: Context, run: Run, verdict: RunVerdict) -> RunVerdict:
    """What is sealed in one run must not be open in another."""
    others = verdict_rows.seals_on_split(context.engine, run.dataset.split_id, but=run.id)
    said = []
    if run.rules.seal and any(seal < run.rules.seal for seal in others):
        said.append("rows that this run seals were open in another run, so a score on them may be too high")
    if any(seal > run.rules.seal for seal in others):
        said.append("rows that another run sealed are open in this run, so they are sealed no longer")
    cure = "use the same `seal` in all runs of a dataset"
    found = (
        Finding(slug="seal-broken", severity=Severity.HIGH, message=message, cure=cure) for message in said
    )
    return replace(verdict, findings=(*verdict.findings, *found))


def _open_sealed_rows(context: Context, run: Run, verdict: RunVerdict, result: Result) -> RunVerdict:
    from bakeoff.evaluation.metrics.score_snapshot import ForgedReportError
    from registry.columns.check_predictions import BadPredictionsError

    test_rows = run.dataset.test_rows
    if run.rules.open_rows(test_rows) == test_rows:
        return _not_opened(verdict, f"{run.rules.seal:g} of {test_rows} test rows is less than one row")
    paths = kept_predictions(context, run, result)
    if paths is None:
        return _not_opened(verdict, "its predictions were not kept")
    try:
        job = job_queries.get(context.engine, result.evaluation_id)
        scores = _scores_of_sealed_rows(context, run, job, paths, verdict.metric)
    except (BakeoffError, ForgedReportError, BadPredictionsError, OSError) as exc:
        return _not_opened(verdict, str(exc))
    value, known = scores.metrics[verdict.metric], scores.intervals.get(verdict.metric)
    sketch = scores.sketches.get(verdict.metric)
    if value is None or sketch is None:
        return _not_opened(verdict, scores.why_not_estimated(verdict.metric))
    sealed = SealedScore(
        candidate=result.model_id,
        value=value,
        low=known.low if known else None,
        high=known.high if known else None,
        rows=sketch.rows,
        opened=1 + sum(one.opened_sealed_rows for one in _verdicts_before(context, run)),
    )
    return replace(
        verdict,
        sealed=sealed,
        sentence=f"{verdict.sentence} {_of_sealed_rows(sealed, verdict.metric)}",
    )


def _scores_of_sealed_rows(context: Context, run: Run, job: Job, paths: "JobPaths", metric: str) -> "Scores":
    from bakeoff.evaluation.jobs.accept_outputs import predicted_files, score_files
    from bakeoff.evaluation.user_functions.custom_metric_scores import CustomScoring, with_custom_metrics

    rules = run.rules.only([metric])
    scores = score_files(replace(run, rules=rules), job, paths, sealed=True)
    if not rules.custom:
        return scores
    scoring = CustomScoring(
        rules=rules,
        dataset=run.dataset,
        snapshot=paths.snapshot,
        predicted=predicted_files(job, paths),
        root=paths.root,
        closed=paths.closed,
        log=paths.log,
        longest_s=context.configuration.settings.metric_timeout,
        memory_mb=context.configuration.settings.memory_limit_mb,
        sealed=True,
    )
    with own_oven(context.configuration) as run_cell:
        return with_custom_metrics(scores, scoring, run_cell)


def _not_opened(verdict: RunVerdict, why: str) -> RunVerdict:
    message = f"the sealed rows were not opened for {verdict.recommended}: {why}"
    finding = Finding(slug="sealed-rows-not-opened", severity=Severity.MEDIUM, message=message)
    return replace(verdict, findings=(*verdict.findings, finding))


class SpentRows:
    """Lets a candidate be taken only if it is shown to be better than the one that was adopted before."""

    def __init__(self, context: Context, run: Run, results: Sequence[Result], metric: str) -> None:
        from bakeoff.evaluation.statistics.winners_curse import adoption_level

        self._context = context
        self._metric = metric
        self._greater_is_better = run.rules.greater_is_better(metric)
        self._evaluations = {result.model_id: result.evaluation_id for result in results}
        earlier = [
            one.spending
            for one in _verdicts_before(context, run)
            if one.spending is not None and one.metric == metric
        ]
        self._champion = next((one.adopted for one in reversed(earlier) if one.adopted is not None), None)
        number = len(earlier) + 1
        self._spending = Spending(
            run=number, level=adoption_level(number), champion=None, p_value=None, adopted=self._champion
        )
        self._said = ""

    def may_be_taken(self, candidate: str) -> bool:
        proposed = self._evaluations[candidate]
        if self._champion is None:
            self._spending = replace(self._spending, adopted=proposed)
            return True
        p_value = _p_of_being_better(
            self._context, self._metric, proposed, self._champion, greater_is_better=self._greater_is_better
        )
        is_better = p_value <= self._spending.level
        self._spending = replace(
            self._spending,
            champion=_name_of(self._context, self._champion),
            p_value=p_value,
            adopted=proposed if is_better else self._champion,
        )
        self._said = _of_spending(self._spending, candidate, is_better=is_better)
        return is_better

    def noted_in(self, verdict: RunVerdict) -> RunVerdict:
        return replace(verdict, spending=self._spending, sentence=f"{verdict.sentence} {self._said}".strip())


def _verdicts_before(context: Context, run: Run) -> list[EarlierVerdict]:
    return verdict_rows.on_split(context.engine, run.dataset.split_id, but=run.id)


def _name_of(context: Context, evaluation_id: str) -> str:
    job = job_queries.get(context.engine, evaluation_id)
    return f"{job.candidate.id} of {run_rows.get(context.engine, job.run_id).name}"


def _p_of_being_better(
    context: Context, metric: str, proposed: str, champion: str, *, greater_is_better: bool
) -> float:
    """The one-sided p-value; 1 if the champion was scored by other rules, or has no stored sketch."""
    from bakeoff.evaluation.statistics.pairwise_comparison import IncomparableError
    from bakeoff.evaluation.statistics.sketches.sketch import Sketch
    from bakeoff.evaluation.statistics.winners_curse import p_of_being_better

    stored = [verdict_rows.sketches_of(context.engine, one).get(metric) for one in (proposed, champion)]
    sketches = [Sketch.from_bytes(content) for content in stored if content is not None]
    if len(sketches) < len(stored):
        return 1.0
    try:
        return p_of_being_better(*sketches, greater_is_better=greater_is_better)
    except IncomparableError:
        return 1.0


def _of_sealed_rows(sealed: SealedScore, metric: str) -> str:
    from bakeoff.evaluation.statistics.verdict_sentences import number

    half = (sealed.high - sealed.low) / 2 if sealed.low is not None and sealed.high is not None else 0.0
    between = (
        f" ({number(sealed.low, half)} to {number(sealed.high, half)})"
        if sealed.low is not None and sealed.high is not None
        else ""
    )
    times = "for the first time" if sealed.opened == 1 else f"for the {_ordinal(sealed.opened)} time"
    return (
        f"On {sealed.rows:,} sealed rows, opened {times}, the {metric} of {sealed.candidate} is "
        f"{number(sealed.value, half)}{between}."
    )


def _of_spending(spending: Spending, proposed: str, *, is_better: bool) -> str:
    asked = f"this is run {spending.run} on them, so p must be at most {spending.level:.2g}"
    if is_better:
        return f"The test rows are spent: {asked}; {proposed} is shown to be better than {spending.champion}."
    return (
        f"The test rows are spent: {asked}; {proposed} is not shown to be better than what was adopted "
        f"before, {spending.champion} (p {spending.p_value:.2g}), which stays."
    )


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in {11, 12, 13} else "th"
    return f"{number}{ending}"
