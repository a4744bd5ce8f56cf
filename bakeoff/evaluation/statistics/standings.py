"""Where each candidate stands after a comparison: its standing, its places, its difference to the others.

Differences are in the unit of the metric, so of a loss they have the sign opposite to that of the scores.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bakeoff.domain.runs.verdict import PairDifference, Standing
from bakeoff.evaluation.statistics.pairwise_comparison import Comparison, Pairs
from bakeoff.evaluation.statistics.within_margin import bounds_to_best


def standings_of(comparison: Comparison, margin: float | None) -> dict[str, Standing]:
    """The standing of each compared candidate. `margin`: a difference that does not matter; None: none."""
    compared, pairs = comparison.compared, comparison.pairs
    standings = dict.fromkeys(compared.ids, Standing.WORSE)
    first = [int(place) for place in np.flatnonzero(comparison.may_be_best)]
    if len(first) == 1:
        return {**standings, compared.ids[first[0]]: Standing.BEST}
    rests_on_few = compared.n_eff < compared.fewest_rows
    is_close = np.zeros(len(compared.ids), dtype=np.bool_)
    if margin is not None:
        # Two perfect scores of four rows are equal, but that shows nothing.
        is_close = (bounds_to_best(comparison) <= margin) & ~rests_on_few
    for place in first:
        standings[compared.ids[place]] = Standing.EQUIVALENT if is_close[place] else Standing.TIED
    leader = max(first, key=lambda place: (compared.scores[place], -place))
    # Two that differ in a few rows only are tied, unless their scores rest on few rows: then nothing is
    # known.
    unknown = {
        other
        for other in first
        if other != leader and _is_held_back(pairs, leader, other) and rests_on_few[[leader, other]].any()
    }
    if len(unknown) == len(first) - 1:
        unknown.add(leader)
    return {**standings, **{compared.ids[place]: Standing.INSUFFICIENT for place in unknown}}


def bands_of(comparison: Comparison, places: int) -> dict[str, tuple[int, int]]:
    """First and last place of each candidate.

    Those who may be the best share the places from 1 on. Of the others, each comes behind them and behind
    those among the others that are shown to be better, and before those that are shown to be worse.
    """
    compared, pairs, claims = comparison.compared, comparison.pairs, comparison.claims
    first = np.flatnonzero(comparison.may_be_best)
    others = [place for place in np.argsort(-compared.scores, kind="stable") if place not in first]
    is_other = ~comparison.may_be_best
    shown = (claims.p_values <= comparison.level) & is_other[pairs.a] & is_other[pairs.b]
    winner = np.where(pairs.difference > 0, pairs.a, pairs.b)[shown]
    loser = np.where(pairs.difference > 0, pairs.b, pairs.a)[shown]
    candidates = len(compared.ids)
    begins = len(first) + 1 + np.bincount(loser, minlength=candidates)[others]
    ends = places - np.bincount(winner, minlength=candidates)[others]
    # Claims need not be transitive, so bands are widened until they are in the order of the scores.
    begins = np.minimum.accumulate(begins[::-1])[::-1]
    ends = np.maximum.accumulate(ends)
    bands = {compared.ids[place]: (1, len(first)) for place in first}
    for place, begin, end in zip(others, begins, ends, strict=True):
        bands[compared.ids[place]] = (int(begin), int(end))
    return bands


def pair_differences(comparison: Comparison, sign: int) -> tuple[PairDifference, ...]:
    pairs, claims, ids = comparison.pairs, comparison.claims, comparison.compared.ids
    low, high = pairs.intervals(claims.critical)
    if sign < 0:
        low, high = -high, -low
    found = []
    for place, (a, b) in enumerate(zip(pairs.a, pairs.b, strict=True)):
        known = bool(pairs.may_be_claimed[place] | pairs.are_equal[place])
        winner = ids[a] if pairs.difference[place] > 0 else ids[b]
        found.append(
            PairDifference(
                a=ids[a],
                b=ids[b],
                difference=sign * float(pairs.difference[place]),
                low=float(low[place]) if known else None,
                high=float(high[place]) if known else None,
                p_value=float(claims.p_values[place]),
                n_eff=float(pairs.n_eff[place]),
                better=winner if claims.p_values[place] <= comparison.level else None,
            )
        )
    return tuple(found)


def to_best_of(
    comparison: Comparison, pairs: Sequence[PairDifference], leader: str
) -> dict[str, PairDifference]:
    """Each candidate minus the one with the highest score. The p-value is that of the confidence set.

    So it agrees with the standing: at most `level` where the candidate is worse.
    """
    found = {}
    p_values = dict(zip(comparison.compared.ids, comparison.best_p, strict=True))
    for pair in pairs:
        if leader not in {pair.a, pair.b}:
            continue
        one = pair if pair.b == leader else pair.turned()
        p = float(p_values[one.a])
        found[one.a] = replace(one, p_value=p, better=leader if p <= comparison.level else None)
    return found


def _is_held_back(pairs: Pairs, one: int, other: int) -> bool:
    place = _place(pairs, one, other)
    return not bool(pairs.may_be_claimed[place] | pairs.are_equal[place])


def _place(pairs: Pairs, one: int, other: int) -> int:
    """The index of the pair among all pairs with a before b."""
    return int(np.flatnonzero((pairs.a == min(one, other)) & (pairs.b == max(one, other)))[0])
