"""A run as Markdown for a pull request: the verdict first, then the leaderboard, then how it was made.

Names and messages are other people's: nothing in them becomes markup, and no name calls a user of the forge.
"""

import html
from collections.abc import Iterator, Mapping, Sequence

from bakeoff.domain.finding import before_cure
from bakeoff.domain.runs.collapsed_grids import FoldedBoard, fold
from bakeoff.domain.runs.verdict_facts_in_words import verdict_facts
from bakeoff.web.charts.metric_and_cost_columns import cost_of, latency_figure
from bakeoff.web.charts.number_text import cost_text, fixed_text, metric_title, places_for, signed_text
from bakeoff.web.charts.verdict_box import claim_of
from bakeoff.web.reports.report_contents import Record, ReportContents, dataset_facts

_SHOWN_AT_ONCE = 15
_OUTCOMES = {"better": "better", "worse": "**worse**", "not_shown": "tied", "insufficient": "too few rows"}
_ALERTS = {"high": "CAUTION", "medium": "WARNING", "low": "NOTE"}
_LONGEST_MESSAGE = 300


def markdown_report(contents: ReportContents) -> str:
    report, taken = contents.report, contents.verdict["recommended"] if contents.verdict else None
    folded = fold(report["leaderboard"], report["failed"], keep=[taken])
    lines = [
        *_title(contents),
        *_verdict(contents),
        *_findings(contents.findings),
        *_leaderboard(contents, folded),
        *_stopped(contents.report["stopped"], contents.run["metrics"][0]),
        *_without_result(folded, len(contents.report["failed"])),
        *_members(contents, folded),
        *_made_from(contents),
    ]
    return "\n".join(lines).rstrip() + "\n"


def code(text: str) -> str:
    """In backticks, where nothing is markup and nobody is called, in a table, too."""
    plain = " ".join(text.replace("`", "'").split())
    escaped = plain.replace("|", "\\|")
    return f"`{escaped}`" if escaped else ""


def prose(text: str) -> str:
    """A sentence as it was written: what would be markup, a link or a call of a user is escaped.

    What stands in pairs of backticks, such as a command in a cure, stays code, where nothing is markup.
    """
    parts = " ".join(text.split()).split("`")
    if len(parts) % 2 == 0:
        return _escaped("`".join(parts))
    return "".join(code(part) if place % 2 else _escaped(part) for place, part in enumerate(parts))


def _escaped(plain: str) -> str:
    for mark in "\\`*_[]~|#":
        plain = plain.replace(mark, f"\\{mark}")
    return plain.replace("<", "&lt;").replace("@", "@\u200b").replace("://", ":\u200b//")


def _title(contents: ReportContents) -> Iterator[str]:
    run = contents.run
    yield f"## {prose(run['name'])}"
    yield ""
    if run["status"] != "completed":
        yield f"The run is {run['status']}."
        yield ""


def _verdict(contents: ReportContents) -> Iterator[str]:
    verdict = contents.verdict
    if verdict is None:
        yield "There is no verdict yet." if contents.run["endedAt"] is None else "This run has no verdict."
        yield ""
        return
    claim, rest = claim_of(verdict["sentence"])
    yield f"**{prose(claim)}** {prose(rest)}".rstrip()
    yield ""
    if facts := verdict_facts(verdict):
        yield f"<sub>{prose('; '.join(facts))}</sub>"
        yield ""


def _findings(findings: Sequence[Record]) -> Iterator[str]:
    for finding in findings:
        if finding["accepted"] is not None:
            continue
        yield f"> [!{_ALERTS[str(finding['severity'])]}]"
        cure = f"{before_cure(finding['message'])}{prose(finding['cure'])}" if finding["cure"] else ""
        yield f"> {prose(finding['message'])}{cure}"
        yield ""


def _leaderboard(contents: ReportContents, folded: FoldedBoard) -> Iterator[str]:
    if not folded.rows:
        return
    head, body = _table(contents, folded)
    yield from head
    yield from body[:_SHOWN_AT_ONCE]
    yield ""
    if rest := body[_SHOWN_AT_ONCE:]:
        yield from _details(f"{len(rest)} more", [*head, *rest])


def _members(contents: ReportContents, folded: FoldedBoard) -> Iterator[str]:
    """Of each grid of which only the best member is in the table above."""
    for family in folded.families:
        members = FoldedBoard(rows=family.rows, failed=family.failed, families=())
        head, body = _table(contents, members)
        lines = [*head, *body, ""] if body else []
        name = html.escape(" ".join(family.name.split())).replace("@", "@\u200b")
        yield from _details(f"All {family.size} of {name}", [*lines, *_failures(members)])


def _details(summary: str, lines: Sequence[str]) -> Iterator[str]:
    yield f"<details><summary>{summary}</summary>"
    yield ""
    yield from lines
    yield ""
    yield "</details>"
    yield ""


_RIGHT = frozenset({"Place", "95 %", "p50 ms", "p99 ms", "Peak MB", "Fit s"})


def _table(contents: ReportContents, folded: FoldedBoard) -> tuple[list[str], list[str]]:
    """The lines of its head and its body. Decimal places are those of the whole leaderboard."""
    run, rows, verdict = contents.run, contents.report["leaderboard"], contents.verdict
    first, *others = run["metrics"]
    halves = [
        (high - low) / 2 for row in rows if (bounds := row["intervals"].get(first)) for low, high in [bounds]
    ]
    digits = {
        name: places_for([row["metrics"].get(name) for row in rows], halves if name == first else [])
        for name in run["metrics"]
    }
    production = verdict["production"] if verdict else None
    references = {
        one["candidate"]: one
        for one in (verdict["references"] if verdict else [])
        if production and one["reference"] == production["reference"]
    }
    against = ["Against Production" if references else "Standing"] if verdict else []
    latency = latency_figure(rows)
    head = [
        "Place",
        "Model",
        first,
        "95 %",
        *against,
        *others,
        *([f"{latency} ms"] if latency else []),
        "Peak MB",
        "Fit s",
        "",
    ]
    body = []
    for row in folded.rows:
        took_ms = cost_of(row, latency) if latency else None
        body.append(
            [
                _place(row, is_judged=verdict is not None),
                f"{code(row['modelId'])} {prose(row['modelVersion'])}",
                f"**{fixed_text(row['metrics'].get(first), digits[first])}**",
                _interval(row["intervals"].get(first), digits[first]),
                *(_against(row, references, digits[first]) for _ in against),
                *(fixed_text(row["metrics"].get(name), digits[name]) for name in others),
                *([cost_text(took_ms) if took_ms is not None else ""] if latency else []),
                cost_text(row["peakMemoryMb"]),
                cost_text(row["fitSeconds"]),
                _notes(row, contents, folded),
            ]
        )
    align = ["---:" if column in _RIGHT or column in run["metrics"] else "---" for column in head]
    titles = [metric_title(name) if name in run["metrics"] else name for name in head]
    return [_line(titles), _line(align)], [_line(cells) for cells in body]


def _place(row: Record, *, is_judged: bool) -> str:
    band = row.get("band")
    if not is_judged:
        return str(row["rank"])
    if not band:
        return ""
    return str(band[0]) if band[0] == band[1] else f"{band[0]}\N{EN DASH}{band[1]}"


def _interval(bounds: Sequence[float] | None, digits: int) -> str:
    return f"{fixed_text(bounds[0], digits)} to {fixed_text(bounds[1], digits)}" if bounds else ""


def _against(row: Record, references: Mapping[str, Record], digits: int) -> str:
    """What is shown beside Production; where it was not compared, the standing in the run."""
    if not references:
        return str(row.get("standing") or "")
    reference = references.get(row["modelId"])
    if reference is None:
        return ""
    return f"{_OUTCOMES[str(reference['outcome'])]} {signed_text(reference['difference'], digits)}"


def _notes(row: Record, contents: ReportContents, folded: FoldedBoard) -> str:
    said = ["baseline"] if row["modelId"] == contents.run["baselineId"] else []
    if contents.verdict and contents.verdict["recommended"] == row["modelId"]:
        said.append("**take this one**")
    if mark := row.get("baselineMark"):
        said.append(prose(mark))
    if row["details"].get("deterministic") is False:
        said.append("varies")
    if number := len(row["details"].get("warnings", ())):
        said.append("1 warning" if number == 1 else f"{number} warnings")
    if row["reusedFrom"]:
        said.append("reused")
    if note := folded.note_on(row):
        said.append(prose(note))
    return ", ".join(said)


def _stopped(stopped: Sequence[Record], metric: str) -> Iterator[str]:
    if not stopped:
        return
    yield f"Stopped by the race: {len(stopped)}"
    yield ""
    scores = [one["metrics"].get(metric) for one in stopped]
    digits = places_for(scores)
    for one, known in zip(stopped, scores, strict=True):
        score = "undefined" if known is None else fixed_text(known, digits)
        after = f"after {one['afterFolds']} of {one['ofFolds']} folds, {prose(metric)} {score} so far"
        yield f"- {code(one['modelId'])} {prose(one['modelVersion'])} {after}"
    yield ""


def _without_result(folded: FoldedBoard, number: int) -> Iterator[str]:
    if not number:
        return
    yield f"Without a result: {number}"
    yield ""
    yield from _failures(folded)
    yield ""


def _failures(folded: FoldedBoard) -> Iterator[str]:
    for record in folded.failed:
        error, more = record["error"], folded.more_failed(record)
        why = f": {code(error['type'])} in {error['phase']}: {_message(error['message'])}." if error else ""
        hint = f" {prose(error['hint'])}" if error and error["hint"] else ""
        others = f" And {more} more of {prose(record['family'])}." if more else ""
        named = f"{code(record['modelId'])} {prose(record['modelVersion'])}"
        yield f"- {named} {record['status']}{why}{hint}{others}"


def _message(message: str) -> str:
    return prose(
        message.strip().rstrip(".") if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"
    )


def _made_from(contents: ReportContents) -> Iterator[str]:
    run, environment = contents.run, contents.environment
    yield "<details><summary>How this was made</summary>"
    yield ""
    yield f"- {', '.join(f'{prose(value)} {word}'.rstrip() for value, word in dataset_facts(run))}"
    if contents.design:
        yield f"- {prose(contents.design)}"
    yield f"- run {code(run['runId'])}, snapshot {code(run['datasetId'])}, split {code(run['splitId'])}"
    if environment is not None and environment["commit"]:
        yield f"- commit {code(environment['commit'])}"
    yield f"- Bakeoff {contents.bakeoff}"
    yield ""
    if contents.replay:
        yield "```sh"
        yield " ".join(contents.replay.replace("`", "'").split())
        yield "```"
        yield ""
    yield "</details>"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
