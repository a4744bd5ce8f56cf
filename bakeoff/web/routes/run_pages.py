"""Runs: the list of them, paged by the server; the leaderboard of one; and the head of all its pages."""

from collections.abc import Collection, Mapping
from typing import Any

from bakeoff.api.paging import cursor_after, id_in, unknown
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.collapsed_grids import families_of
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import RunState
from bakeoff.domain.wording import listed, quoted
from bakeoff.operations.runs.run_report import RunReport, read_report, report_record
from bakeoff.store.bakeoffs import run_label_rows, run_rows, schedule_slots
from bakeoff.web.charts.leaderboard_markup import BoardOptions, leaderboard_table
from bakeoff.web.charts.verdict_box import stopped_list, verdict_box
from bakeoff.web.page_request_and_answer import Answer, Page, PageRoute, SeeOther, Visit
from bakeoff.web.views.job_and_leaderboard_tables import board_table
from bakeoff.web.views.run_list_lines import run_lines, run_table

#: A page of a thousand rows takes half a second to lay out.
_PER_PAGE = 100
#: Instead of the name of a grid, in an address: the members of all of them.
_ALL_MEMBERS = "all"


def list_runs(visit: Visit) -> Answer:
    engine = visit.engine
    after = id_in(visit.asked("cursor")) if visit.asked("cursor") else None
    if after is not None and not run_rows.exists(engine, after):
        raise unknown()
    dataset = visit.asked("dataset")
    found = run_rows.page(
        engine,
        limit=_PER_PAGE + 1,
        after=after,
        state=_state(visit.asked("state")),
        dataset=dataset or None,
        containing=visit.asked("q") or None,
        label=visit.asked("label") or None,
    )
    lines = run_lines(engine, found[:_PER_PAGE])
    more = len(found) > _PER_PAGE
    return Page(
        template="run_list.html",
        title="Runs",
        section="Runs",
        data={
            "lines": lines,
            "states": list(RunState),
            "datasets": sorted(
                {*visit.context.configuration.settings.datasets, *([dataset] if dataset else [])}
            ),
            "cursor": cursor_after(lines[-1].run.id) if more else "",
            "is_filtered": any(visit.asked(name) for name in ("q", "state", "dataset", "label", "cursor")),
        },
        tables=[run_table(lines)],
    )


def _state(text: str) -> RunState | None:
    if not text:
        return None
    try:
        return RunState(text)
    except ValueError:
        raise InvalidInputError(
            f"{quoted(text)} is no state of a run: there are {listed(RunState)}"
        ) from None


def full_id(visit: Visit) -> str | None:
    """The id of the run that the address names by a name, by `latest`, or by the beginning of its id.

    None if it is the id itself.
    """
    given = visit.parts["id"]
    found = given if run_rows.exists(visit.engine, given) else run_rows.find(visit.engine, given)
    return None if found == given else found


def to_full_id(visit: Visit, found: str) -> SeeOther:
    rest = visit.path.removeprefix("/runs/").partition("/")[2]
    query = visit.address().partition("?")[2]
    return SeeOther(to=f"/runs/{found}{'/' + rest if rest else ''}{'?' + query if query else ''}")


def show_run(visit: Visit) -> Answer:
    if (found := full_id(visit)) is not None:
        return to_full_id(visit, found)
    run_id = visit.parts["id"]
    metric = visit.asked("metric") or None
    report = read_report(visit.engine, run_id, metric=metric)
    record = report_record(report)
    if report.run.signals is not None:
        return SeeOther(to=f"/signals?asOf={report.run.signals.as_of}")
    families = {one.name: one.size for one in families_of(record["leaderboard"], record["failed"])}
    options = _board_options(visit, report, families)
    shown = {**record, "leaderboard": _filtered(record["leaderboard"], visit.asked("q"))}
    return Page(
        template="run.html",
        title=report.run.name,
        section="Runs",
        data={
            **run_head(visit, report, "leaderboard"),
            "board": leaderboard_table(shown, options),
            "stopped": stopped_list(record, link=lambda one: f"/jobs/{one['evaluationId']}"),
            "verdict": verdict_box(record.get("verdict"), pending=_pending(report)),
            "metrics": report.metrics,
            "metric": report.metrics[0],
            "references": _references(record),
            "against": visit.asked("against"),
            "families": families,
        },
        tables=[board_table(record)],
    )


def _board_options(visit: Visit, report: RunReport, families: Collection[str]) -> BoardOptions:
    wanted = visit.asked_all("cols")
    members = visit.asked("members")
    # Who looks for a name looks for it among the members, too.
    shows_all = members == _ALL_MEMBERS or bool(visit.asked("q"))
    known = {standing.result.model_id for standing in report.standings}
    chosen = [model for model in visit.asked_all("m") if model in known]
    return BoardOptions(
        metric=report.metrics[0],
        against=visit.asked("against") or None,
        columns=wanted or None,
        link=lambda record: f"/jobs/{record['evaluationId']}",
        choice="m",
        chosen=chosen,
        unfolded=families if shows_all else [members],
        unfold=lambda family: visit.address(members=family),
    )


def _filtered(rows: list[Mapping[str, Any]], text: str) -> list[Mapping[str, Any]]:
    return [row for row in rows if text.lower() in row["modelId"].lower()] if text else rows


def _references(record: Mapping[str, Any]) -> list[str]:
    verdict = record.get("verdict")
    return sorted({one["reference"] for one in verdict["references"]}) if verdict else []


def _pending(report: RunReport) -> str:
    run = report.run
    if run.state.has_ended:
        return "This run has no verdict by this metric." if report.standings else "No candidate has a result."
    left = len(report.open)
    return f"{left} of {sum(report.summary.jobs.values())} jobs are still to end; then the run is judged."


def run_head(visit: Visit, report: RunReport, tab: str) -> dict[str, Any]:
    """What stands at the top of each page of a run."""
    run, counts = report.run, report.summary.jobs
    total = sum(counts.values())
    failed = sum(counts.get(state, 0) for state in (JobState.FAILED, JobState.TIMED_OUT))
    return {
        "run": run,
        "tab": tab,
        "total": total,
        "failed": failed,
        "counts": {str(state): counts.get(state, 0) for state in JobState},
        "labels": run_label_rows.of_runs(visit.engine, [run.id]).get(run.id, []),
        "schedule": schedule_slots.schedule_of(visit.engine, run.id) or "",
        "candidates": total - (run.baseline_id is not None),
        "took_s": (run.ended_at - run.started_at).total_seconds()
        if run.ended_at and run.started_at
        else None,
        "can_retry": run.state.has_ended and run.state is not RunState.COMPLETED,
    }


#: Apart, because `/runs/new` and `/runs/plan` are tried before any name of a run.
LIST = (PageRoute(path="/runs", show=list_runs, live="all"),)
PAGES = (PageRoute(path="/runs/{id}", show=show_run, live="run/{id}"),)
