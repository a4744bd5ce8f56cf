"""Differences between candidates that were scored on the same rows, and which of them may be claimed.

    compare_all            every pair, with p-values adjusted by step-down max-T, and the model confidence set
    compare_with_fixed     every candidate with one reference that was named beforehand

Each of the two makes a false claim in at most `level` of the runs. Both draw from the same Gaussian: the
scores that all candidates would have on other rows of the same kind, by the covariance of their sketches.

The candidates are put in the order of their ids before anything is drawn, so the order in which they are
given changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bakeoff.evaluation.statistics.p_values import normal_scores, t_scores
from bakeoff.evaluation.statistics.sketches.row_blocks import SEED, Floats, Ints
from bakeoff.evaluation.statistics.sketches.sketch import Sketch

#: With so many draws, a p-value near 0.05 has a standard deviation of 0.002.
DRAWS = 10_000

#: A variance below this share of the candidates' own is rounding: they differ nowhere.
_ROUNDING = 1e-12

#: A difference without any variance is judged by its sign in the blocks. Fewer of them cannot reach 5 %.
_FEWEST_BLOCKS = 6


class IncomparableError(ValueError):
    """The sketches are not of the same metric on the same rows. The message says in what they differ."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparedScores:
    """The candidates that are compared, in the order of their ids."""

    ids: tuple[str, ...]
    scores: Floats  #: more is better, also of a loss
    sums: Floats  #: (blocks, candidates), with the sign of the scores
    fewest_rows: int  #: a difference that rests on fewer is not claimed

    @classmethod
    def of(cls, sketches: Mapping[str, Sketch], *, greater_is_better: bool) -> Self:
        """Every sketch must be estimable; raise IncomparableError if they are not of the same rows."""
        ids = tuple(sorted(sketches))
        in_order = [sketches[id_] for id_ in ids]
        _refuse_mixtures(ids, in_order)
        sign = 1.0 if greater_is_better else -1.0
        return cls(
            ids=ids,
            scores=sign * np.array([sketch.value for sketch in in_order], dtype=np.float64),
            sums=sign * _with_seeds(in_order),
            fewest_rows=max(sketch.kind.fewest_rows for sketch in in_order),
        )

    @cached_property
    def n_eff(self) -> Floats:
        """The rows that each score rests on."""
        squares = self.sums * self.sums
        fourth = (squares * squares).sum(axis=0)
        n_eff: Floats = np.where(
            fourth > 0, squares.sum(axis=0) ** 2 / np.where(fourth > 0, fourth, 1.0), 0.0
        )
        return n_eff

    @cached_property
    def covariance(self) -> Floats:
        blocks = len(self.sums)
        product: Floats = self.sums.T @ self.sums * (blocks / (blocks - 1))
        return product


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Pairs of candidates a and b: one entry of each array per pair."""

    a: Ints
    b: Ints
    difference: Floats  #: of the scores, a minus b
    se: Floats
    n_eff: Floats  #: rows that the difference rests on
    t: Floats
    z: Floats  #: t, on the normal scale
    is_certain: NDArray[np.bool_]  #: the two differ by the same in all blocks, so there is no variance
    may_be_claimed: NDArray[np.bool_]  #: it rests on enough rows
    least_p: Floats  #: a bound for the p-value: of a certain difference, the p-value of its sign test

    @property
    def df(self) -> Floats:
        """Degrees of freedom, by the kurtosis of the influences (Satterthwaite): low if few rows decide."""
        return 2 * self.n_eff

    @property
    def are_equal(self) -> NDArray[np.bool_]:
        """Where the predictions of both score the same in every block."""
        equal: NDArray[np.bool_] = self.is_certain & (self.difference == 0)
        return equal

    @property
    def claimable_z(self) -> Floats:
        return np.where(self.may_be_claimed, self.z, 0.0)

    def intervals(self, critical: float) -> tuple[Floats, Floats]:
        """Simultaneous intervals: all of them hold at once. `critical` is on the normal scale."""
        half = t_scores(critical, self.df) * self.se
        return self.difference - half, self.difference + half


@dataclass(frozen=True, kw_only=True, eq=False)
class Claims:
    p_values: Floats  #: one per pair, adjusted for all of them
    critical: float  #: what |z| exceeds in no pair, in 1 - level of the runs of equal candidates


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    compared: ComparedScores
    pairs: Pairs
    claims: Claims
    best_p: Floats  #: one per candidate: it is out of the set of those that may be the best where p <= level
    level: float

    @property
    def may_be_best(self) -> NDArray[np.bool_]:
        """The model confidence set."""
        inside: NDArray[np.bool_] = self.best_p > self.level
        return inside


def compare_all(
    compared: ComparedScores, *, level: float = 0.05, draws: int = DRAWS, seed: int = SEED
) -> Comparison:
    pairs = pairs_of(compared)
    drawn = draw(compared.covariance, draws=draws, seed=seed)
    return Comparison(
        compared=compared,
        pairs=pairs,
        claims=step_down(pairs, drawn, level=level),
        best_p=confidence_set_p(pairs, drawn),
        level=level,
    )


def compare_with_fixed(
    compared: ComparedScores, reference: str, *, level: float = 0.05, draws: int = DRAWS, seed: int = SEED
) -> tuple[Pairs, Claims]:
    """Compares each of the others (a) with the reference (b), in the order of the ids, as one family."""
    place = compared.ids.index(reference)
    others = np.array([other for other in range(len(compared.ids)) if other != place], dtype=np.intp)
    pairs = pairs_of(compared, others, np.full(len(others), place, dtype=np.intp))
    drawn = draw(compared.covariance, draws=draws, seed=seed)
    return pairs, step_down(pairs, drawn, level=level)


def pairs_of(compared: ComparedScores, a: Ints | None = None, b: Ints | None = None) -> Pairs:
    """All pairs with a before b, or those given."""
    if a is None or b is None:
        a, b = np.triu_indices(len(compared.ids), 1)
    blocks = len(compared.sums)
    gram = compared.sums.T @ compared.sums
    raw = gram[a, a] + gram[b, b] - 2 * gram[a, b]
    is_certain = raw <= _ROUNDING * np.maximum(gram[a, a], gram[b, b])
    difference = compared.scores[a] - compared.scores[b]
    # Two sums of the same losses may differ in the last bit. That is no difference.
    size = np.maximum(np.abs(compared.scores[a]), np.abs(compared.scores[b]))
    difference = np.where(is_certain & (np.abs(difference) <= _ROUNDING * size), 0.0, difference)
    se = np.sqrt(np.where(is_certain, 0.0, raw * (blocks / (blocks - 1))))
    n_eff = _rows_rested_on(compared.sums, a, b, raw, is_certain)
    t = np.where(is_certain, 0.0, difference / np.where(is_certain, 1.0, se))
    # All blocks have the same sign, by chance with 2^-blocks. More than a thousand would underflow.
    sign_tail = 0.5 ** min(blocks, 1000)
    sign_z = np.sign(difference) * min(float(-special.ndtri(sign_tail)), 37.0)
    by_sign = is_certain & (difference != 0)
    return Pairs(
        a=a,
        b=b,
        difference=difference,
        se=se,
        n_eff=n_eff,
        t=t,
        z=np.where(by_sign, sign_z, normal_scores(t, 2 * n_eff)),
        is_certain=is_certain,
        may_be_claimed=np.where(is_certain, blocks >= _FEWEST_BLOCKS, n_eff >= compared.fewest_rows),
        least_p=np.where(by_sign, min(1.0, 2 * sign_tail * max(int(by_sign.sum()), 1)), 0.0),
    )


def draw(covariance: Floats, *, draws: int = DRAWS, seed: int = SEED) -> Floats:
    """Draws of the errors of all scores, (candidates, draws): what other rows of the same kind would give."""
    candidates = len(covariance)
    # Candidates with equal predictions make the matrix singular. So little on its diagonal shows nowhere
    # else.
    jitter = 1e-10 * max(float(np.trace(covariance)) / candidates, 1e-300)
    root = np.linalg.cholesky(covariance + jitter * np.eye(candidates))
    normal = np.random.RandomState(seed).standard_normal((draws, candidates))  # a frozen stream
    return np.ascontiguousarray((normal @ root.T).T)


def step_down(pairs: Pairs, drawn: Floats, *, level: float = 0.05) -> Claims:
    """Adjusted p-values of Romano and Wolf.

    Each pair is held against the largest statistic, draw by draw, of the pairs that are no more significant.
    """
    z = np.abs(pairs.claimable_z)  # 0, and so a p-value of 1, where the two are equal or rest on few rows
    least_significant_first = np.argsort(-z, kind="stable")[::-1]
    draws = drawn.shape[1]
    largest = np.zeros(draws)
    p = np.ones(len(z))
    # Pair by pair, so that memory does not grow with the number of pairs.
    for place in least_significant_first:
        np.maximum(largest, _statistics(pairs, int(place), drawn), out=largest)
        p[place] = (1 + np.count_nonzero(largest >= z[place])) / (draws + 1)
    p = np.maximum(p, pairs.least_p)
    order = least_significant_first[::-1]
    p[order] = np.maximum.accumulate(p[order])  # none is more significant than one before it
    return Claims(p_values=p, critical=float(np.quantile(largest, 1 - level, method="higher")))


def confidence_set_p(pairs: Pairs, drawn: Floats) -> Floats:
    """The model confidence set of Hansen, Lunde and Nason (T_R): a p-value per candidate.

    The candidate that is beaten most clearly is eliminated, again and again, until one is left. The order of
    elimination follows from z alone; the significance is then found from the last to the first, as in
    `step_down`.
    """
    candidates, draws = drawn.shape
    beats = np.zeros((candidates, candidates))  # how clearly the row beats the column
    z = pairs.claimable_z
    beats[pairs.a, pairs.b], beats[pairs.b, pairs.a] = z, -z
    scale = np.zeros((candidates, candidates))
    scale[pairs.a, pairs.b] = scale[pairs.b, pairs.a] = _inverse(pairs.se)
    least_p = np.zeros((candidates, candidates))
    least_p[pairs.a, pairs.b] = least_p[pairs.b, pairs.a] = pairs.least_p

    inside = list(range(candidates))
    put_out: list[
        tuple[int, float, float]
    ] = []  # who, how clearly beaten, and what its p-value cannot go below
    while len(inside) > 1:
        among = beats[np.ix_(inside, inside)]
        loser = int(among.max(axis=0).argmax())
        winner = int(among[:, loser].argmax())
        clearness = float(among[winner, loser])
        put_out.append((inside[loser], clearness, float(least_p[inside[winner], inside[loser]])))
        del inside[loser]

    p = np.ones(candidates)
    largest = np.zeros(draws)
    kept = inside
    for candidate, clearness, floor in reversed(put_out):
        for other in kept:
            np.maximum(
                largest, np.abs(drawn[candidate] - drawn[other]) * scale[candidate, other], out=largest
            )
        kept.append(candidate)
        if clearness > 0:
            p[candidate] = max((1 + np.count_nonzero(largest >= clearness)) / (draws + 1), floor)
    order = [candidate for candidate, _, _ in put_out]
    p[order] = np.maximum.accumulate(p[order])
    return p


def _rows_rested_on(sums: Floats, a: Ints, b: Ints, raw: Floats, is_certain: NDArray[np.bool_]) -> Floats:
    """(sum of d^2)^2 / sum of d^4 for d = S_a - S_b, for all pairs at once, by the binomial formula."""
    blocks = len(sums)
    squares = sums * sums
    fourth = squares.T @ squares  # sum of S_a^2 S_b^2
    cubes = (squares * sums).T @ sums  # sum of S_a^3 S_b
    of_fourth = np.diag(fourth)
    sum_fourth = of_fourth[a] + of_fourth[b] - 4 * cubes[a, b] - 4 * cubes[b, a] + 6 * fourth[a, b]
    defined = ~is_certain & (sum_fourth > 0)
    n_eff = np.where(defined, raw * raw / np.where(defined, sum_fourth, 1.0), float(blocks))
    clipped: Floats = np.clip(n_eff, 1.0, float(blocks))
    return clipped


def _statistics(pairs: Pairs, place: int, drawn: Floats) -> Floats:
    """|z| of one pair, in every draw."""
    statistics: Floats = drawn[pairs.a[place]] - drawn[pairs.b[place]]
    np.abs(statistics, out=statistics)
    statistics *= 0.0 if pairs.is_certain[place] else 1.0 / pairs.se[place]
    return statistics


def _inverse(se: Floats) -> Floats:
    return np.where(se > 0, 1.0 / np.where(se > 0, se, 1.0), 0.0)


def _with_seeds(sketches: list[Sketch]) -> Floats:
    """The block sums, (blocks, candidates); below them, what the seeds of each add, in blocks of its own."""
    sums = np.column_stack([sketch.scaled_sums for sketch in sketches])
    own = [sketch.seed_sums for sketch in sketches]
    if not any(map(len, own)):
        return sums
    below = np.zeros((sum(map(len, own)), len(sketches)))
    place = 0
    for candidate, added in enumerate(own):
        below[place : place + len(added), candidate] = added
        place += len(added)
    # Every variance here is multiplied by blocks / (blocks - 1), of all blocks. Of the rows it is to be that
    # of their own blocks, and of the seeds 1.
    blocks, every = len(sums), len(sums) + len(below)
    factor = every / (every - 1)
    return np.vstack([sums * np.sqrt(blocks / (blocks - 1) / factor), below / np.sqrt(factor)])


def _refuse_mixtures(ids: tuple[str, ...], sketches: list[Sketch]) -> None:
    for what in ("metric", "rule", "split", "rows", "variance_factor"):
        values = [getattr(sketch, what) for sketch in sketches]
        for id_, value in zip(ids, values, strict=True):
            if value != values[0]:
                raise IncomparableError(
                    f"{ids[0]} and {id_} cannot be compared: their {what.replace('_', ' ')} differs, "
                    f"{values[0]!r} and {value!r}"
                )
    blocks = [len(sketch.sums) for sketch in sketches]
    if min(blocks) < 2 or min(blocks) != max(blocks):  # noqa: PLR2004 - one block has no variance
        raise IncomparableError(
            f"expected sketches with the same number of blocks, two at least, got {blocks}"
        )
