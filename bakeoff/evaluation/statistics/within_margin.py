"""Whether candidates are shown to be so close that the difference does not matter to the user, in words too.

Of a pair that was named beforehand, two one-sided tests (TOST) decide. Of more than two, how far each can be
behind the best: all these bounds hold at once. In both cases scores that rest on too few rows show nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from bakeoff.domain.metric_names_and_scoring_rules import short_name
from bakeoff.domain.wording import joined
from bakeoff.evaluation.statistics.p_values import t_scores
from bakeoff.evaluation.statistics.pairwise_comparison import (
    DRAWS,
    ComparedScores,
    Comparison,
    compare_all,
    pairs_of,
)
from bakeoff.evaluation.statistics.sketches.row_blocks import Floats
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from bakeoff.evaluation.statistics.verdict_findings import too_few
from bakeoff.evaluation.statistics.verdict_sentences import number

_PAIR = 2


@dataclass(frozen=True, kw_only=True)
class EquivalenceTest:
    low: float  #: of the interval whose both ends must be within the margin
    high: float
    p_value: float
    is_equivalent: bool


@dataclass(frozen=True, kw_only=True)
class WithinMargin:
    metric: str
    margin: float
    within: Mapping[str, bool]  #: by candidate, whether it is shown to be within the margin
    test: EquivalenceTest | None = None  #: of a pair, the first minus the second; None for more, or unknown
    behind: Mapping[str, float] = field(default_factory=dict)  #: of more: behind the best by this at most
    unknown: str = ""  #: why nothing can be shown; empty if something could be

    @property
    def is_shown(self) -> bool:
        return all(self.within.values())

    @property
    def sentence(self) -> str:
        if self.unknown:
            return f"Whether they are within {self.margin:g} cannot be said: {self.unknown}."
        return self._of_a_pair(self.test) if self.test else self._of_many()

    def _of_a_pair(self, test: EquivalenceTest) -> str:
        half = (test.high - test.low) / 20  # one digit more than usual: the ends are held against the margin
        between = f"{number(test.low, half)} to {number(test.high, half)}"
        if self.is_shown:
            return (
                f"They are equivalent: their {short_name(self.metric)} is shown to differ by less than "
                f"{self.margin:g} (90 % interval of the difference {between})."
            )
        return (
            f"They are not shown to be within {self.margin:g} of each other: the 90 % interval of the "
            f"difference is {between}."
        )

    def _of_many(self) -> str:
        close = [name for name, is_close in self.within.items() if is_close]
        far = [f"{name} {number(self.behind[name], 0)}" for name in self.within if name not in close]
        best = f"within {self.margin:g} of whichever is best by {short_name(self.metric)}"
        if not far:
            return f"They are equivalent: all are shown to be {best}."
        behind = f"behind it may be {joined(far)}"
        if not close:
            return f"None of them is shown to be {best}: {behind}."
        verb = "is" if len(close) == 1 else "are"
        return f"{joined(close)} {verb} shown to be {best}; {behind}."

    def to_record(self) -> dict[str, Any]:
        test = self.test
        return {
            "metric": self.metric,
            "margin": self.margin,
            "method": "two one-sided tests" if len(self.within) == _PAIR else "bounds to the best",
            "isShown": self.is_shown,
            "sentence": self.sentence,
            "low": test.low if test else None,
            "high": test.high if test else None,
            "pValue": test.p_value if test else None,
            "candidates": {
                name: {"isWithin": is_close, "behindAtMost": self.behind.get(name)}
                for name, is_close in self.within.items()
            },
        }


def within_margin(
    sketches: Mapping[str, Sketch | None],
    *,
    metric: str,
    greater_is_better: bool,
    margin: float,
    level: float = 0.05,
    draws: int = DRAWS,
) -> WithinMargin:
    """`sketches` in the order in which the candidates were named; None: there is no sketch of the metric."""
    names = list(sketches)
    able = {name: one for name, one in sketches.items() if one is not None and one.is_estimable}
    nothing = WithinMargin(metric=metric, margin=margin, within=dict.fromkeys(names, False))
    if lacking := [name for name in names if name not in able]:
        return _unknown(nothing, f"it is not known how sure the {short_name(metric)} of {joined(lacking)} is")
    if few := too_few(list(able.values())):
        return _unknown(nothing, few[0].message)
    compared = ComparedScores.of(able, greater_is_better=greater_is_better)
    # Two perfect scores of four rows are equal, but that shows nothing.
    on_few = [name for name in names if compared.n_eff[compared.ids.index(name)] < compared.fewest_rows]
    if on_few:
        return _unknown(nothing, f"the {short_name(metric)} of {joined(on_few)} rests on too few rows")
    if len(names) == _PAIR:
        return _of_pair(names, compared, nothing, level, sign=1 if greater_is_better else -1)
    bounds = bounds_to_best(compare_all(compared, level=level, draws=draws))
    behind = {name: float(bounds[compared.ids.index(name)]) for name in names}
    return WithinMargin(
        metric=metric,
        margin=margin,
        within={name: bound <= margin for name, bound in behind.items()},
        behind=behind,
    )


def _of_pair(
    names: Sequence[str], compared: ComparedScores, nothing: WithinMargin, level: float, *, sign: int
) -> WithinMargin:
    first, second = (np.array([compared.ids.index(name)], dtype=np.intp) for name in names)
    pair = pairs_of(compared, first, second)
    test = two_one_sided_tests(
        sign * float(pair.difference[0]),
        float(pair.se[0]),
        float(pair.df[0]),
        nothing.margin,
        level=level,
    )
    return WithinMargin(
        metric=nothing.metric,
        margin=nothing.margin,
        within=dict.fromkeys(names, test.is_equivalent),
        test=test,
    )


def _unknown(nothing: WithinMargin, why: str) -> WithinMargin:
    return WithinMargin(metric=nothing.metric, margin=nothing.margin, within=nothing.within, unknown=why)


def bounds_to_best(comparison: Comparison) -> Floats:
    """How far each candidate can be behind the best, at most; all bounds hold at once.

    The bound of a difference that rests on few rows is wider: by t with as few degrees of freedom.
    """
    pairs, critical = comparison.pairs, comparison.claims.critical
    reach = np.where(pairs.may_be_claimed, critical, t_scores(critical, pairs.df)) * pairs.se
    bounds = np.zeros(len(comparison.compared.ids))
    np.maximum.at(bounds, pairs.b, pairs.difference + reach)
    np.maximum.at(bounds, pairs.a, reach - pairs.difference)
    return bounds


def two_one_sided_tests(
    difference: float, se: float, df: float, margin: float, *, level: float = 0.05
) -> EquivalenceTest:
    """TOST, for one pair that was named beforehand: its 90 % interval lies within the margin."""
    if margin <= 0:
        raise ValueError(f"a margin is a difference above 0, got {margin}")
    half = float(special.stdtrit(df, 1 - level)) * se
    low, high = difference - half, difference + half
    if se == 0:
        p = 0.0 if abs(difference) < margin else 1.0
    else:
        p = float(special.stdtr(df, (abs(difference) - margin) / se))
    return EquivalenceTest(low=low, high=high, p_value=p, is_equivalent=-margin < low and high < margin)
