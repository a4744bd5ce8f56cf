"""Candidates compared over several datasets, each of which is one unit.

Two candidates are compared by the signed ranks of the differences of their scores (Wilcoxon), and the
p-values of all pairs are adjusted by Holm. Mean ranks show the order; their intervals are half of Nemenyi's
critical difference wide on each side, so that two that do not overlap differ by their mean ranks alone, too.
The claims rest on the signed ranks: a mean rank depends on who else takes part.

The p-values are exact for any number of datasets, and with ties: the sum of the ranks is counted over all
signs. Differences of zero are ranked and then dropped (Pratt).
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from bakeoff.domain.runs.suite import PairAcross, RankedCandidate, SuiteVerdict
from bakeoff.domain.runs.verdict import Standing
from bakeoff.domain.wording import counted, joined
from bakeoff.evaluation.statistics.p_values import holm

if TYPE_CHECKING:
    from bakeoff.evaluation.statistics.sketches.row_blocks import Floats

#: With fewer, nothing is claimed.
FEWEST_DATASETS = 5

_DIGITS = 12  #: scores of a dataset that agree in so many, counted from its largest, are ties
_MOST_DECIMALS = 300  #: ten to the power of more is infinite
_NAMED = 4  #: most names in a sentence
_PAIR = 2


def signed_rank_p(differences: "Sequence[float] | Floats") -> float:
    """The exact two-sided p-value of Wilcoxon's signed ranks. 1 if all differences are zero."""
    found = _rounded(np.asarray(differences, dtype=np.float64), beside=differences)
    ranks = mid_ranks(np.abs(found))[found != 0]
    if not len(ranks):
        return 1.0
    doubled = np.rint(2 * ranks).astype(np.int64)  # the average of two ranks is a half at most
    positive = int(doubled[found[found != 0] > 0].sum())
    below = _shares_up_to(tuple(sorted(doubled.tolist())))
    return float(min(1.0, 2 * below[min(positive, int(doubled.sum()) - positive)]))


def _rounded(values: "Floats", *, beside: "Sequence[float] | Floats") -> "Floats":
    """So that what is equal up to the errors of arithmetic is equal: these follow the largest number."""
    largest = float(np.max(np.abs(beside), initial=0.0))
    if largest == 0.0 or not math.isfinite(largest):
        return values
    decimals = _DIGITS - 1 - math.floor(math.log10(largest))
    found: Floats = np.round(values, min(decimals, _MOST_DECIMALS))
    return found


@lru_cache(maxsize=256)
def _shares_up_to(doubled: tuple[int, ...]) -> "Floats":
    """For each sum, the share of all choices of signs whose positive ranks add up to no more."""
    shares = np.zeros(sum(doubled) + 1)
    shares[0] = 1.0
    for rank in doubled:
        moved = np.zeros_like(shares)
        moved[rank:] = shares[: len(shares) - rank]
        shares = (shares + moved) / 2
    return np.cumsum(shares)


def mid_ranks(values: "Floats") -> "Floats":
    """From 1, the lowest; equal values share the average of their places."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def critical_difference(candidates: int, datasets: int, *, level: float) -> float:
    """How far two mean ranks must lie apart to differ, by Nemenyi's test."""
    return _studentized_range(candidates, level) * math.sqrt(candidates * (candidates + 1) / (12 * datasets))


@lru_cache(maxsize=64)
def _studentized_range(candidates: int, level: float) -> float:
    from scipy.stats import studentized_range  # slow to import, and only this needs it

    return float(studentized_range.ppf(1 - level, candidates, np.inf))


def datasets_needed(candidates: int, *, level: float) -> int:
    """The fewest datasets with which any difference can be shown, however consistent it is."""
    pairs = max(1, candidates * (candidates - 1) // 2)
    return max(FEWEST_DATASETS, math.ceil(1 + math.log2(pairs / level)))


def judge_across(
    scores: Mapping[str, Mapping[str, float]],
    *,
    metric: str | None,
    greater_is_better: bool,
    level: float = 0.05,
    outcomes: Mapping[str, tuple[int, int, int]] | None = None,
    left_out: Mapping[str, str] | None = None,
) -> SuiteVerdict:
    """`scores`: by dataset and candidate, each with the same candidates; greater ones are better, or less.

    `metric`: None if the scores of different datasets are of different metrics: then they are only ranked.
    `outcomes`: wins, ties and losses of each candidate by the verdicts of the runs.
    """
    datasets = tuple(scores)
    names = sorted(next(iter(scores.values()), {}))
    table = np.array([[scores[one][name] for name in names] for one in datasets]).reshape(
        len(datasets), len(names)
    )
    better_up = table if greater_is_better else -table
    ranks = np.array([mid_ranks(-_rounded(row, beside=row)) for row in better_up]).reshape(table.shape)
    is_comparable = len(names) >= _PAIR and len(datasets) > 0
    difference = critical_difference(len(names), len(datasets), level=level) if is_comparable else None
    may_claim = metric is not None and is_comparable and len(datasets) >= FEWEST_DATASETS
    pairs = _pairs(names, better_up, table, level) if may_claim else ()
    can_be_shown = may_claim and len(datasets) >= datasets_needed(len(names), level=level)
    ranked = _ranked(names, ranks, pairs if can_be_shown else (), difference, outcomes or {})
    taken = _best_unbeaten(ranked) if can_be_shown else None
    return SuiteVerdict(
        sentence=_sentence(ranked, pairs, datasets=len(datasets), metric=metric, level=level),
        metric=metric,
        greater_is_better=greater_is_better,
        level=level,
        datasets=datasets,
        candidates=ranked,
        pairs=pairs,
        critical_difference=difference,
        recommended=taken.id if taken else None,
        left_out=dict(left_out or {}),
    )


def _pairs(
    names: Sequence[str], better_up: "Floats", table: "Floats", level: float
) -> tuple[PairAcross, ...]:
    places = list(combinations(range(len(names)), 2))
    differences = [np.array([_rounded(row[a] - row[b], beside=row) for row in better_up]) for a, b in places]
    adjusted = holm([signed_rank_p(one) for one in differences])
    found = []
    for (a, b), ahead, p_value in zip(places, differences, adjusted, strict=True):
        leads = np.sign(ahead) @ mid_ranks(np.abs(ahead))
        found.append(
            PairAcross(
                a=names[a],
                b=names[b],
                median=float(np.median(table[:, a] - table[:, b])),
                a_leads=int((ahead > 0).sum()),
                b_leads=int((ahead < 0).sum()),
                p_value=float(p_value),
                better=(names[a] if leads > 0 else names[b]) if p_value <= level else None,
            )
        )
    return tuple(found)


def _ranked(
    names: Sequence[str],
    ranks: "Floats",
    pairs: Sequence[PairAcross],
    difference: float | None,
    outcomes: Mapping[str, tuple[int, int, int]],
) -> tuple[RankedCandidate, ...]:
    """The best mean rank first."""
    means = ranks.mean(axis=0) if len(ranks) else np.zeros(len(names))
    order = sorted(range(len(names)), key=lambda place: (means[place], names[place]))
    half = (difference or 0.0) / 2
    standings = _standings([names[place] for place in order], pairs)
    return tuple(
        RankedCandidate(
            id=names[place],
            mean_rank=float(means[place]),
            low=max(1.0, float(means[place]) - half),
            high=min(float(len(names)), float(means[place]) + half),
            ranks=tuple(map(float, ranks[:, place])),
            wins=outcomes.get(names[place], (0, 0, 0))[0],
            ties=outcomes.get(names[place], (0, 0, 0))[1],
            losses=outcomes.get(names[place], (0, 0, 0))[2],
            standing=standings[names[place]],
        )
        for place in order
    )


def _standings(in_order: Sequence[str], pairs: Sequence[PairAcross]) -> dict[str, Standing]:
    """`worse`: another one is shown to be better. Nothing is claimed without pairs."""
    if not pairs:
        return dict.fromkeys(in_order, Standing.INSUFFICIENT)
    beaten = {name for name in in_order if _better_than(name, pairs)}
    standings = {name: Standing.WORSE if name in beaten else Standing.TIED for name in in_order}
    for name in standings:
        if len(_worse_than(name, pairs)) == len(in_order) - 1:
            standings[name] = Standing.BEST
    return standings


def _better_than(name: str, pairs: Sequence[PairAcross]) -> list[str]:
    return [pair.better for pair in pairs if name in {pair.a, pair.b} and pair.better and pair.better != name]


def _worse_than(name: str, pairs: Sequence[PairAcross]) -> list[str]:
    return [pair.a if name == pair.b else pair.b for pair in pairs if pair.better == name]


def _best_unbeaten(ranked: Sequence[RankedCandidate]) -> RankedCandidate | None:
    """None if each is shown to be worse than another, which is possible in a circle."""
    return next((one for one in ranked if one.standing is not Standing.WORSE), None)


def _sentence(
    ranked: Sequence[RankedCandidate],
    pairs: Sequence[PairAcross],
    *,
    datasets: int,
    metric: str | None,
    level: float,
) -> str:
    if len(ranked) < _PAIR or not datasets:
        who = f"{ranked[0].id} alone" if len(ranked) == 1 else "No candidate"
        return f"{who} has a score on all datasets, so there is nothing to compare."
    first = ranked[0]
    sharing = [one.id for one in ranked[1:] if one.mean_rank == first.mean_rank]
    verb, others = ("shares", f", with {_names(sharing)}") if sharing else ("has", "")
    leads = f"{first.id} {verb} the best mean rank, {first.mean_rank:.3g} of {len(ranked)}{others}"
    if datasets < FEWEST_DATASETS:
        return (
            f"{counted(datasets, 'dataset')} are too few to judge the candidates across them; at least "
            f"{FEWEST_DATASETS} are needed. {leads}; look at the verdict of each dataset."
        )
    if metric is None:
        return (
            "The datasets are scored by different metrics, whose differences cannot be compared: name one "
            f"metric that fits all. {leads}."
        )
    needed = datasets_needed(len(ranked), level=level)
    if datasets < needed:
        return (
            f"With {datasets} datasets and {len(ranked)} candidates no difference can be shown, however "
            f"consistent: it takes {needed} datasets, or fewer candidates. {leads}."
        )
    return _claim(ranked, pairs, leads, datasets)


def _claim(ranked: Sequence[RankedCandidate], pairs: Sequence[PairAcross], leads: str, datasets: int) -> str:
    first, taken = ranked[0], _best_unbeaten(ranked)
    if taken is None:
        return f"{leads}, but each candidate is shown to be worse than another, so none is recommended."
    if taken.standing is Standing.BEST and taken is first:
        largest = max(pair.p_value for pair in pairs if first.id in {pair.a, pair.b})
        others = "the other" if len(ranked) == _PAIR else "each of the others"
        return (
            f"{first.id} is better than {others} across {datasets} datasets (signed ranks, adjusted "
            f"p {largest:.2g} at most), with a mean rank of {first.mean_rank:.3g} of {len(ranked)}. "
            f"Take {first.id} where one must serve all."
        )
    unbeaten = [one.id for one in ranked if one.standing is not Standing.WORSE and one is not taken]
    take = f"Take {taken.id} where one must serve all" + (
        ", or the cheapest of those not told apart." if unbeaten else "."
    )
    if taken is not first:
        # Narrow leads over it, with others in between, and large gaps elsewhere: mean ranks see no sizes.
        winners = _better_than(first.id, pairs)
        are = "is" if len(winners) == 1 else "are"
        also = f" {taken.id} is not told apart from {_names(unbeaten)}." if unbeaten else ""
        return (
            f"{leads}, but {_names(winners)} {are} shown to be better than it by the signed ranks, across "
            f"{datasets} datasets.{also} {take}"
        )
    shown = _worse_than(first.id, pairs)
    beaten = f" It is better than {_names(shown)}." if shown else ""
    apart = unbeaten or [one.id for one in ranked[1:] if one.id not in shown]
    return (
        f"{leads}, and across {datasets} datasets it is not told apart from {_names(apart)}.{beaten} {take}"
    )


def _names(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return joined(names)
    return f"{', '.join(names[: _NAMED - 1])} and {len(names) - _NAMED + 1} others"
