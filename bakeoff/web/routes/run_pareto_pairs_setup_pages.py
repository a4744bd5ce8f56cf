"""More pages of a run: score against cost (Pareto), all pairs, its setup; and its report as a file."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.domain.wording import listed, quoted
from bakeoff.operations.runs.run_report import RunReport, read_report, report_record
from bakeoff.web.charts.metric_and_cost_columns import COSTS, cost_of, telling_cost
from bakeoff.web.charts.pairs_matrix import pairs_matrix
from bakeoff.web.charts.plots.pareto_plot import ParetoPoint, pareto_plot, pareto_points, pareto_sentence
from bakeoff.web.charts.verdict_box import claim_of
from bakeoff.web.page_request_and_answer import Answer, Download, Page, PageRoute, Visit
from bakeoff.web.reports.html_report import html_report
from bakeoff.web.reports.markdown_report import markdown_report
from bakeoff.web.reports.report_contents import read_contents
from bakeoff.web.routes.run_pages import full_id, run_head, to_full_id
from bakeoff.web.table_downloads import ShownTable

#: Candidates of which all pairs are shown at once: of fifty, a browser lays out the matrix for a second.
_MOST_IN_MATRIX = 24


def show_pareto(visit: Visit) -> Answer:
    if (found := full_id(visit)) is not None:
        return to_full_id(visit, found)
    report = read_report(visit.engine, visit.parts["id"], metric=visit.asked("metric") or None)
    rows = report_record(report).get("leaderboard", [])
    metric = report.metrics[0]
    measured = [name for name in COSTS if any(cost_of(row, name) is not None for row in rows)]
    cost = _cost(visit, rows)
    points = pareto_points(
        rows,
        [pair.to_record() for pair in report.verdict.pairs] if report.verdict else [],
        metric=metric,
        cost=cost,
        greater_is_better=report.run.rules.greater_is_better(metric),
        baseline_id=report.run.baseline_id,
    )
    verdict = report.verdict.to_record() if report.verdict else None
    said = pareto_sentence(points, metric, cost=cost, verdict=verdict)
    shown = [point for point in points if point.kind != "beaten"] if visit.asked("beaten") == "no" else points
    jobs = {row["modelId"]: row["evaluationId"] for row in rows}
    return Page(
        template="run_pareto.html",
        title=f"Pareto of {report.run.name}",
        section="Runs",
        data={
            **run_head(visit, report, "pareto"),
            "points": [(point, jobs[point.model]) for point in shown],
            "said": claim_of(said),
            "plot": pareto_plot(shown, metric=metric, cost=cost),
            "metric": metric,
            "cost": cost,
            "costs": {name: COSTS[name] for name in measured},
        },
        tables=[_pareto_table(shown, metric, cost)],
    )


def _cost(visit: Visit, rows: Sequence[Mapping[str, Any]]) -> str:
    wanted = visit.asked("cost") or telling_cost(rows)
    if wanted not in COSTS:
        raise InvalidInputError(f"{quoted(wanted)} is no cost: there are {listed(COSTS)}")
    return wanted


def _pareto_table(points: Sequence[ParetoPoint], metric: str, cost: str) -> ShownTable:
    return ShownTable(
        name="pareto",
        columns=("modelId", cost, metric, "low", "high", "place"),
        rows=[(point.model, point.cost, point.score, point.low, point.high, point.kind) for point in points],
    )


def show_pairs(visit: Visit) -> Answer:
    if (found := full_id(visit)) is not None:
        return to_full_id(visit, found)
    report = read_report(visit.engine, visit.parts["id"])
    order = [standing.result.model_id for standing in report.standings]
    verdict = report.verdict
    return Page(
        template="run_pairs.html",
        title=f"Pairs of {report.run.name}",
        section="Runs",
        data={
            **run_head(visit, report, "pairs"),
            "verdict": verdict,
            "matrix": pairs_matrix(
                [pair.to_record() for pair in verdict.pairs],
                order=order,
                most=None if visit.asked("all") == "yes" else _MOST_IN_MATRIX,
            )
            if verdict
            else None,
            "metric": report.metrics[0],
            "left_out": max(len(order) - _MOST_IN_MATRIX, 0) if visit.asked("all") != "yes" else 0,
        },
        tables=[_pair_table(verdict)] if verdict else [],
    )


def _pair_table(verdict: RunVerdict) -> ShownTable:
    return ShownTable(
        name="pairs",
        columns=("a", "b", "difference", "low", "high", "adjustedP", "restsOn", "better"),
        rows=[
            (one.a, one.b, one.difference, one.low, one.high, one.p_value, round(one.n_eff), one.better)
            for one in verdict.pairs
        ],
    )


def download_report(visit: Visit) -> Answer:
    if (found := full_id(visit)) is not None:
        return to_full_id(visit, found)
    contents = read_contents(visit.context, visit.parts["id"])
    name = f"report-{visit.parts['id'][:8]}"
    match visit.asked("format", "html"):
        case "html":
            return Download(name=f"{name}.html", text=html_report(contents), media_type="text/html")
        case "md":
            return Download(name=f"{name}.md", text=markdown_report(contents), media_type="text/markdown")
        case other:
            raise InvalidInputError(f"{quoted(other)} is no format of a report: there are 'html' and 'md'")


def show_setup(visit: Visit) -> Answer:
    if (found := full_id(visit)) is not None:
        return to_full_id(visit, found)
    report = read_report(visit.engine, visit.parts["id"])
    rows = _setup(report)
    return Page(
        template="run_setup.html",
        title=f"Settings of {report.run.name}",
        section="Runs",
        data={**run_head(visit, report, "setup"), "rows": rows},
        tables=[ShownTable(name="setup", columns=("what", "value"), rows=rows)],
    )


def _setup(report: RunReport) -> list[tuple[str, str]]:
    """Everything that the run's record says of how it was asked for."""
    record = report.run.to_record()
    hidden = {"runId", "name", "status", "createdAt", "startedAt", "endedAt", "kind"}
    shown = {key: value for key, value in record.items() if key not in hidden and value is not None}
    if report.tracking is not None:
        shown["mlflow"] = report.tracking.in_words
    return [
        (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in shown.items()
    ]


PAGES = (
    PageRoute(path="/runs/{id}/pareto", show=show_pareto, live="run/{id}"),
    PageRoute(path="/runs/{id}/pairs", show=show_pairs, live="run/{id}"),
    PageRoute(path="/runs/{id}/setup", show=show_setup),
    PageRoute(path="/runs/{id}/report", show=download_report, is_slow=True),
)
