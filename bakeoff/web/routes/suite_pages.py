"""Suites: those that were run, those of the configuration, and one with its verdict over its datasets."""

from bakeoff.domain.ids_and_times import iso, new_id, parse_id
from bakeoff.operations.suites.start_suite import new_suite, settings_of, start_suite
from bakeoff.operations.suites.suite_report import SuiteReport, read_suite, read_suites
from bakeoff.store.bakeoffs import suite_rows
from bakeoff.web.charts.mean_rank_chart import mean_ranks_table
from bakeoff.web.page_request_and_answer import Answer, Page, PageRoute, SeeOther, Visit, confirmation
from bakeoff.web.table_downloads import ShownTable

_MOST = 50


def list_suites(visit: Visit) -> Answer:
    found = read_suites(visit.context, limit=_MOST)
    known = visit.context.configuration.settings.suites
    return Page(
        template="suite_list.html",
        title="Suites",
        section="Suites",
        data={"reports": found, "known": known},
        tables=[
            ShownTable(
                name="suites",
                columns=("suiteId", "name", "status", "ended", "datasets", "createdAt", "verdict"),
                rows=[
                    (
                        one.suite.id,
                        one.suite.name,
                        str(one.state),
                        one.ended,
                        len(one.members),
                        iso(one.suite.created_at),
                        one.verdict.sentence if one.verdict else None,
                    )
                    for one in found
                ],
            )
        ],
    )


def show_suite(visit: Visit) -> Answer:
    report = read_suite(visit.context, suite_rows.find(visit.engine, visit.parts["id"]))
    return Page(
        template="suite.html",
        title=report.suite.name,
        section="Suites",
        data={
            "report": report,
            "ranks": mean_ranks_table(report.verdict) if report.verdict else None,
        },
        tables=_tables(report),
    )


def _tables(report: SuiteReport) -> list[ShownTable]:
    verdict = report.verdict
    members = ShownTable(
        name="runs",
        columns=("dataset", "runId", "status", "recommended", "verdict"),
        rows=[
            (
                one.member.dataset,
                one.member.run_id if one.summary else None,
                one.state,
                one.headline.recommended if one.headline else None,
                one.headline.sentence if one.headline else one.member.error or None,
            )
            for one in report.members
        ],
    )
    if verdict is None:
        return [members]
    ranks = ShownTable(
        name="ranks",
        columns=(
            "modelId",
            "meanRank",
            "low",
            "high",
            "wins",
            "ties",
            "losses",
            "standing",
            *verdict.datasets,
        ),
        rows=[
            (
                one.id,
                one.mean_rank,
                one.low,
                one.high,
                one.wins,
                one.ties,
                one.losses,
                str(one.standing),
                *one.ranks,
            )
            for one in verdict.candidates
        ],
    )
    pairs = ShownTable(
        name="pairs",
        columns=("a", "b", "medianDifference", "aLeads", "bLeads", "pValue", "better"),
        rows=[
            (pair.a, pair.b, pair.median, pair.a_leads, pair.b_leads, pair.p_value, pair.better)
            for pair in verdict.pairs
        ],
    )
    return [members, ranks, pairs]


def ask_to_start(visit: Visit) -> Answer:
    name = visit.parts["name"]
    settings = settings_of(visit.context, name)
    models = ", ".join(settings.models) if settings.models else "all candidates that are enabled"
    return confirmation(
        title=f"Start the suite {name}?",
        section="Suites",
        text=f"{len(settings.datasets)} runs are started, of {models}. All data are read first: if one "
        "cannot be, nothing is started.",
        stays=[
            "Earlier suites of this name, and their runs",
            "Results that fit: what was fitted before on the same rows is not fitted again",
        ],
        action=f"/suites/start/{name}",
        button=f"Start {len(settings.datasets)} runs",
        back="/suites",
        fields=[("suite", new_id())],
    )


def start(visit: Visit) -> Answer:
    suite_id = parse_id(visit.given("suite")) if visit.given("suite") else None
    suite = start_suite(visit.context, new_suite(visit.context, visit.parts["name"], suite_id=suite_id))
    return SeeOther(to=f"/suites/{suite.id}")


PAGES = (
    PageRoute(path="/suites", show=list_suites, live="all"),
    PageRoute(path="/suites/start/{name}", show=ask_to_start, act=start, is_slow=True),
    PageRoute(path="/suites/{id}", show=show_suite, live="all"),
)
