"""The verdict of a run as a box: the sentence, what it rests on, and what a reader should know."""

from collections.abc import Mapping, Sequence
from typing import Any

from bakeoff.domain.finding import before_cure
from bakeoff.domain.runs.verdict import verdict_facts
from bakeoff.web.charts.markup import Markup, escape, hidden, joined_markup, tag
from bakeoff.web.charts.number_text import share_text
from bakeoff.web.charts.signs import icon

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
