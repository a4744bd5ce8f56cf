"""Other views of a run: score against cost, all pairs, and what it was asked to do."""

import json

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric import greater_is_better
from bakeoff.domain.wording import listed, quoted
from bakeoff.operations.run_report import RunReport, read_report, report_record
from bakeoff.web.routes.run_pages import full_id, run_head, to_full_id
from bakeoff.web.shown_tables import ShownTable
from bakeoff.web.views.pair_matrix import pair_matrix, pair_table
from bakeoff.web.views.pareto_points import COSTS, pareto_points, pareto_table, sentence
from bakeoff.web.visits import Answer, Page, PageRoute, Visit


def show_pareto(visit: Visit) -> Answer:
    if (found := full_id(visit)) is not None:
        return to_full_id(visit, found)
    report = read_report(visit.engine, visit.parts["id"], metric=visit.asked("metric") or None)
    rows = report_record(report).get("leaderboard", [])
    metric = report.metrics[0]
    measured = [name for name, kind in COSTS.items() if any(kind.of(row, name) is not None for row in rows)]
    cost = _cost(visit, measured)
    points = pareto_points(rows, report.verdict, metric, cost, greater=greater_is_better(metric))
    shown = (
        points if visit.asked("beaten") != "no" else [point for point in points if point.place != "beaten"]
    )
    first, rest = sentence(points, COSTS[cost])
    return Page(
        template="run_pareto.html",
        title=f"Pareto of {report.run.name}",
        section="Runs",
        data={
            **run_head(visit, report, "pareto"),
            "points": shown,
            "first": first,
            "rest": rest,
            "metric": metric,
            "cost": cost,
            "costs": {name: COSTS[name].title for name in measured},
            "kind": COSTS[cost],
        },
        tables=[pareto_table(shown, metric, cost)],
    )


def _cost(visit: Visit, measured: list[str]) -> str:
    wanted = visit.asked("cost") or (measured[0] if measured else "fit")
    if wanted not in COSTS:
        raise InvalidInputError(f"{quoted(wanted)} is no cost: there are {listed(COSTS)}")
    return wanted


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
            "matrix": pair_matrix(verdict, order) if verdict else None,
            "metric": report.metrics[0],
        },
        tables=[pair_table(verdict)] if verdict else [],
    )


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
    return [
        (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in shown.items()
    ]


PAGES = (
    PageRoute(path="/runs/{id}/pareto", show=show_pareto, live="run/{id}"),
    PageRoute(path="/runs/{id}/pairs", show=show_pairs, live="run/{id}"),
    PageRoute(path="/runs/{id}/setup", show=show_setup),
)
