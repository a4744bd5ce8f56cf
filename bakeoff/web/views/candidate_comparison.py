"""Two to five candidates of a run side by side, from what was stored when the run was judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.domain.runs.job import Job
from bakeoff.domain.runs.verdict import PairDifference, RunVerdict
from bakeoff.domain.wording import joined
from bakeoff.web.charts.difference_forest import pairs_with
from bakeoff.web.charts.metric_and_cost_columns import COSTS, cost_of
from bakeoff.web.charts.number_text import MINUS, fixed_text, metric_title, places_for, signed_text
from bakeoff.web.table_downloads import Cell, ShownTable

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class MetricLine:
    title: str
    texts: Sequence[str]  #: by candidate
    best: Sequence[bool]  #: which of them are best, or not told apart from the best
    is_cost: bool = False


def differences(verdict: RunVerdict, reference: str, others: Sequence[str]) -> list[dict[str, Any]]:
    """Of each of the others less the reference, in their order; without those that have no pair."""
    found = {
        one["candidate"]: one for one in pairs_with([pair.to_record() for pair in verdict.pairs], reference)
    }
    return [found[name] for name in others if name in found]


def pairs_among(verdict: RunVerdict, names: Sequence[str]) -> list[PairDifference]:
    return [pair for pair in verdict.pairs if {pair.a, pair.b} <= set(names)]


def sentence(found: Sequence[Record], reference: str, metric: str) -> tuple[str, str]:
    """What the differences say, and each of them with its interval."""
    if not found:
        return f"Nothing can be said against {reference} by {metric_title(metric)}.", ""
    words = {"better": "better than", "worse": "worse than", "not_shown": "not told apart from"}
    parts = []
    for outcome, word in words.items():
        names = [one["candidate"] for one in found if one["outcome"] == outcome]
        if names:
            parts.append(f"{joined(names)} {'is' if len(names) == 1 else 'are'} {word} {reference}")
    few = [one["candidate"] for one in found if one["outcome"] == "insufficient"]
    if few:
        parts.append(f"of {joined(few)} too few rows say anything")
    widths = [(one["high"] - one["low"]) / 2 for one in found if one["low"] is not None]
    places = places_for([one["difference"] for one in found], widths)
    each = [
        f"{one['candidate']} {signed_text(one['difference'], places)} {metric_title(metric)} "
        f"({signed_text(one['low'], places)} to {signed_text(one['high'], places)})"
        for one in found
        if one["low"] is not None
    ]
    return "; ".join(parts) + ".", f"{'; '.join(each)}." if each else ""


def metric_lines(
    rows: Sequence[Record],
    metrics: Sequence[str],
    verdict: RunVerdict | None,
    *,
    lower_is_better: frozenset[str],
) -> list[MetricLine]:
    """`rows`: records of the leaderboard, in the order of the candidates. Costs come last."""
    lines = []
    for metric in metrics:
        values = [row["metrics"].get(metric) for row in rows]
        widths = [
            (low_high[1] - low_high[0]) / 2 for row in rows if (low_high := row["intervals"].get(metric))
        ]
        places = places_for(values, widths)
        tied = _not_told_from_the_best(rows, metric, verdict)
        best = (
            [tied.get(row["modelId"], False) for row in rows]
            if tied
            else _best(values, metric in lower_is_better)
        )
        lines.append(
            MetricLine(
                title=metric_title(metric), texts=[fixed_text(value, places) for value in values], best=best
            )
        )
    for cost, title in COSTS.items():
        values = [cost_of(row, cost) for row in rows]
        if any(value is not None for value in values):
            places = places_for(values)
            texts = [fixed_text(value, places) for value in values]
            lines.append(MetricLine(title=title, texts=texts, best=_best(values, True), is_cost=True))
    return lines


def _not_told_from_the_best(
    rows: Sequence[Record], metric: str, verdict: RunVerdict | None
) -> dict[str, bool]:
    """By the metric that was judged: the highest of these, and those that no pair tells from it."""
    if verdict is None or verdict.metric != metric:
        return {}
    names = [row["modelId"] for row in rows]
    losers = {
        pair.b if pair.better == pair.a else pair.a
        for pair in pairs_among(verdict, names)
        if pair.better is not None
    }
    judged = {name for pair in pairs_among(verdict, names) for name in (pair.a, pair.b)}
    return {name: name in judged and name not in losers for name in names}


def _best(values: Sequence[float | None], lower: bool) -> list[bool]:  # noqa: FBT001 - of a column
    known = [value for value in values if value is not None]
    if len(known) < 2:  # noqa: PLR2004 - nothing to compare
        return [False] * len(values)
    best = min(known) if lower else max(known)
    return [value == best for value in values]


def how_made(jobs: Sequence[Job], parts: Sequence[Mapping[str, str]]) -> list[tuple[str, list[str], bool]]:
    """What each candidate is made of: a line for each part, and whether they differ in it."""
    keys = list(dict.fromkeys(key for job in jobs for key in job.candidate.params))
    lines = [
        (
            "class",
            [job.candidate.path or " → ".join(step.path for step in job.candidate.steps) for job in jobs],
        ),
        ("version", [job.candidate.version for job in jobs]),
        *((key, [_shown(job.candidate.params.get(key)) for job in jobs]) for key in keys),
        ("code", [part.get("code", "")[:10] for part in parts]),
    ]
    return [(title, texts, len(set(texts)) > 1) for title, texts in lines if any(texts)]


def _shown(value: object) -> str:
    return "" if value is None else str(value)


def comparison_table(names: Sequence[str], lines: Sequence[MetricLine]) -> ShownTable:
    rows: list[list[Cell]] = [[line.title, *(_number(text) for text in line.texts)] for line in lines]
    return ShownTable(name="metrics", columns=["metric", *names], rows=rows)


def _number(text: str) -> Cell:
    try:
        return float(text.replace(",", "").replace(MINUS, "-"))
    except ValueError:
        return None
