"""The report of a run as CSV for other programs, and as Markdown for documents. No column is left out."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from bakeoff.cli.output.number_format import bounds, decimals, fixed, plain
from bakeoff.cli.output.runs.verdict_view import place_of
from bakeoff.domain.finding import FAILED_CHECKS, in_short
from bakeoff.domain.runs.verdict import Interval
from bakeoff.domain.runs.verdict_facts_in_words import verdict_facts
from bakeoff.domain.wording import counted
from bakeoff.evaluation.reports.leaderboard import LeaderboardRow
from bakeoff.operations.runs.run_report import RunReport, failure_record, standing_record

_BEFORE = ("band", "rank", "modelId", "modelVersion", "family", "status")
_AFTER = (
    "standing",
    "low",
    "high",
    "beatsBaseline",
    "duration",
    "fitSeconds",
    "predictSeconds",
    "cpuSeconds",
    "peakMemoryMb",
    "attempt",
    "reusedFrom",
    "evaluationId",
    "error",
)


def to_csv(report: RunReport) -> str:
    """A row for each candidate; those without a result have their error in the last column."""
    text = io.StringIO()
    writer = csv.DictWriter(
        text, [*_BEFORE, *report.metrics, *_AFTER], extrasaction="ignore", lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(_csv_rows(report))
    return text.getvalue()


def _csv_rows(report: RunReport) -> Iterator[dict[str, Any]]:
    for standing in report.standings:
        record = standing_record(
            standing, report.verdict, family=report.families.get(standing.result.model_id)
        )
        interval = standing.result.intervals.get(report.metrics[0])
        yield {
            **record,
            **standing.result.metrics,
            "band": _band(standing, report),
            "low": interval and interval.low,
            "high": interval and interval.high,
            "status": "completed",
        }
    for stopped in report.stopped:
        yield {
            **stopped.to_record(report.verdict),
            **stopped.metrics,
            "band": place_of(stopped.job.candidate.id, 0, report.verdict) if report.verdict else "",
            "error": f"after {stopped.after}",
        }
    for job in report.unsuccessful:
        error = f"{job.error.type}: {job.error.message}" if job.error else ""
        yield {**failure_record(job), "error": error}


def _band(standing: LeaderboardRow, report: RunReport) -> str:
    return place_of(standing.result.model_id, standing.rank, report.verdict)


def to_markdown(report: RunReport) -> str:
    run, data = report.run, report.run.dataset
    if run.signals is None:
        rows = f"{data.train_rows} rows to train, {data.test_rows} to test"
        about = f"Dataset {_cell(data.name)}, {rows}; seed {run.seed}"
    else:
        about = f"Signals of {counted(len(run.signals.symbols), 'symbol')} as of {run.signals.as_of}"
    intro = f"{about}; run `{run.id}`, {run.state}."
    title = f"## {_cell(run.name)}"
    return (
        "\n".join(
            [
                title,
                "",
                *_verdict(report),
                intro,
                "",
                *_table(report),
                *_stopped(report),
                *_without_result(report),
            ]
        )
        + "\n"
    )


def _verdict(report: RunReport) -> Iterator[str]:
    verdict = report.verdict
    if verdict is None:
        return
    paragraphs = [
        verdict.sentence,
        *(f"> **{finding.slug}**: {line}" for finding, line in in_short(verdict.findings)),
    ]
    if facts := verdict_facts(verdict.to_record()):
        paragraphs.insert(1, f"{'; '.join(facts)}.")
    for paragraph in paragraphs:
        yield _cell(paragraph)
        yield ""


def _table(report: RunReport) -> Iterator[str]:
    places = [decimals([s.result.metrics.get(name) for s in report.standings]) for name in report.metrics]
    first, *others = report.metrics
    known = ["95 %"] if any(s.result.intervals.get(first) for s in report.standings) else []
    yield _row(["#", "model", "version", first, *known, *others, "fit s", "CPU s", "memory MB", ""])
    yield _row(["---:", "---", "---", *["---:"] * (len(report.metrics) + len(known) + 3), "---"])
    for standing in report.standings:
        result, cost = standing.result, standing.result.cost
        ranked, *values = [
            fixed(result.metrics.get(name), digits)
            for name, digits in zip(report.metrics, places, strict=True)
        ]
        yield _row(
            [
                _band(standing, report),
                result.model_id,
                result.model_version,
                ranked,
                *([_interval(result.intervals.get(first), places[0])] if known else []),
                *values,
                f"{cost.fit_s:.3f}",
                f"{cost.cpu_s:.3f}",
                f"{cost.peak_memory_mb:.0f}",
                _note(standing, report),
            ]
        )


def _interval(interval: Interval | None, places: int) -> str:
    return bounds(interval.low, interval.high, places) if interval else ""


def _note(standing: LeaderboardRow, report: RunReport) -> str:
    name = standing.result.model_id
    said = ["baseline"] if name == report.run.baseline_id else []
    if report.verdict is not None and report.verdict.recommended == name:
        said.append("take this one")
    if standing.baseline_mark:
        said.append(standing.baseline_mark)
    if report.verdict is not None and FAILED_CHECKS in report.verdict.findings_on(name):
        said.append("fails checks")
    if standing.result.reused_from:
        said.append("reused")
    return ", ".join(said)


def _stopped(report: RunReport) -> Iterator[str]:
    if report.stopped:
        yield ""
        yield "Stopped by the race:"
        yield ""
    metric = report.metrics[0]
    for one in report.stopped:
        name = f"**{_cell(one.job.candidate.id)}** {_cell(one.job.candidate.version)}"
        yield f"- {name}: after {one.after}, {metric} {plain(one.metrics.get(metric))} so far"


def _without_result(report: RunReport) -> Iterator[str]:
    if report.unsuccessful:
        yield ""
        yield "Without a result:"
        yield ""
    for job in report.unsuccessful:
        name = f"**{_cell(job.candidate.id)}** {_cell(job.candidate.version)}"
        error = f" in {job.error.phase}: {job.error.type}: {job.error.message}" if job.error else ""
        yield f"- {name}: {_cell(f'{job.state}{error}')}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split()) if text.strip() else ""
