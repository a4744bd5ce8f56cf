"""The first page: what is stuck, what runs now, what is in Production, and the latest verdicts."""

from collections.abc import Iterator
from dataclasses import dataclass

from bakeoff.domain.model_version import ModelVersion, Promotion, Stage, VersionFilter
from bakeoff.domain.runs.run import RunState
from bakeoff.operations.runs.scheduled_runs import schedule_statuses
from bakeoff.store.bakeoffs import job_queries, run_rows
from bakeoff.web.page_request_and_answer import Answer, Page, PageRoute, Visit
from bakeoff.web.views.run_list_lines import run_lines
from registry.models import registry_opening

_MOST_OPEN, _MOST_ENDED = 10, 8


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """Something that will not go on by itself."""

    what: str
    command: str  #: what to type
    link: str = ""


def show_home(visit: Visit) -> Answer:
    engine = visit.engine
    running = run_rows.page(engine, limit=_MOST_OPEN, state=RunState.RUNNING)
    waiting = run_rows.page(engine, limit=_MOST_OPEN, state=RunState.QUEUED)
    latest = run_rows.page(engine, limit=_MOST_OPEN + _MOST_ENDED)
    ended = [one for one in latest if one.run.state.has_ended][:_MOST_ENDED]
    return Page(
        template="home.html",
        title="Home",
        data={
            "stuck": list(_stuck(visit)),
            "open_runs": run_lines(engine, [*running, *waiting]),
            "ended_runs": run_lines(engine, ended),
            "production": _production(visit),
        },
    )


def _stuck(visit: Visit) -> Iterator[Stuck]:
    backlog = job_queries.backlog(visit.engine)
    queues = (visit.broker.queues if visit.broker else None) or []
    unread = [queue.name for queue in queues if not queue.readers]
    if visit.broker and backlog.queued and not backlog.running and (unread or not queues):
        yield Stuck(
            what=f"{backlog.queued:,} jobs wait, and no worker reads the queue",
            command="bakeoff worker",
            link="/queue",
        )
    if backlog.silent:
        yield Stuck(
            what=f"{backlog.silent:,} running jobs have not been heard of: their leases have run out",
            command="bakeoff doctor",
            link="/queue",
        )
    for status in schedule_statuses(visit.context):
        if status.problem:
            yield Stuck(
                what=f"Schedule {status.schedule.name}: {status.problem}",
                command="bakeoff schedules",
                link="/schedules",
            )


def _production(visit: Visit) -> list[dict[str, ModelVersion | Promotion | None]]:
    """What is in Production, by name, and since when."""
    configuration = visit.context.configuration
    if not registry_opening.has_registry(configuration):
        return []
    registry = registry_opening.open_registry(configuration)
    found: list[dict[str, ModelVersion | Promotion | None]] = []
    for version in registry.versions(VersionFilter(stage=Stage.PRODUCTION)):
        since = next(
            (entry for entry in registry.history(version.name, limit=50)
             if entry.version == version.version and entry.to_stage is Stage.PRODUCTION and entry.moved),
            None,
        )  # fmt: skip
        found.append({"version": version, "entry": since})
    return found


PAGES = (PageRoute(path="/", show=show_home, uses_registry=True, broker_wait_s=0.1, live="all"),)
