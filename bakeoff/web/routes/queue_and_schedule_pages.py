"""The queue: what waits, what runs where, who reads, and what is stuck; and schedules."""

from bakeoff.domain.ids_and_times import iso, utc_now
from bakeoff.operations.runs.scheduled_runs import pause_schedule, resume_schedule, schedule_statuses
from bakeoff.store.bakeoffs import job_queries
from bakeoff.store.bakeoffs.queue import queue_order
from bakeoff.web.page_request_and_answer import Answer, Page, PageRoute, SeeOther, Visit, confirmation
from bakeoff.web.page_templates import path_part
from bakeoff.web.table_downloads import ShownTable

_MOST_NEXT = 50


def show_queue(visit: Visit) -> Answer:
    engine, settings = visit.engine, visit.context.configuration.settings
    running = job_queries.running_jobs(engine)
    upcoming = queue_order.next_jobs(engine, limit=_MOST_NEXT)
    queues = (visit.broker.queues if visit.broker else None) or []
    rows = [
        ("running", one.job_id, one.model_id, one.run_id, one.run_name, one.node, iso(one.started_at))
        for one in running
    ]
    waiting = [("queued", one.job_id, one.model_id, one.run_id, one.run_name, None, None) for one in upcoming]
    nodes: dict[str, int] = {}
    for one in running:
        nodes[one.node] = nodes.get(one.node, 0) + 1
    return Page(
        template="queue.html",
        title="Queue",
        section="Queue",
        data={
            "backlog": job_queries.backlog(engine),
            "running": running,
            "upcoming": upcoming,
            "queues": queues,
            "is_known": visit.broker is not None,
            "is_reachable": visit.broker is not None and visit.broker.queues is not None,
            "findings": [one for one in visit.broker.findings if one.level != "ok"] if visit.broker else [],
            "nodes": nodes,
            "slots": settings.eval_workers,
            "now": utc_now(),
        },
        tables=[
            ShownTable(
                name="queue",
                columns=("state", "jobId", "modelId", "runId", "runName", "node", "startedAt"),
                rows=[*rows, *waiting],
            )
        ],
    )


def show_schedules(visit: Visit) -> Answer:
    statuses = schedule_statuses(visit.context)
    return Page(
        template="schedules.html",
        title="Schedules",
        section="Schedules",
        data={"statuses": statuses},
        tables=[
            ShownTable(
                name="schedules",
                columns=("name", "of", "when", "nextAt", "lastAt", "lastRun", "missed", "problem"),
                rows=[
                    (
                        one.schedule.name,
                        one.settings.subject,
                        str(one.schedule.rule),
                        iso(one.next_at),
                        iso(one.standing.last.at) if one.standing.last else None,
                        one.run.id if one.run else None,
                        one.standing.missed,
                        one.problem or None,
                    )
                    for one in statuses
                ],
            )
        ],
    )


def ask_to_pause(visit: Visit) -> Answer:
    return _ask(
        visit,
        title=f"Pause the schedule {visit.parts['name']}?",
        text="It starts nothing until somebody resumes it.",
        stays=["Runs of it that are under way or wait go on", "What is due meanwhile is not caught up later"],
        action="pause",
    )


def pause(visit: Visit) -> Answer:
    visit.require_admin()
    pause_schedule(visit.context, visit.parts["name"], by=visit.who.name)
    return SeeOther(to="/schedules")


def ask_to_resume(visit: Visit) -> Answer:
    return _ask(
        visit,
        title=f"Resume the schedule {visit.parts['name']}?",
        text="It starts its next run when that is due.",
        stays=["What was due during the pause is not caught up"],
        action="resume",
    )


def resume(visit: Visit) -> Answer:
    visit.require_admin()
    resume_schedule(visit.context, visit.parts["name"])
    return SeeOther(to="/schedules")


def _ask(visit: Visit, *, title: str, text: str, stays: list[str], action: str) -> Answer:
    visit.require_admin()
    return confirmation(
        title=title,
        section="Schedules",
        text=text,
        stays=stays,
        action=f"/schedules/{path_part(visit.parts['name'])}/{action}",
        button=action.capitalize(),
        back="/schedules",
    )


PAGES = (
    PageRoute(path="/schedules/{name}/pause", show=ask_to_pause, act=pause),
    PageRoute(path="/schedules/{name}/resume", show=ask_to_resume, act=resume),
    PageRoute(path="/queue", show=show_queue, broker_wait_s=1.0, live="all"),
    PageRoute(path="/schedules", show=show_schedules, live="all"),
)
