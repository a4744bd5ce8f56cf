"""The verdict of a run as a box: its sentence, what that rests on, findings; and whom a race stopped."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bakeoff.domain.finding import before_cure
from bakeoff.domain.runs.verdict_facts_in_words import verdict_facts
from bakeoff.web.charts.escaped_markup import Markup, escape, hidden, joined_markup, name_of, tag
from bakeoff.web.charts.icons_badges_and_marks import icon
from bakeoff.web.charts.number_text import fixed_text, metric_title, places_for, share_text

_TONES = {"high": "bad", "medium": "late", "low": "idle"}


def verdict_box(verdict: Mapping[str, Any] | None, *, pending: str = "") -> Markup:
    """`verdict`: its record, as over HTTP. Without one, `pending` says why there is none yet."""
    if verdict is None:
        text = pending or "This run has no verdict yet: it is judged when its last job has ended."
        return tag("section", tag("p", text, class_="bo-sentence"), class_="bo-verdict")
    first, rest = claim_of(verdict["sentence"])
    sentence = tag("p", tag("strong", first), f" {rest}" if rest else None, class_="bo-sentence")
    facts = [*verdict_facts(verdict), f"claims hold at {share_text(1 - verdict['level'])}"]
    note = tag("p", f"{_capital('; '.join(facts))}.", class_="bo-note")
    return tag(
        "section",
        sentence,
        note,
        findings_list(verdict["findings"]),
        class_="bo-verdict",
        aria_label="Verdict",
    )


def claim_of(sentence: str) -> tuple[str, str]:
    """The claim at its beginning, up to the first colon or full stop, and the rest."""
    ends = [place for stop in (". ", ": ") if (place := sentence.find(stop)) > 0]
    end = min(ends, default=len(sentence) - 1) + 1
    return sentence[:end], sentence[end:].strip()


def findings_list(findings: Sequence[Mapping[str, Any]]) -> Markup | None:
    """What checks saw, each with its cure; those that somebody accepted come last. None if there are none."""
    if not findings:
        return None
    ordered = sorted(findings, key=lambda finding: finding["accepted"] is not None)
    return tag("ul", *(_finding(finding) for finding in ordered), class_="bo-findings")


def _finding(finding: Mapping[str, Any]) -> Markup:
    if finding["accepted"] is not None:
        said = tag(
            "span",
            _with_code(finding["message"]),
            tag("span", f" Accepted: {finding['accepted']}", class_="bo-quiet"),
        )
        return tag("li", icon("note"), said, class_="bo-finding bo-idle")
    cure = (
        tag("span", before_cure(finding["message"]), _with_code(finding["cure"]), class_="bo-quiet")
        if finding["cure"]
        else None
    )
    said = tag("span", hidden(f"{finding['severity']}: "), _with_code(finding["message"]), cure)
    return tag("li", icon("alert"), said, class_=f"bo-finding bo-{_TONES[finding['severity']]}")


def _with_code(text: str) -> Markup:
    """What stands in backticks is something to type."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one of them closes nothing
        return escape(text)
    return joined_markup(tag("code", part) if place % 2 else part for place, part in enumerate(parts))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def stopped_list(
    report: Mapping[str, Any], *, link: Callable[[Mapping[str, Any]], str] | None = None
) -> Markup | None:
    """Whom the race has stopped, below the leaderboard: their scores are means of fewer folds."""
    stopped, metric = report["stopped"], report["run"]["metrics"][0]
    if not stopped:
        return None
    places = places_for([one["metrics"].get(metric) for one in stopped], [])
    heads = ("Stopped by the race", "After", f"{metric_title(metric)} so far", "Behind", "p")
    rows = [
        tag("tr",
            tag("th", tag("a", name_of(one["modelId"]), href=link(one)) if link else name_of(one["modelId"]),
                scope="row"),
            tag("td", f"{one['afterFolds']} of {one['ofFolds']} folds"),
            tag("td", fixed_text(one["metrics"].get(metric), places)),
            tag("td", name_of(one["leader"] or "")),
            tag("td", f"{one['pValue']:.2g}"))
        for one in stopped
    ]  # fmt: skip
    head = tag("tr", *(tag("th", text, scope="col") for text in heads))
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="bo-values")
    return tag("div", table, class_="bo-card bo-scroll", tabindex=0, role="group", aria_label="Stopped")
