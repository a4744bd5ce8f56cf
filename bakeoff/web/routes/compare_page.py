"""Two to five candidates of a run side by side: differences, metrics, curves, confusion, disagreements.

All but the rows of disagreement was computed when the run was scored and judged. The rows are looked for when
somebody asks for them.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from bakeoff.domain.errors import BakeoffError, InvalidInputError, NotFoundError
from bakeoff.domain.runs.job import Job
from bakeoff.domain.runs.run import Run
from bakeoff.domain.wording import listed, nearest
from bakeoff.operations.comparing.compare_results import compare_results
from bakeoff.operations.runs.run_report import RunReport, curve_records, read_report, report_record
from bakeoff.store.bakeoffs import job_queries, run_rows
from bakeoff.store.bakeoffs.results import earlier_fits, verdict_rows
from bakeoff.web.charts.confusion_table import confusion_table
from bakeoff.web.charts.difference_forest import difference_forest
from bakeoff.web.charts.icons_badges_and_marks import MOST_MODELS, key_line
from bakeoff.web.charts.pairs_matrix import pairs_matrix
from bakeoff.web.charts.plots.curve_plots import calibration_plot, precision_recall_plot, roc_plot
from bakeoff.web.charts.plots.residual_plots import predicted_true_plot, residual_plot
from bakeoff.web.page_request_and_answer import Answer, Page, PageRoute, SeeOther, Visit
from bakeoff.web.table_downloads import ShownTable
from bakeoff.web.views.candidate_comparison import (
    comparison_table,
    differences,
    how_made,
    metric_lines,
    pairs_among,
    sentence,
)

_FEWEST = 2
_MOST_ROWS = 20


def show_comparison(visit: Visit) -> Answer:
    engine = visit.engine
    run_id = run_rows.find(engine, visit.asked("run", "latest"))
    report = read_report(engine, run_id)
    names = _chosen(visit, report)
    if len(names) < _FEWEST:
        return _ask_for_more(report, names)
    record = report_record(report)
    rows = [next(row for row in record["leaderboard"] if row["modelId"] == name) for name in names]
    jobs = {job.candidate.id: job for job in job_queries.of_run(engine, run_id)}
    chosen = [jobs[name] for name in names]
    metric, verdict = report.metrics[0], report.verdict
    found = differences(verdict, names[0], names[1:]) if verdict else []
    lower = frozenset(name for name in report.metrics if not report.run.rules.greater_is_better(name))
    lines = metric_lines(rows, report.metrics, verdict, lower_is_better=lower)
    places = {name: place for place, name in enumerate(names)}
    rows_apart = _rows(visit, run_id, names)
    pairs = [pair.to_record() for pair in pairs_among(verdict, names)] if verdict else []
    return Page(
        template="compare.html",
        title=f"Compare {len(names)} candidates",
        section="Runs",
        data={
            "run": report.run,
            "names": names,
            "chips": [_chip(report.run, names, name) for name in names],
            "others": _others(report, names),
            "said": sentence(found, names[0], metric),
            "forest": _forest(visit, report, found, names[0], places),
            "pairs": pairs_matrix(pairs, order=names) if len(names) > _FEWEST else None,
            "lines": [line for line in lines if visit.asked("differs") != "yes" or len(set(line.texts)) > 1],
            "keys": [key_line(place) for place in range(len(names))],
            "made": how_made(chosen, [_parts(visit, job) for job in chosen]),
            "plots": _plots(visit, run_id, names),
            "confusions": _confusions(report, names),
            "rows": rows_apart,
        },
        tables=[comparison_table(names, lines), *([_row_table(names, rows_apart)] if rows_apart else [])],
    )


def _chosen(visit: Visit, report: RunReport) -> list[str]:
    known = [standing.result.model_id for standing in report.standings]
    names = list(dict.fromkeys(visit.asked_all("m")))
    for name in names:
        if name not in known:
            raise NotFoundError(
                f"run {report.run.id[:8]} has no result of {name!r}{nearest(name, known)}: "
                f"it has those of {listed(known)}"
            )
    if len(names) > MOST_MODELS:
        raise InvalidInputError(
            f"{len(names)} candidates are too many side by side: choose {MOST_MODELS} at most; "
            "the page Pairs of the run has all of them"
        )
    return names


def _ask_for_more(report: RunReport, names: Sequence[str]) -> Answer:
    """With fewer than two there is nothing to compare: the leaderboard is where they are chosen."""
    query = urlencode([("m", name) for name in names])
    return SeeOther(to=f"/runs/{report.run.id}{'?' + query if query else ''}")


def _chip(run: Run, names: Sequence[str], name: str) -> dict[str, Any]:
    """A chosen candidate, and the addresses without it and with it as the reference."""
    place = names.index(name)
    rest = [other for other in names if other != name]
    return {
        "name": name,
        "key": key_line(place),
        "is_reference": place == 0,
        "without": _address(run, rest),
        "first": _address(run, [name, *rest]),
    }


def _address(run: Run, names: Sequence[str]) -> str:
    return f"/compare?{urlencode([('run', run.id), *(('m', name) for name in names)])}"


def _others(report: RunReport, names: Sequence[str]) -> list[str]:
    if len(names) >= MOST_MODELS:
        return []
    return [one.result.model_id for one in report.standings if one.result.model_id not in names]


def _forest(
    visit: Visit, report: RunReport, found: Sequence[Any], reference: str, places: dict[str, int]
) -> Any:
    if not found or report.verdict is None:
        return None
    return difference_forest(
        found,
        metric=report.metrics[0],
        reference=reference,
        detectable=report.verdict.minimum_detectable_difference,
        places=places,
        densities=verdict_rows.densities_of(visit.engine, report.run.id),
    )


def _parts(visit: Visit, job: Job) -> dict[str, str]:
    """Digests of what the predictions follow from; empty for results of before they were kept."""
    result = job_queries.result_of(visit.engine, job.id)
    fit = earlier_fits.of_evaluation(visit.engine, result.reused_from or result.evaluation_id)
    return {str(part): digest for part, digest in fit.provenance.parts.items()} if fit else {}


def _plots(visit: Visit, run_id: str, names: Sequence[str]) -> list[Any]:
    records = {one["modelId"]: one for one in curve_records(visit.engine, run_id, models=names)}
    # A candidate without curves keeps its place, so that the others keep their colours.
    curves = [records.get(name, {"modelId": name}) for name in names]
    drawn = [
        roc_plot(curves, crosshair=True),
        precision_recall_plot(curves, crosshair=True),
        *(plot(curves) for plot in (calibration_plot, predicted_true_plot, residual_plot)),
    ]
    return [plot for plot in drawn if plot is not None]


def _confusions(report: RunReport, names: Sequence[str]) -> list[Any]:
    details = {one.result.model_id: one.result.details for one in report.standings}
    tables = [confusion_table(details[name], model=name, place=place) for place, name in enumerate(names)]
    return [table for table in tables if table is not None]


def _rows(visit: Visit, run_id: str, names: Sequence[str]) -> dict[str, Any] | None:
    """Where they disagree; None unless it is asked for, because it reads what all of them predicted."""
    if visit.asked("rows") != "yes":
        return None
    try:
        found = compare_results(visit.context, list(names), run=run_id, rows=_MOST_ROWS)
    except BakeoffError as exc:  # the predictions were collected: the rest of the page stands without them
        return {"said": str(exc), "rows": (), "features": []}
    features = list(dict.fromkeys(name for row in found.rows for name in row.features))[:6]
    return {
        "said": found.disagreements.sentence if found.disagreements else found.why_no_rows,
        "rows": found.rows,
        "features": features,
    }


def _row_table(names: Sequence[str], found: dict[str, Any]) -> ShownTable:
    features = found["features"]
    return ShownTable(
        name="disagreements",
        columns=["row", "true", *names, *features],
        rows=[
            [
                row.row,
                str(row.true),
                *(str(row.predictions.get(name, "")) for name in names),
                *(str(row.features.get(name, "")) for name in features),
            ]
            for row in found["rows"]
        ],
    )


PAGES = (PageRoute(path="/compare", show=show_comparison, is_slow=True),)
