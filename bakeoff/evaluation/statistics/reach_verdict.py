"""The verdict of a run: who may be the best, who is shown not to be, and which one to take.

The dummy baseline takes no part in the contest for the first place. It is a fixed reference, and so is
Production. Each reference is compared with all candidates in a family of its own; so each kind of claim has
its own level.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bakeoff.domain.finding import Finding, Severity
from bakeoff.domain.runs.verdict import (
    Against,
    CorrectedScore,
    PreferAmongTied,
    ReferenceComparison,
    RunVerdict,
    Standing,
    is_cheap,
)
from bakeoff.evaluation.statistics import verdict_sentences
from bakeoff.evaluation.statistics.costs_of_tied_candidates import cost_of
from bakeoff.evaluation.statistics.pairwise_comparison import (
    DRAWS,
    ComparedScores,
    Comparison,
    compare_all,
    compare_with_fixed,
)
from bakeoff.evaluation.statistics.score_intervals import ROUNDING, interval
from bakeoff.evaluation.statistics.sketches.row_blocks import SEED
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from bakeoff.evaluation.statistics.standings import bands_of, pair_differences, standings_of, to_best_of
from bakeoff.evaluation.statistics.verdict_findings import SplitUse, findings_of, too_few
from bakeoff.evaluation.statistics.verdict_sentences import Contender
from bakeoff.evaluation.statistics.winners_curse import (
    corrected_score,
    expected_flattery,
    minimum_detectable_difference,
)

#: Of all claims of one kind, the share of runs of equal candidates in which one is false, at most.
LEVEL = 0.05

METHOD = (
    "block sums of influence functions; first place: model confidence set (T_R); pairs and references: "
    "step-down max-T; {draws} Gaussian draws"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedCandidate:
    id: str
    sketch: Sketch | None  #: by the metric that is judged; None: the candidate has no result, or only a score
    score: float | None = None  #: of a candidate without a sketch, so without an interval
    why_unscored: str | None = None  #: what its metric says of having no value, in a line
    is_baseline: bool = False  #: the dummy, which takes no part in the contest
    fit_seconds: float | None = None
    predict_seconds: float | None = None  #: per row
    peak_memory_mb: float | None = None

    @property
    def value(self) -> float | None:
        return self.sketch.value if self.sketch else self.score


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """Something fixed before the run that all candidates are compared with."""

    name: str  #: as the sentence calls it, such as Production
    sketch: Sketch  #: of the same metric on the same rows


def judge(
    candidates: Sequence[JudgedCandidate],
    *,
    metric: str,
    greater_is_better: bool,
    level: float = LEVEL,
    margin: float | None = None,
    prefer: PreferAmongTied | Sequence[str] = PreferAmongTied.PREDICT_TIME,
    references: Sequence[Reference] = (),
    use: SplitUse | None = None,
    may_be_taken: Callable[[str], bool] = lambda _: True,
    draws: int = DRAWS,
    seed: int = SEED,
) -> RunVerdict:
    """The verdict on candidates with sketches of one metric on the same rows; IncomparableError for others.

    `margin` is a difference that does not matter to the user, in the unit of the metric. `prefer` may be an
    order of candidates instead of a cost. `may_be_taken` is asked about the one that would be recommended.
    """
    _refuse_doubles(candidates)
    entrants = sorted((one for one in candidates if not one.is_baseline), key=lambda one: one.id)
    baselines = sorted(one.id for one in candidates if one.is_baseline)
    able = {one.id: one.sketch for one in entrants if one.sketch and one.sketch.is_estimable}
    sketches = [one.sketch for one in entrants if one.sketch]
    few = too_few(sketches)
    verdict = RunVerdict(
        metric=metric,
        greater_is_better=greater_is_better,
        level=level,
        method=METHOD.format(draws=draws),
        seed=seed,
        rows=sketches[0].rows if sketches else None,
        best=None,
        standings={one.id: Standing.INSUFFICIENT for one in entrants},
        bands=dict.fromkeys(_scored(entrants), (1, len(_scored(entrants)))),
        test_set_uses=use.looks if use else None,
    )
    if able and not few:
        fixed = {reference.name: reference.sketch for reference in references}
        fixed |= {one.id: one.sketch for one in candidates if one.is_baseline and one.sketch}
        compared = ComparedScores.of(able, greater_is_better=greater_is_better)
        verdict = _contested(verdict, compared, able, margin=margin, draws=draws)
        verdict = replace(verdict, references=_against_fixed(verdict, able, fixed, draws=draws))
    recommended = _recommended(verdict, entrants, baselines, prefer)
    if recommended is not None and may_be_taken(recommended):
        verdict = replace(verdict, recommended=recommended)
    found = findings_of(verdict, able, baselines, use)
    verdict = replace(verdict, findings=(*few, *_not_kept(entrants), *found))
    sentence = verdict_sentences.tell(
        verdict,
        [_contender(one, level) for one in entrants],
        baselines=baselines,
        prefer=_preference(verdict, prefer),
        margin=margin,
    )
    return replace(verdict, sentence=sentence)


def _refuse_doubles(candidates: Sequence[JudgedCandidate]) -> None:
    for id_, times in Counter(one.id for one in candidates).items():
        if times > 1:
            raise ValueError(f"candidate {id_} is given {times} times; each has one result in a run")


def _scored(entrants: Sequence[JudgedCandidate]) -> list[str]:
    return [one.id for one in entrants if one.value is not None]


def _contender(one: JudgedCandidate, level: float) -> Contender:
    return Contender(
        id=one.id,
        value=one.value,
        why_unscored=one.why_unscored,
        interval=interval(one.sketch, level=level) if one.sketch else None,
        fit_seconds=one.fit_seconds,
        predict_seconds=one.predict_seconds,
        peak_memory_mb=one.peak_memory_mb,
    )


def _not_kept(entrants: Sequence[JudgedCandidate]) -> tuple[Finding, ...]:
    """Results from before there were sketches, whose predictions are gone."""
    bare = [one.id for one in entrants if one.sketch is None and one.score is not None]
    if not bare:
        return ()
    message = f"how sure the scores of {', '.join(bare)} are is not known: their predictions were not kept"
    return (
        Finding(
            slug="predictions-not-kept",
            severity=Severity.MEDIUM,
            message=message,
            cure="`bakeoff run --fresh` fits them again",
            candidates=tuple(bare),
        ),
    )


def _contested(
    verdict: RunVerdict,
    compared: ComparedScores,
    sketches: Mapping[str, Sketch],
    *,
    margin: float | None,
    draws: int,
) -> RunVerdict:
    """The verdict, with what follows from comparing the candidates with each other."""
    if len(compared.ids) == 1:
        return verdict  # nobody to be compared with
    comparison = compare_all(compared, level=verdict.level, draws=draws, seed=verdict.seed)
    sign = 1 if verdict.greater_is_better else -1
    standings = standings_of(comparison, margin)
    pairs = pair_differences(comparison, sign)
    by_score = [compared.ids[place] for place in np.argsort(-compared.scores, kind="stable")]
    sharing = {Standing.TIED, Standing.EQUIVALENT}
    pair_se = _typical_se(comparison)
    return replace(
        verdict,
        best=next((id_ for id_ in by_score if standings[id_] is Standing.BEST), None),
        tied=tuple(id_ for id_ in by_score if standings[id_] in sharing),
        standings={**verdict.standings, **standings},
        bands={**verdict.bands, **bands_of(comparison, len(verdict.bands))},
        to_best=to_best_of(comparison, pairs, by_score[0]),
        pairs=pairs,
        corrected_score=_corrected(compared, sketches, sign, verdict),
        minimum_detectable_difference=pair_se
        and minimum_detectable_difference(comparison.claims.critical, pair_se),
        expected_flattery=expected_flattery(verdict.test_set_uses, pair_se)
        if verdict.test_set_uses and pair_se
        else None,
    )


def _corrected(
    compared: ComparedScores, sketches: Mapping[str, Sketch], sign: int, verdict: RunVerdict
) -> CorrectedScore:
    """The corrected score in the unit of the metric, and within its range."""
    found = corrected_score(compared, level=verdict.level, seed=verdict.seed)
    low, high = (found.low, found.high) if sign > 0 else (-found.high, -found.low)
    winner = sketches[found.candidate]
    if winner.se <= ROUNDING and (known := interval(winner, level=verdict.level)):
        # No row varies, as in a perfect score: that is no proof that it is exact.
        low, high = min(low, known.low), max(high, known.high)
    smallest, largest = winner.range
    return CorrectedScore(
        candidate=found.candidate,
        value=min(max(sign * found.value, smallest), largest),
        low=max(low, smallest),
        high=min(high, largest),
    )


def _typical_se(comparison: Comparison) -> float | None:
    """The median standard error of the difference of two candidates.

    It is over the pairs that may be the best, or if one is alone the best, over its pairs. If none of these
    differ at all, it is over all pairs that do.
    """
    pairs, first = comparison.pairs, comparison.may_be_best
    among = first[pairs.a] & first[pairs.b] if first.sum() > 1 else first[pairs.a] | first[pairs.b]
    varying = pairs.se[among & (pairs.se > 0)]
    if not len(varying):
        varying = pairs.se[pairs.se > 0]
    return float(np.median(varying)) if len(varying) else None


def _against_fixed(
    verdict: RunVerdict, sketches: Mapping[str, Sketch], fixed: Mapping[str, Sketch], *, draws: int
) -> tuple[ReferenceComparison, ...]:
    found: list[ReferenceComparison] = []
    for name, sketch in sorted(fixed.items()):
        if sketch.is_estimable:
            found += _compared_with(name, sketch, sketches, verdict, draws)
        elif sketch.value is not None:
            found += [_unknown(name, sketch.value, id_, one) for id_, one in sketches.items()]
    return tuple(found)


def _compared_with(
    name: str, sketch: Sketch, sketches: Mapping[str, Sketch], verdict: RunVerdict, draws: int
) -> list[ReferenceComparison]:
    place = f"\0{name}"  # no candidate is named so: Production may be called like one of them
    compared = ComparedScores.of({**sketches, place: sketch}, greater_is_better=verdict.greater_is_better)
    pairs, claims = compare_with_fixed(compared, place, level=verdict.level, draws=draws, seed=verdict.seed)
    sign = 1 if verdict.greater_is_better else -1
    low, high = pairs.intervals(claims.critical)
    if sign < 0:
        low, high = -high, -low
    found = []
    for row, a in enumerate(pairs.a):
        known = bool(pairs.may_be_claimed[row] | pairs.are_equal[row])
        if not known:
            outcome = Against.INSUFFICIENT
        elif claims.p_values[row] > verdict.level:
            outcome = Against.NOT_SHOWN
        else:
            outcome = Against.BETTER if pairs.difference[row] > 0 else Against.WORSE
        found.append(
            ReferenceComparison(
                reference=name,
                candidate=compared.ids[a],
                outcome=outcome,
                difference=sign * float(pairs.difference[row]),
                low=float(low[row]) if known else None,
                high=float(high[row]) if known else None,
                p_value=float(claims.p_values[row]),
                n_eff=float(pairs.n_eff[row]),
            )
        )
    return found


def _unknown(name: str, value: float, candidate: str, sketch: Sketch) -> ReferenceComparison:
    """Comparisons with a reference whose score is a convention: a dummy's precision without positives."""
    return ReferenceComparison(
        reference=name,
        candidate=candidate,
        outcome=Against.INSUFFICIENT,
        difference=(sketch.value or 0.0) - value,
        low=None,
        high=None,
        p_value=1.0,
        n_eff=0.0,
    )


def _recommended(
    verdict: RunVerdict,
    entrants: Sequence[JudgedCandidate],
    baselines: Sequence[str],
    prefer: PreferAmongTied | Sequence[str],
) -> str | None:
    """The one to take: the highest score among the cheap ones of those that share the first place.

    Whoever is not shown to beat the baseline is not recommended. Those that are shown to go before those of
    whom too few rows say it; where too few rows say anything of the first place, nobody else is recommended.
    """
    able = [one for one in entrants if one.sketch and one.sketch.is_estimable]
    if verdict.best is not None:
        first = [one for one in able if one.id == verdict.best]
    elif verdict.tied or verdict.undecided:
        first = [one for one in able if one.id in (verdict.tied or verdict.undecided)]
    else:
        first = able if len(able) == 1 and not too_few([one.sketch for one in able if one.sketch]) else []
    outcomes: dict[str, set[Against]] = {one.id: set() for one in first}
    for comparison in verdict.references:
        if comparison.reference in baselines and comparison.candidate in outcomes:
            outcomes[comparison.candidate].add(comparison.outcome)
    sign = 1 if verdict.greater_is_better else -1
    first = [one for one in first if not outcomes[one.id] & {Against.NOT_SHOWN, Against.WORSE}]
    beating = [one for one in first if outcomes[one.id] == {Against.BETTER}]
    first = beating if beating or verdict.undecided else first
    if not first:
        return None
    if isinstance(prefer, PreferAmongTied):
        costs = {one.id: cost_of(one, prefer, rows=verdict.rows or 0) for one in first}
        first = [one for one in first if is_cheap(costs[one.id], min(costs.values()))]
        return min(first, key=lambda one: (-sign * (one.value or 0.0), one.id)).id
    order = {id_: place for place, id_ in enumerate(prefer)}
    return min(first, key=lambda one: (order.get(one.id, len(order)), -sign * (one.value or 0.0), one.id)).id


def _preference(verdict: RunVerdict, prefer: PreferAmongTied | Sequence[str]) -> str:
    """The name of the preference in the sentence."""
    if isinstance(prefer, PreferAmongTied):
        return str(prefer)
    return verdict_sentences.ORDER if verdict.recommended in prefer else verdict_sentences.SCORE
