"""What can be done to a run: cancel it, retry candidates, change its priority. Each asks first."""

from bakeoff.api import idempotent_start
from bakeoff.domain.errors import ConflictError, InvalidInputError
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import LONGEST_LABEL, PRIORITIES
from bakeoff.domain.wording import counted, quoted
from bakeoff.store.bakeoffs import cancellation, job_queries, run_label_rows, run_rows
from bakeoff.web.page_request_and_answer import Answer, Page, PageRoute, SeeOther, Visit, confirmation

_MOST_NAMED = 12


def ask_to_cancel(visit: Visit) -> Answer:
    summary = run_rows.summary(visit.engine, run_rows.find(visit.engine, visit.parts["id"]))
    run, jobs = summary.run, summary.jobs
    if run.state.has_ended:
        return SeeOther(to=f"/runs/{run.id}")
    queued, running, completed = (
        jobs.get(state, 0) for state in (JobState.QUEUED, JobState.RUNNING, JobState.COMPLETED)
    )
    return confirmation(
        section="Runs",
        title=f"Cancel {run.name}?",
        text=f"{counted(queued, 'queued job')} will not start, and {counted(running, 'running job')} "
        "will be stopped within seconds.",
        stays=[
            f"{counted(completed, 'result')} that it has, and its leaderboard",
            "The snapshot of its data",
            "It can be retried: what has a result is then taken over",
        ],
        action=f"/runs/{run.id}/cancel",
        button="Cancel the run",
        back=f"/runs/{run.id}",
        is_dangerous=True,
    )


def cancel(visit: Visit) -> Answer:
    run_id = run_rows.get(visit.engine, visit.parts["id"]).id
    if not cancellation.cancel_run(visit.engine, run_id):
        state = run_rows.get(visit.engine, run_id).state
        raise ConflictError(f"run {run_id[:8]} had ended already: it is {state}, and nothing was changed")
    return SeeOther(to=f"/runs/{run_id}")


def ask_to_retry(visit: Visit) -> Answer:
    run = run_rows.get(visit.engine, run_rows.find(visit.engine, visit.parts["id"]))
    jobs = job_queries.of_run(visit.engine, run.id)
    missing = [job.candidate.id for job in jobs if job.state is not JobState.COMPLETED]
    wanted = [model for model in visit.asked_all("m") if model in missing] or missing
    if not missing or not run.state.has_ended:
        return SeeOther(to=f"/runs/{run.id}")
    named = ", ".join(wanted[:_MOST_NAMED]) + (
        f" and {len(wanted) - _MOST_NAMED} more" if wanted[_MOST_NAMED:] else ""
    )
    left_out = len(missing) - len(wanted)
    return confirmation(
        section="Runs",
        title=f"Retry {counted(len(wanted), 'candidate')} of {run.name}?",
        text=f"A new run is started on the same snapshot: {named}.",
        stays=[
            f"This run, with {counted(len(jobs) - len(missing), 'result')}, which the new one takes over",
            *(
                [f"{counted(left_out, 'other candidate')} without a result: the new run leaves them out"]
                if left_out
                else []
            ),
        ],
        action=f"/runs/{run.id}/retry",
        button="Retry",
        back=f"/runs/{run.id}/jobs",
        fields=[("key", new_id()), *(("m", model) for model in wanted)],
    )


def retry(visit: Visit) -> Answer:
    started = idempotent_start.retry(
        visit.context,
        run_rows.get(visit.engine, visit.parts["id"]).id,
        key=visit.given("key") or None,
        principal=visit.who,
        models=visit.given_all("m") or None,
    )
    return SeeOther(to=f"/runs/{started.run.id}")


def ask_for_priority(visit: Visit) -> Answer:
    run = run_rows.get(visit.engine, run_rows.find(visit.engine, visit.parts["id"]))
    if run.state.has_ended:
        return SeeOther(to=f"/runs/{run.id}")
    return Page(
        template="priority.html",
        title=f"Priority of {run.name}",
        section="Runs",
        data={"run": run, "least": min(PRIORITIES), "most": max(PRIORITIES)},
    )


def set_priority(visit: Visit) -> Answer:
    run = run_rows.get(visit.engine, visit.parts["id"])
    if not run_rows.prioritise(visit.engine, run.id, _priority(visit.given("priority"))):
        raise ConflictError(f"run {run.id[:8]} had ended already: its priority matters no more")
    return SeeOther(to=f"/runs/{run.id}")


def _priority(text: str) -> int:
    least, most = min(PRIORITIES), max(PRIORITIES)
    try:
        number = int(text)
    except ValueError:
        number = most + 1
    if number not in PRIORITIES:
        raise InvalidInputError(f"{quoted(text)} is no priority: expected a number from {least} to {most}")
    return number


def ask_for_labels(visit: Visit) -> Answer:
    run = run_rows.get(visit.engine, run_rows.find(visit.engine, visit.parts["id"]))
    labels = run_label_rows.of_runs(visit.engine, [run.id]).get(run.id, [])
    return Page(
        template="labels.html",
        title=f"Labels of {run.name}",
        section="Runs",
        data={"run": run, "labels": labels, "longest": LONGEST_LABEL},
    )


def change_labels(visit: Visit) -> Answer:
    """One form adds a label, the button beside a label takes it away."""
    run = run_rows.get(visit.engine, visit.parts["id"])
    if gone := visit.given("remove"):
        run_label_rows.remove(visit.engine, run.id, gone)
    else:
        run_label_rows.add(visit.engine, run.id, visit.given("label"), by=visit.who.name)
    return SeeOther(to=f"/runs/{run.id}/labels")


PAGES = (
    PageRoute(path="/runs/{id}/cancel", show=ask_to_cancel, act=cancel),
    PageRoute(path="/runs/{id}/retry", show=ask_to_retry, act=retry, is_slow=True),
    PageRoute(path="/runs/{id}/labels", show=ask_for_labels, act=change_labels),
    PageRoute(path="/runs/{id}/priority", show=ask_for_priority, act=set_priority),
)
