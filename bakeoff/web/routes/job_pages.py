"""The jobs of a run, one job with its error, log and provenance, and its log as it grows."""

import re
from pathlib import Path

from bakeoff.api.run_records import run_record
from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.ids_and_times import iso, utc_now
from bakeoff.domain.metric_names_and_scoring_rules import greater_is_better
from bakeoff.domain.runs.column_importance import importance_in
from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.result import Fit, Result
from bakeoff.domain.runs.run import seconds_left
from bakeoff.domain.wording import nearest
from bakeoff.operations.runs.run_report import read_report
from bakeoff.store.bakeoffs import job_queries, run_progress_rows, run_rows
from bakeoff.store.bakeoffs.results import earlier_fits
from bakeoff.web.charts.escaped_markup import Markup
from bakeoff.web.charts.job_waterfall import job_waterfall
from bakeoff.web.charts.plots.importance_plot import importance_plot
from bakeoff.web.charts.plots.parameter_search_plot import study_plots
from bakeoff.web.page_request_and_answer import Answer, Page, PageRoute, SeeOther, Visit
from bakeoff.web.routes.run_pages import full_id, run_head, to_full_id
from bakeoff.web.table_downloads import ShownTable
from bakeoff.web.views.job_and_leaderboard_tables import failure_groups, job_table

#: Bytes of a log that a page shows: its end, where the reason stands. The rest is in the file.
_MOST_LOG = 200_000

#: What terminals take for colours and movements.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


def show_jobs(visit: Visit) -> Answer:
    if (found := full_id(visit)) is not None:
        return to_full_id(visit, found)
    engine, run_id, now = visit.engine, visit.parts["id"], utc_now()
    report = read_report(engine, run_id)
    jobs = job_queries.of_run(engine, run_id)
    results = {standing.result.evaluation_id: standing.result for standing in report.standings}
    metric = report.metrics[0]
    run = report.run
    status = run_progress_rows.of_run(engine, run_id)
    elapsed_s = (now - run.started_at).total_seconds() if run.started_at else 0.0
    return Page(
        template="run_jobs.html",
        title=f"Jobs of {run.name}",
        section="Runs",
        data={
            **run_head(visit, report, "jobs"),
            "waterfall": job_waterfall(
                run_record(status)["jobs"],
                [result.to_record() for result in results.values()],
                began_at=iso(run.created_at),
                now=None if run.state.has_ended else iso(now),
                link=lambda job: f"/jobs/{job['jobId']}",
            ),
            "groups": failure_groups(jobs),
            "metric": metric,
            "best": report.standings[0] if report.standings else None,
            "left_s": None if run.state.has_ended else seconds_left(jobs, elapsed_s),
            "nodes": sorted({job.node for job in jobs if job.state is JobState.RUNNING and job.node}),
        },
        tables=[job_table(jobs, results, metric)],
    )


def show_job(visit: Visit) -> Answer:
    engine, given = visit.engine, visit.parts["id"]
    full = job_queries.find(engine, given)
    if full != given:
        return SeeOther(to=f"/jobs/{full}")
    job = job_queries.get(engine, full)
    run = run_rows.get(engine, job.run_id)
    result = job_queries.result_of(engine, job.id) if job.state is JobState.COMPLETED else None
    fit = _fit_of(visit, result) if result else None
    log, is_cut = _log_of(visit, job)
    return Page(
        template="job.html",
        title=f"{job.candidate.id} in {run.name}",
        section="Runs",
        data={
            "job": job,
            "run": run,
            "result": result,
            "fit": fit,
            "log": log,
            "is_cut": is_cut,
            "log_size": _log_size(visit, job),
            "why_no_log": "" if log else _why_no_log(visit, job),
            "studies": _studies(result) if result else [],
            "importance": _importance(result) if result else None,
            "warnings": (result.details.get("warnings") or []) if result else [],
        },
        tables=[_metric_table(result)] if result else [],
    )


def _fit_of(visit: Visit, result: Result) -> Fit | None:
    """What the predictions were made from. A result that was taken over has the provenance of its origin."""
    return earlier_fits.of_evaluation(visit.engine, result.reused_from or result.evaluation_id)


def _studies(result: Result) -> list[Markup]:
    """The pictures of the searches of a candidate that tunes itself."""
    searches = result.details.get("tuning") or []
    if not searches:
        return []
    return study_plots(searches, greater_is_better=greater_is_better(searches[0]["metric"]))


def _importance(result: Result) -> Markup | None:
    found = importance_in(result.details)
    return None if found is None else importance_plot(found.to_record())


def _metric_table(result: Result) -> ShownTable:
    rows = []
    for metric, value in result.metrics.items():
        interval = result.intervals.get(metric)
        rows.append((metric, value, interval.low if interval else None, interval.high if interval else None))
    return ShownTable(name="metrics", columns=("metric", "value", "low", "high"), rows=rows)


def show_log(visit: Visit) -> Answer:
    """What was added to the log since a page was made, as a page that holds nothing else."""
    job = job_queries.get(visit.engine, visit.parts["id"])
    after = visit.asked("after", "0")
    begun = int(after) if after.isascii() and after.isdecimal() else 0
    file = _log_file(visit, job)
    text = _read(file, begun, _MOST_LOG) if file.is_file() else ""
    size = file.stat().st_size if file.is_file() else 0
    return Page(
        template="log.html",
        title="Log",
        data={"text": text, "size": min(size, begun + _MOST_LOG), "has_ended": job.state.has_ended},
    )


def _log_file(visit: Visit, job: Job) -> Path:
    return visit.context.configuration.log_of(job.run_id, job.id)


def _log_size(visit: Visit, job: Job) -> int:
    file = _log_file(visit, job)
    return file.stat().st_size if file.is_file() else 0


def _log_of(visit: Visit, job: Job) -> tuple[str, bool]:
    """The end of the log, and whether something stands before it."""
    file, size = _log_file(visit, job), _log_size(visit, job)
    begun = max(size - _MOST_LOG, 0)
    return (_read(file, begun, _MOST_LOG) if size else "", begun > 0)


def _read(file: Path, begun: int, most: int) -> str:
    with file.open("rb") as opened:
        opened.seek(begun)
        return plain_log(opened.read(most).decode("utf-8", "replace"))


def plain_log(text: str) -> str:
    """Without colours, and of a progress bar that was written over only what was left at the end."""
    lines = _ESCAPES.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def _why_no_log(visit: Visit, job: Job) -> str:
    here = visit.context.configuration.settings.node
    if job.started_at is None:
        return "It was never started." if job.state.has_ended else "It has not started yet."
    if job.node not in {None, here}:
        return f"It ran on {job.node}, which has the log. There: bakeoff logs {job.id[:8]}"
    return "It printed nothing."


def find_candidate(visit: Visit) -> Answer:
    """The job of a candidate of a run: `/runs/RUN/jobs/CANDIDATE`."""
    run_id = run_rows.find(visit.engine, visit.parts["id"])
    jobs = {job.candidate.id: job.id for job in job_queries.of_run(visit.engine, run_id)}
    wanted = visit.parts["model"]
    if wanted not in jobs:
        raise NotFoundError(f"run {run_id[:8]} has no candidate {wanted!r}{nearest(wanted, jobs)}")
    return SeeOther(to=f"/jobs/{jobs[wanted]}")


PAGES = (
    PageRoute(path="/runs/{id}/jobs", show=show_jobs, live="run/{id}"),
    PageRoute(path="/runs/{id}/jobs/{model:path}", show=find_candidate),
    PageRoute(path="/jobs/{id}", show=show_job),
    PageRoute(path="/jobs/{id}/log", show=show_log),
)
