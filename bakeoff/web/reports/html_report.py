"""A run as one HTML file: it loads nothing, runs no script, prints well, and is light or dark by choice."""

import base64
import hashlib

from bakeoff.domain.metric_names_and_scoring_rules import short_name
from bakeoff.web.charts.confusion_table import confusion_table
from bakeoff.web.charts.difference_forest import difference_forest, pairs_with
from bakeoff.web.charts.escaped_markup import Child, Markup, name_of, tag
from bakeoff.web.charts.icons_badges_and_marks import key, state_badge
from bakeoff.web.charts.job_waterfall import job_waterfall
from bakeoff.web.charts.leaderboard_markup import leaderboard_table
from bakeoff.web.charts.metric_and_cost_columns import telling_cost
from bakeoff.web.charts.number_text import duration_text
from bakeoff.web.charts.plots.curve_plots import calibration_plot, precision_recall_plot, roc_plot
from bakeoff.web.charts.plots.pareto_plot import pareto_plot, pareto_points, pareto_sentence
from bakeoff.web.charts.plots.residual_plots import predicted_true_plot, residual_plot
from bakeoff.web.charts.verdict_box import findings_list, stopped_list, verdict_box
from bakeoff.web.reports.report_contents import ReportContents, dataset_facts, seconds_between
from bakeoff.web.reports.report_style_and_notebook_html import report_stylesheet

_MOST_DIFFERENCES = 12
_MOST_CLASSES = 12  #: of a confusion matrix that is read on paper
_MATRICES = 3


def html_report(contents: ReportContents) -> str:
    run = contents.run
    sections = [
        _head(contents),
        verdict_box(contents.verdict, pending=_pending(contents)),
        None if contents.verdict else findings_list(contents.findings),
        leaderboard_table(contents.report),
        stopped_list(contents.report),
        _differences(contents),
        _curves(contents),
        _pareto(contents),
        _confusion(contents),
        _jobs(contents),
        _made_from(contents),
        tag("footer", f"Written by Bakeoff {contents.bakeoff} on {contents.written_at:%d %B %Y, %H:%M} UTC."),
    ]
    return _document(f"{run['name']}: bake-off on {run['datasetName']}", tag("main", *sections))


def _document(title: str, body: Markup) -> str:
    style = report_stylesheet()
    # The hash allows this style and nothing else: the file is safe to open, whoever named the candidates.
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Markup(style)),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', body), lang='en')}\n"


def _head(contents: ReportContents) -> Markup:
    run = contents.run
    took = seconds_between(run["startedAt"], run["endedAt"])
    facts = [tag("li", tag("b", value), f" {word}" if word else "") for value, word in dataset_facts(run)]
    if contents.design:
        facts.append(tag("li", contents.design))
    if took is not None:
        facts.append(tag("li", "in ", tag("b", duration_text(took))))
    facts.append(tag("li", f"{run['createdAt'][:16].replace('T', ' ')} UTC"))
    title = tag("h1", name_of(run["name"]), " ", state_badge(str(run["status"])))
    return tag("header", title, tag("ul", *facts, class_="facts"))


def _pending(contents: ReportContents) -> str:
    run = contents.run
    if run["endedAt"] is None:
        return f"This run is {run['status']}: it is judged when its last job has ended."
    return "This run has no verdict."


def _differences(contents: ReportContents) -> Markup | None:
    """To Production, or else to the candidate with the highest score."""
    verdict = contents.verdict
    if verdict is None:
        return None
    production = verdict["production"]
    reference = production["reference"] if production else None
    found = [one for one in verdict["references"] if one["reference"] == reference]
    if not found:
        reference = next((row["modelId"] for row in contents.report["leaderboard"]), None)
        found = pairs_with(contents.pairs, reference) if reference else []
    if reference is None or not found:
        return None
    order = [row["modelId"] for row in contents.report["leaderboard"]]
    shown = sorted(found, key=lambda one: order.index(one["candidate"]))[:_MOST_DIFFERENCES]
    places = {curve["modelId"]: place for place, curve in enumerate(contents.curves)}
    forest = difference_forest(
        shown,
        metric=verdict["metric"],
        reference=reference,
        detectable=verdict["minimumDetectableDifference"],
        places=places,
        densities=contents.densities,
    )
    return tag("section", tag("h2", "Differences"), forest)


def _curves(contents: ReportContents) -> Markup | None:
    plots = [
        plot(contents.curves)
        for plot in (roc_plot, precision_recall_plot, calibration_plot, predicted_true_plot, residual_plot)
    ]
    drawn = [plot for plot in plots if plot is not None]
    if not drawn:
        return None
    names = [curve["modelId"] for curve in contents.curves]
    return tag("section", tag("h2", "Curves"), key(names), tag("div", *drawn, class_="columns"))


def _pareto(contents: ReportContents) -> Markup | None:
    rows, run = contents.report["leaderboard"], contents.run
    metric = run["metrics"][0]
    cost = telling_cost(rows)
    points = pareto_points(
        rows,
        contents.pairs,
        metric=metric,
        cost=cost,
        greater_is_better=contents.verdict["greaterIsBetter"] if contents.verdict else True,
        baseline_id=run["baselineId"],
    )
    if not contents.pairs or len(points) < 2:  # noqa: PLR2004 - one point has no front
        return None
    plot = pareto_plot(points, metric=metric, cost=cost)
    said = pareto_sentence(points, metric, cost=cost, verdict=contents.verdict)
    return tag("section", tag("h2", "Score against cost"), tag("p", said), plot)


def _confusion(contents: ReportContents) -> Markup | None:
    places = {curve["modelId"]: place for place, curve in enumerate(contents.curves)}
    tables: list[Child] = []
    for row in contents.report["leaderboard"]:
        details = row["details"]
        if len(tables) < _MATRICES and len(details.get("classes", ())) <= _MOST_CLASSES:
            found = confusion_table(details, model=row["modelId"], place=places.get(row["modelId"]))
            tables += [found] if found is not None else []
    if not tables:
        return None
    title = tag("h2", "Confusion")
    return tag("section", title, tag("div", *tables, class_="columns"))


def _jobs(contents: ReportContents) -> Markup | None:
    if not contents.jobs:
        return None
    now = None if contents.run["endedAt"] else contents.written_at.isoformat()
    waterfall = job_waterfall(
        contents.jobs, contents.report["leaderboard"], began_at=contents.run["createdAt"], now=now
    )
    return tag("section", tag("h2", "Jobs"), waterfall)


def _made_from(contents: ReportContents) -> Markup:
    run, environment = contents.run, contents.environment
    rows: list[tuple[str, str]] = [
        ("Run", run["runId"]),
        ("Dataset", f"{run['datasetName']}, snapshot {run['datasetId']}, split {run['splitId']}"),
        ("Target", f"{run['target']} ({run['targetKind']})"),
        ("Scored by", ", ".join(map(short_name, run["metrics"]))),
        ("Seed", str(run["seed"])),
    ]
    if environment is not None:
        packages = ", ".join(f"{name} {number}" for name, number in environment["packages"].items())
        rows += [
            ("Commit", environment["commit"] or "the project is in no git checkout"),
            ("Processor", environment["cpu"]),
            ("Packages", packages),
        ]
    facts = [tag("tr", tag("th", name, scope="row"), tag("td", value)) for name, value in rows]
    heads = ("Candidate", "Version", "Fitted in evaluation", "Fingerprint")
    origins = [
        tag("tr", tag("th", name_of(one["modelId"]), scope="row"), tag("td", one["modelVersion"]),
            tag("td", tag("code", one["fittedIn"])), tag("td", tag("code", (one["fingerprint"] or "")[:12])))
        for one in contents.origins
    ]  # fmt: skip
    head = tag("tr", *(tag("th", text, scope="col") for text in heads))
    table = tag("table", tag("thead", head), tag("tbody", *origins), class_="bo-values made-from")
    replay = contents.replay
    command = (
        [tag("p", "Fit it once more on the same rows, and compare each prediction:"), tag("pre", replay)]
        if replay
        else []
    )
    return tag(
        "section",
        tag("h2", "How this was made"),
        tag("table", tag("tbody", *facts), class_="bo-values made-from"),
        *command,
        tag(
            "details",
            tag("summary", "Each candidate"),
            tag("div", table, class_="bo-scroll"),
            class_="bo-fold",
        ),
    )
