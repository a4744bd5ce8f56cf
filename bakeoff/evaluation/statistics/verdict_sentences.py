"""The verdict in words, by which a person can choose a candidate.

A candidate is called best only if that was shown, and tied candidates are never called equal. Numbers have as
many digits as their intervals support.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

from bakeoff.domain.runs.verdict import (
    Against,
    Interval,
    PairDifference,
    PreferAmongTied,
    ReferenceComparison,
    RunVerdict,
    Standing,
    is_cheap,
)
from bakeoff.domain.wording import counted, joined, joined_in_brief
from bakeoff.evaluation.statistics.costs_of_tied_candidates import cost_of, costs_in_words, measured_cost

#: As `prefer`: the user gave an order of candidates, not a cost.
ORDER = "order"

#: As `prefer`: the order names none of those in first place, so the score decides.
SCORE = "score"

_PAIR = 2

_WORDS = (
    *("no", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)

#: By what is preferred: of two, and of more.
_CHEAPEST = {
    PreferAmongTied.PREDICT_TIME: ("the cheaper of the two", "the cheapest of them"),
    PreferAmongTied.FIT_TIME: ("the faster of the two to fit", "the fastest of them to fit"),
    PreferAmongTied.MEMORY: ("which needs less memory", "which needs the least memory"),
}


_COSTS = {
    PreferAmongTied.PREDICT_TIME: "prediction time",
    PreferAmongTied.FIT_TIME: "time to fit",
    PreferAmongTied.MEMORY: "memory",
}


@dataclass(frozen=True, kw_only=True)
class Contender:
    """What the sentence needs to know of a candidate beside the verdict."""

    id: str
    value: float | None
    why_unscored: str | None = None  #: what the metric says of having no value
    interval: Interval | None = None
    fit_seconds: float | None = None
    predict_seconds: float | None = None  #: per row
    peak_memory_mb: float | None = None


def tell(
    verdict: RunVerdict,
    contenders: Sequence[Contender],
    *,
    baselines: Sequence[str] = (),
    prefer: str = "predict_time",
    margin: float | None = None,
) -> str:
    scored = {one.id: one for one in contenders if one.value is not None}
    if reason := _nothing_to_claim(verdict, scored, contenders):
        return reason
    if verdict.best is not None:
        first, said = [verdict.best], _one_best(verdict, scored)
    elif verdict.tied:
        first, said = list(verdict.tied), _tie(verdict, margin)
    elif verdict.undecided:
        first, said = list(verdict.undecided), _nobody_is_best(verdict, scored)
    else:
        first, said = list(scored), _only_one(verdict, next(iter(scored.values())))
    unbeaten = [name for name in baselines if _is_unbeaten(verdict, name)]
    if unbeaten:
        said, first = _not_better_than_baseline(verdict, scored, first, unbeaten[0]), first[:1]
    parts = [said, _the_one_to_take(verdict, scored, prefer)]
    fixed = dict.fromkeys(one.reference for one in verdict.references if one.reference not in unbeaten)
    # Of several in first place it goes without saying that they beat a baseline. Of one alone it does not,
    # nor of those that too few rows tell apart; and who is not shown to beat one of them has won nothing by
    # beating another.
    says_more = not verdict.undecided and (len(scored) > 1 or bool(unbeaten))
    implied = set(baselines) if says_more else set()
    parts += [_against(verdict, first, name, is_implied=name in implied) for name in fixed]
    return " ".join(part for part in parts if part)


def _nothing_to_claim(verdict: RunVerdict, scored: dict[str, Contender], all_: Sequence[Contender]) -> str:
    """Why nothing can be said; empty if something can. Of a metric that failed, one candidate says how."""
    causes = (f" Of {one.id}: {one.why_unscored.rstrip('.')}." for one in all_ if one.why_unscored)
    slugs = {finding.slug for finding in verdict.findings}
    whom = next(iter(scored), "") if len(scored) == 1 else f"the {_count(len(scored))} candidates"
    claim, metric, rows = f"Nothing can be claimed of {whom}", verdict.metric_name, _rows(verdict)
    are = "is" if verdict.rows == 1 else "are"
    is_open = verdict.best is None and not verdict.tied and len(scored) > 1 and verdict.recommended is None
    reasons = (
        (not all_, "No candidate has a result, so there is no verdict."),
        (not scored, f"No candidate has a score by {metric}, so there is no verdict.{next(causes, '')}"),
        (verdict.rows is None, f"{claim}: the predictions behind their scores were not kept."),
        (
            "few-rows" in slugs,
            f"{rows} {are} too few to claim anything of {whom}; at least 20 are needed.",
        ),
        (
            "few-groups" in slugs,
            f"The groups of the {rows} are too few to claim anything of {whom}; 6 are needed.",
        ),
        (is_open, _nobody_is_best(verdict, scored)),
    )
    return next((why for holds, why in reasons if holds), "")


def _nobody_is_best(verdict: RunVerdict, scored: dict[str, Contender]) -> str:
    why = f"{verdict.metric_name} rests on too few of the {_rows(verdict)}."
    worse = [id_ for id_ in scored if verdict.standings.get(id_) is Standing.WORSE]
    if worse:
        others = [id_ for id_ in scored if id_ not in worse]
        shown = f"{joined_in_brief(worse)} {'is' if len(worse) == 1 else 'are'} shown not to be the best"
        return f"{shown}. Which of {joined_in_brief(others)} is, cannot be said: their {why}"
    if verdict.undecided and verdict.recommended is not None:
        return f"Which of {joined_in_brief(verdict.undecided)} is best cannot be said: their {why}"
    return f"Nothing can be claimed of the {_count(len(scored))} candidates: their {why}"


def _one_best(verdict: RunVerdict, scored: dict[str, Contender]) -> str:
    best = scored[verdict.best or ""]
    others = [pair for id_, pair in verdict.to_best.items() if verdict.standings[id_] is Standing.WORSE]
    higher = "higher" if verdict.greater_is_better else "lower"
    its = f"its {verdict.metric_name} of {_value(best)} is shown to be {higher} than that of"
    if len(others) == 1:
        return f"{best.id} is best: {its} {others[0].a}, by {_behind(others[0])}."
    nearest = min(others, key=lambda pair: (abs(pair.difference), pair.a))
    return (
        f"{best.id} is best: {its} the {_count(len(others))} others. "
        f"The next, {nearest.a}, is {_behind(nearest)} behind."
    )


def _behind(pair: PairDifference) -> str:
    half = 0.0 if pair.low is None or pair.high is None else (pair.high - pair.low) / 2
    amount = number(abs(pair.difference), half)
    if pair.low is None or pair.high is None or pair.low <= 0 <= pair.high:
        return amount  # excluded by all comparisons together; this pair alone would not do
    nearer, farther = sorted((abs(pair.low), abs(pair.high)))
    least = number(nearer, half)
    if not float(least.replace(",", "")):  # what was shown must not read as no difference
        least = about(nearer, nearer)
    return f"{amount} ({least} to {number(farther, half)})"


def _tie(verdict: RunVerdict, margin: float | None) -> str:
    names = joined_in_brief(verdict.tied)
    lead = "" if len(verdict.tied) == _PAIR else f"{_count(len(verdict.tied)).capitalize()} candidates"
    close = [id_ for id_ in verdict.tied if verdict.standings[id_] is Standing.EQUIVALENT]
    within = "" if margin is None else f"within {margin:g} of whichever is best"
    on_rows = f"by {verdict.metric_name} on {_rows(verdict)}"
    if len(close) == len(verdict.tied):
        shared = f"{lead} are equivalent: {names}" if lead else f"{names} are equivalent"
        return f"{shared}{',' if lead else ':'} each shown to be {within} {on_rows}."
    apart = "score the same" if _all_score_the_same(verdict) else "cannot be told apart"
    shared = f"{lead} share first place: {names}" if lead else f"{names} share first place: they"
    said = f"{shared} {apart} {on_rows}."
    unknown = [
        id_
        for id_, (place, _) in verdict.bands.items()
        if place == 1 and verdict.standings.get(id_) is Standing.INSUFFICIENT
    ]
    if unknown:
        them = "it" if len(unknown) == 1 else "them"
        said += (
            f" {joined_in_brief(unknown)} may be as good: too few rows tell {them} from {verdict.tied[0]}."
        )
    if close:
        said += (
            f" Of these, {joined_in_brief(close)} {'is' if len(close) == 1 else 'are'} shown to be {within}."
        )
    return said


def _only_one(verdict: RunVerdict, one: Contender) -> str:
    known = one.interval
    between = ""
    if known:
        half = (known.high - known.low) / 2
        between = f" ({number(known.low, half)} to {number(known.high, half)})"
    return (
        f"{one.id} is the only candidate with a score: {verdict.metric_name} {_value(one)}{between} "
        f"on {_rows(verdict)}."
    )


def _is_unbeaten(verdict: RunVerdict, baseline: str) -> bool:
    """Whether none of the others that could be compared with it is shown to be better."""
    outcomes = {one.outcome for one in verdict.references if one.reference == baseline}
    return bool(outcomes) and outcomes <= {Against.NOT_SHOWN, Against.WORSE}


def _not_better_than_baseline(
    verdict: RunVerdict, scored: dict[str, Contender], first: list[str], baseline: str
) -> str:
    top = scored[first[0]]
    if len(scored) == 1:
        return (
            f"{top.id}, the only candidate with a score, is not shown to beat {baseline} by "
            f"{verdict.metric_name} on {_rows(verdict)}."
        )
    return (
        f"No candidate is shown to beat {baseline} by {verdict.metric_name} on {_rows(verdict)}. "
        f"{top.id} has the {_highest(verdict)}, {_value(top)}."
    )


def _the_one_to_take(verdict: RunVerdict, scored: dict[str, Contender], prefer: str) -> str:
    if verdict.recommended is None or len(_in_first_place(verdict)) < _PAIR:
        return ""
    one = scored[verdict.recommended]
    highest = f"with the {_highest(verdict)} {verdict.metric_name}"
    if prefer == ORDER:
        why = ", which comes first in the order you gave"
    elif prefer == SCORE:
        why = f", {highest}: the order you gave names none of them"
    else:
        why = _why_cheap(verdict, scored, one, PreferAmongTied(prefer))
    return f"Take {one.id}{why}.{_price(verdict, one)}{_dearer(verdict, scored, one, prefer)}"


def _why_cheap(
    verdict: RunVerdict, scored: dict[str, Contender], one: Contender, prefer: PreferAmongTied
) -> str:
    highest = f"with the {_highest(verdict)} {verdict.metric_name}"
    rows = verdict.rows or 0
    own = cost_of(one, prefer, rows=rows)
    first = _in_first_place(verdict)
    others = [scored[id_] for id_ in first if id_ != one.id]
    if not math.isfinite(own):
        return f", {highest}: what they cost is not known"
    if not is_cheap(
        own, min(cost_of(other, prefer, rows=rows) for other in others)
    ):  # whoever does not beat the baseline is not recommended, however cheap
        return f", the first choice among those that beat the baseline ({costs_in_words(one, prefer)})"
    measured = measured_cost(one, prefer)
    least_of_others = min(measured_cost(other, prefer) for other in others)
    if measured == least_of_others:
        return ": none of them costs less"
    if measured < least_of_others:
        of_two, of_many = _CHEAPEST[prefer]
        return f", {of_two if len(others) == 1 else of_many} ({costs_in_words(one, prefer)})"
    leads = "" if _all_score_the_same(verdict) else f", {highest}"
    if one.id == first[0]:
        return f"{leads}: {'the other one does not cost' if len(others) == 1 else 'none costs'} much less"
    return f"{leads or ', one'} of those that cost little ({costs_in_words(one, prefer)})"


def _price(verdict: RunVerdict, one: Contender) -> str:
    """How far the recommended candidate is behind the highest score; empty if it has the highest."""
    pair = verdict.to_best.get(one.id)
    if pair is None or not pair.difference:
        return ""
    than = "lower" if verdict.greater_is_better else "higher"
    half = 0.0 if pair.low is None or pair.high is None else (pair.high - pair.low) / 2
    return f" Its {verdict.metric_name} is {about(abs(pair.difference), half)} {than}, which may be chance."


def _dearer(verdict: RunVerdict, scored: dict[str, Contender], one: Contender, prefer: str) -> str:
    """How much more the one with the highest score costs, where that is another; else the next cheapest."""
    if prefer in {ORDER, SCORE}:
        return ""
    cost = partial(cost_of, rows=verdict.rows or 0)
    first = [scored[id_] for id_ in _in_first_place(verdict)]
    top, rivals = first[0], [other for other in first if other.id != one.id]
    if top.id != one.id:
        other, which = top, f"with the {_highest(verdict)} {verdict.metric_name}"
    else:
        other = min(rivals, key=lambda rival: (cost(rival, PreferAmongTied(prefer)), rival.id))
        which = "the next"
    times = [
        f"{_times(cost(other, by) / cost(one, by))} times the {what}"
        for by, what in _COSTS.items()
        if math.isfinite(cost(other, by)) and not is_cheap(cost(other, by), cost(one, by))
    ]
    return f" {other.id}, {which}, takes {joined(times)}." if times else ""


def _against(verdict: RunVerdict, first: list[str], name: str, *, is_implied: bool) -> str:
    """How those in first place compare with one reference; nothing if all beat it and that `is_implied`."""
    known = [one for one in verdict.references if one.reference == name and one.candidate in first]
    better = [one for one in known if one.outcome is Against.BETTER]
    worse = [one for one in known if one.outcome is Against.WORSE]
    if not known or (is_implied and len(better) == len(known)):
        return ""
    count, unit = len(known), verdict.metric_name
    if better:
        verb = "beats" if len(better) == 1 else "beat"
        others = [one.candidate for one in known if one not in better]
        if len(better) == 1 < count:
            who = better[0].candidate
        elif 0 < len(others) <= _PAIR < count:
            who = f"All but {joined_in_brief(others)}"
        else:
            who = _so_many(len(better), count)
        return f"{who} {verb} {name} by about {_by(better)} {unit}."
    if len(worse) == count:
        them = "it" if count == 1 else _so_many(count, count).lower()
        return f"{name} is shown to be better than {them}, by about {_by(worse)} {unit}."
    if all(one.outcome is Against.INSUFFICIENT for one in known):
        return f"Too few rows tell {'it' if count == 1 else 'them'} from {name}."
    nobody = {1: "It is not", 2: "Neither is"}.get(count, "None of them is")
    return f"{nobody} shown to beat {name}."


def _so_many(some: int, count: int) -> str:
    if some < count:
        return f"{_count(some).capitalize()} of the {_count(count)}"
    return {1: "It", 2: "Both"}.get(count, f"All {_count(count)}")


def _by(compared: Sequence[ReferenceComparison]) -> str:
    halves = [(one.high - one.low) / 2 for one in compared if one.low is not None and one.high is not None]
    return about(median(abs(one.difference) for one in compared), median(halves) if halves else 0.0)


def _in_first_place(verdict: RunVerdict) -> tuple[str, ...]:
    """Who may be the best, where that is more than one; the highest score first."""
    return verdict.tied or verdict.undecided


def _all_score_the_same(verdict: RunVerdict) -> bool:
    behind = [verdict.to_best.get(id_) for id_ in _in_first_place(verdict)[1:]]
    return all(pair and pair.difference == 0 and pair.low == 0 and pair.high == 0 for pair in behind)


def number(value: float, half: float) -> str:
    """The number with as many digits as an interval of this half width supports.

    Its own first digit is shown, and the second too where the first is 1.
    """
    if not math.isfinite(half) or half <= 0:
        return _rounded(value, 2 - _place(value))
    return _rounded(value, -_place(half) + (1 if half < 2 * 10.0 ** _place(half) else 0))


def about(value: float, half: float) -> str:
    """The number with one digit of the half width, but always with one or two digits of its own."""
    own = -_place(value)
    digits = own if not math.isfinite(half) or half <= 0 else max(own, min(-_place(half), own + 1))
    said = _rounded(value, digits)
    return said.rstrip("0").rstrip(".") if "." in said else said


def _place(value: float) -> int:
    """The place of the first digit: 0 for 1 to 9, -1 for tenths."""
    return math.floor(math.log10(abs(value))) if value else 0


def _rounded(value: float, digits: int) -> str:
    if digits > 6:  # noqa: PLR2004 - nobody counts so many zeros
        return f"{value:.2g}"
    rounded = round(value, digits) + 0.0  # no minus before a zero
    return f"{rounded:,.{max(digits, 0)}f}"


def _highest(verdict: RunVerdict) -> str:
    return "highest" if verdict.greater_is_better else "lowest"


def _value(one: Contender) -> str:
    half = (one.interval.high - one.interval.low) / 2 if one.interval else 0.0
    return number(one.value or 0.0, half)


def _rows(verdict: RunVerdict) -> str:
    return counted(verdict.rows or 0, "row")


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"  # noqa: PLR2004


def _count(count: int) -> str:
    return _WORDS[count] if count < len(_WORDS) else f"{count}"
