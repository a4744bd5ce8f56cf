"""Compare results of one test set: candidates of a run, what several runs recommend, saved versions.

The verdict of the comparison is that of a run which had these candidates alone, by the same statistics. It
follows from the stored sketches: nothing is fitted or scored anew.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import PairDifference, PreferAmongTied, RunVerdict, SplitReuse, Standing
from bakeoff.domain.wording import listed, nearest
from bakeoff.operations.comparing.comparability import ComparedResult, refuse_if_incomparable
from bakeoff.operations.comparing.disagreed_rows import disagreements_of
from bakeoff.operations.comparing.find_named_results import find_results
from bakeoff.operations.context import Context
from bakeoff.operations.judging.sketch_kept_predictions import sketch_what_has_none
from bakeoff.store.bakeoffs import job_queries
from bakeoff.store.bakeoffs.results import verdict_rows

if TYPE_CHECKING:
    from bakeoff.evaluation.reports.disagreements import DisagreedRow, Disagreements
    from bakeoff.evaluation.statistics.sketches.sketch import Sketch
    from bakeoff.evaluation.statistics.within_margin import WithinMargin

_FEWEST = 2


@dataclass(frozen=True, kw_only=True, repr=False)
class ResultComparison:
    results: tuple[ComparedResult, ...]  #: in the order in which they were named
    metrics: tuple[str, ...]  #: that all of them have; the first one is judged
    ranking: str  #: the metric that ranks the run
    verdicts: Mapping[str, RunVerdict]  #: by metric: each as if it were the only one
    within: "WithinMargin | None" = None  #: None: no margin was given
    disagreements: "Disagreements | None" = None  #: None: what was predicted is not kept
    why_no_rows: str = ""  #: why there are no disagreements
    rows: "Sequence[DisagreedRow]" = ()  #: as many as were asked for
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        names = ", ".join(one.name for one in self.results)
        return f"<comparison of {names}: {self.sentence}>"

    def __str__(self) -> str:
        return self.sentence

    @property
    def verdict(self) -> RunVerdict:
        return self.verdicts[self.metrics[0]]

    @property
    def sentence(self) -> str:
        parts = [self.verdict.sentence, self.within.sentence if self.within else ""]
        return " ".join(part for part in parts if part)

    def pairs(self, metric: str) -> list[PairDifference]:
        """All pairs, each as the one that was named first minus the other."""
        known = {frozenset((pair.a, pair.b)): pair for pair in self.verdicts[metric].pairs}
        found = []
        for place, a in enumerate(self.results):
            for b in self.results[place + 1 :]:
                pair = known.get(frozenset((a.name, b.name))) or _unsure(a, b, metric)
                if pair is not None:
                    found.append(pair if pair.a == a.name else pair.turned())
        return found

    def to_record(self) -> dict[str, Any]:
        """The verdict as that of a run, and what only a comparison has."""
        verdict, dataset = self.verdict, self.results[0].run.dataset
        return {
            **verdict.to_record(),
            "sentence": self.sentence,
            "rankingMetric": self.ranking,
            "datasetName": dataset.name,
            "datasetId": dataset.dataset_id,
            "splitId": dataset.split_id,
            "testRows": verdict.rows or dataset.test_rows,
            "candidates": [self._candidate_record(one) for one in self.results],
            "pairs": [
                {
                    "metric": metric,
                    **pair.to_record(),
                    "isRankingMetric": metric == self.ranking,
                }
                for metric in self.metrics
                for pair in self.pairs(metric)
            ],
            "equivalence": self.within.to_record() if self.within else None,
            "disagreements": {
                **self.disagreements.to_record(),
                "rows": [row.to_record() for row in self.rows],
            }
            if self.disagreements
            else None,
            "notes": [*self.notes, *([self.why_no_rows] if self.why_no_rows else [])],
        }

    def _candidate_record(self, one: ComparedResult) -> dict[str, Any]:
        intervals = {metric: one.result.intervals.get(metric) for metric in self.metrics}
        return {
            "name": one.name,
            "modelId": one.result.model_id,
            "modelVersion": one.result.model_version,
            "savedVersion": one.version.uri if one.version else None,
            "runId": one.run.id,
            "runName": one.run.name,
            "evaluationId": one.result.evaluation_id,
            "metrics": {metric: one.result.metrics.get(metric) for metric in self.metrics},
            "intervals": {metric: [known.low, known.high] for metric, known in intervals.items() if known},
            "restsOn": {
                metric: known.rests_on
                for metric, known in intervals.items()
                if known and known.rests_on is not None
            },
            "standing": str(self.verdict.standings.get(one.name, Standing.INSUFFICIENT)),
        }


def compare_results(
    context: Context,
    words: Sequence[str],
    *,
    run: str | None = None,
    metric: str | None = None,
    margin: float | None = None,
    rows: int = 0,
) -> ResultComparison:
    """`run` has the candidates that plain words name; None: the newest one. `rows`: how many to list."""
    if len(words) < _FEWEST:
        raise InvalidInputError(f"a comparison needs two results at least, got {listed(words)}")
    if margin is not None and not (margin > 0 and math.isfinite(margin)):
        raise InvalidInputError(
            f"a margin is a difference that does not matter to you, above 0, got {margin:g}: such as 0.01"
        )
    results = find_results(context, words, run=run)
    refuse_if_incomparable(results)
    results = _sketched(context, results)
    metrics, ranking, notes = choose_metrics(results, metric)
    notes += _choice_of_few(context, results)
    verdicts, sketches = _judge(context, results, metrics)
    found, listed_rows, why_not = disagreements_of(context, results, most=rows)
    return ResultComparison(
        results=results,
        metrics=metrics,
        ranking=ranking,
        verdicts=verdicts,
        within=None if margin is None else _within(sketches, metrics[0], margin, results[0].run),
        disagreements=found,
        why_no_rows=why_not,
        rows=listed_rows,
        notes=notes,
    )


def _sketched(context: Context, results: Sequence[ComparedResult]) -> tuple[ComparedResult, ...]:
    """Results that are older than sketches get theirs now, if their predictions were kept."""

    def sketched(one: ComparedResult) -> ComparedResult:
        evaluation = one.result.evaluation_id
        if verdict_rows.sketches_of(context.engine, evaluation):
            return one
        if not sketch_what_has_none(context, one.run, [one.result]):
            return one
        return replace(one, result=job_queries.result_of(context.engine, evaluation))

    return tuple(map(sketched, results))


def choose_metrics(
    results: Sequence[ComparedResult], asked: str | None
) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """The metrics that all have, the judged one first; the metric that ranks the run; what to know of it."""
    first = results[0]
    common = [
        metric for metric in first.run.rules.metrics if all(metric in one.result.metrics for one in results)
    ]
    if not common:
        raise InvalidInputError(
            "there is no metric that all of them have: "
            + "; ".join(f"{one.name} has {', '.join(one.result.metrics)}" for one in results)
            + f": `bakeoff run {first.run.dataset.name} --metrics …` scores what was fitted anew"
        )
    rankings = dict.fromkeys(one.run.rules.metrics[0] for one in results)
    ranking = next((metric for metric in rankings if metric in common), common[0])
    notes = []
    if len(rankings) > 1:
        notes.append(f"their runs rank by different metrics, {', '.join(rankings)}: this is by {ranking}")
    if asked is None:
        return (ranking, *(metric for metric in common if metric != ranking)), ranking, tuple(notes)
    if asked not in common:
        raise InvalidInputError(
            f"not all of them have the metric {asked!r}{nearest(asked, common)}; all have {', '.join(common)}"
        )
    if asked != ranking:
        notes.append(f"the run is ranked by {ranking}: who chooses {asked} after the run chooses the winner")
    return (asked,), ranking, tuple(notes)


def _choice_of_few(context: Context, results: Sequence[ComparedResult]) -> tuple[str, ...]:
    """Who looks at a leaderboard and then compares two of it has compared them all."""
    run = results[0].run
    if any(one.run.id != run.id or one.version for one in results):
        return ()
    known = job_queries.results_of_run(context.engine, run.id)
    rivals = sum(result.model_id != run.baseline_id for result in known)
    if rivals <= len(results):
        return ()
    note = (
        f"these are {len(results)} of the {rivals} candidates of run {run.title}: if you chose them by their "
        f"scores, go by `bakeoff show {run.id[:8]}`, which counts all of them"
    )
    return (note,)


def _judge(
    context: Context, results: Sequence[ComparedResult], metrics: Sequence[str]
) -> "tuple[dict[str, RunVerdict], dict[str, dict[str, Sketch | None]]]":
    """The verdict by each metric, and the sketches by metric and candidate."""
    from bakeoff.evaluation.statistics.pairwise_comparison import IncomparableError
    from bakeoff.evaluation.statistics.reach_verdict import judge
    from bakeoff.operations.judging.results_as_statistics_inputs import judged_candidate, use_of_split

    settings = context.configuration.settings
    use = use_of_split(context, results[0].run.dataset)
    stored = {one.name: verdict_rows.sketches_of(context.engine, one.result.evaluation_id) for one in results}
    candidates = {
        metric: [
            judged_candidate(one.result, one.run, stored[one.name].get(metric), metric=metric, name=one.name)
            for one in results
        ]
        for metric in metrics
    }
    is_spent = settings.reuse is SplitReuse.SPEND
    try:
        verdicts = {
            metric: judge(
                judged,
                metric=metric,
                greater_is_better=results[0].run.rules.greater_is_better(metric),
                prefer=_preferred(settings.prefer_among_tied, results),
                # Only a run spends test rows, so only a run says what to take of them.
                may_be_taken=lambda _: not is_spent,
                use=use,
            )
            for metric, judged in candidates.items()
        }
    except IncomparableError as exc:
        raise InvalidInputError(f"{exc}: run them again with `--fresh`, in one run") from exc
    sketches = {metric: {one.id: one.sketch for one in judged} for metric, judged in candidates.items()}
    return verdicts, sketches


def _preferred(
    prefer: PreferAmongTied | Sequence[str], results: Sequence[ComparedResult]
) -> PreferAmongTied | list[str]:
    """An order of candidates, by the names that they have here."""
    if isinstance(prefer, PreferAmongTied):
        return prefer
    return [one.name for id_ in prefer for one in results if one.result.model_id == id_]


def _within(
    sketches: "Mapping[str, Mapping[str, Sketch | None]]", metric: str, margin: float, run: Run
) -> "WithinMargin":
    from bakeoff.evaluation.statistics.within_margin import within_margin

    return within_margin(
        sketches[metric],
        metric=metric,
        greater_is_better=run.rules.greater_is_better(metric),
        margin=margin,
    )


def _unsure(a: ComparedResult, b: ComparedResult, metric: str) -> PairDifference | None:
    """A difference of which nothing is claimed; None where one of the two has no value."""
    first, second = a.result.metrics.get(metric), b.result.metrics.get(metric)
    if first is None or second is None:
        return None
    return PairDifference(
        a=a.name, b=b.name, difference=first - second, low=None, high=None, p_value=1.0, n_eff=0.0
    )
