"""Runs: making them, finding them, stopping them, and noticing that they are over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, and_, func, insert, or_, select, update

from domain.errors import NotFoundError
from domain.event import EventType
from domain.identity import iso
from domain.job import Job, JobState
from domain.result import Result
from domain.run import Run, RunState, end_of_run
from store import outbox
from store.engine import now, reading, writing
from store.rows import job_to_row, result_to_row, run_from_row, run_to_row
from store.tables import jobs, results, runs

_OPEN = [state for state in RunState if not state.has_ended]
_UNFINISHED = [state for state in JobState if not state.has_ended]


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    run: Run
    jobs: Mapping[JobState, int]  #: how many jobs are in each state; states without jobs are absent


def create(
    engine: Engine, run: Run, queued: Sequence[Job], reused: Sequence[tuple[Job, Result]] = ()
) -> bool:
    """The run with all its jobs, or nothing. False when a run of this id is there already: it is left as it is.

    `reused` jobs have ended before they began: their results are those of earlier evaluations.
    """
    with writing(engine) as connection:
        if connection.execute(select(runs.c.id).where(runs.c.id == run.id)).first():
            return False
        connection.execute(insert(runs), run_to_row(run))
        connection.execute(insert(jobs), [job_to_row(job) for job in (*queued, *(job for job, _ in reused))])
        if reused:
            connection.execute(insert(results), [result_to_row(result) for _, result in reused])
            records = [result.to_record() for _, result in reused]
            outbox.add(connection, EventType.EVALUATION_COMPLETED, run.id, records, run.created_at)
            close_if_over(connection, run.id)
    return True


def get(engine: Engine, run_id: str) -> Run:
    with reading(engine) as connection:
        row = connection.execute(select(runs).where(runs.c.id == run_id)).first()
    if row is None:
        raise NotFoundError(f"there is no run {run_id}: `bakeoff runs` lists them")
    return run_from_row(row)


def find(engine: Engine, prefix: str) -> str:
    """The id of the one run whose id begins like this, as people type it; `latest` is the newest."""
    newest_first = select(runs.c.id).order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(2)
    with reading(engine) as connection:
        if prefix == "latest":
            found = connection.execute(newest_first.limit(1)).scalars().all()
        else:
            found = (
                connection.execute(newest_first.where(runs.c.id.startswith(prefix, autoescape=True)))
                .scalars()
                .all()
            )
    if not found:
        raise NotFoundError(f"there is no run {prefix}: `bakeoff runs` lists them")
    if len(found) > 1:
        raise NotFoundError(f"{prefix} is the beginning of more than one run id: give more of it")
    return found[0]


def page(
    engine: Engine, *, limit: int, after: str | None = None, state: RunState | None = None
) -> list[RunSummary]:
    """Newest first. `after` is the id of the last run of the page before."""
    wanted = select(runs).order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit)
    if state is not None:
        wanted = wanted.where(runs.c.state == state)
    if after is not None:
        last = select(runs.c.created_at).where(runs.c.id == after).scalar_subquery()
        wanted = wanted.where(
            or_(runs.c.created_at < last, and_(runs.c.created_at == last, runs.c.id < after))
        )
    with reading(engine) as connection:
        found = [run_from_row(row) for row in connection.execute(wanted)]
        counts = _count_jobs(connection, [run.id for run in found])
    return [RunSummary(run=run, jobs=counts[run.id]) for run in found]


def summary(engine: Engine, run_id: str) -> RunSummary:
    run = get(engine, run_id)
    with reading(engine) as connection:
        return RunSummary(run=run, jobs=_count_jobs(connection, [run_id])[run_id])


def hold(connection: Connection, run_id: str) -> None:
    """Until the end of this transaction nobody else changes the run, its jobs, or its place in the outbox."""
    connection.execute(select(runs.c.id).where(runs.c.id == run_id).with_for_update())


def close_if_over(connection: Connection, run_id: str) -> None:
    """Part of each transaction that ends a job: whoever ends the last one ends the run, once."""
    still_open = select(jobs.c.id).where(jobs.c.run_id == run_id, jobs.c.state.in_(_UNFINISHED)).limit(1)
    if connection.execute(still_open).first():
        return
    counts = _count_jobs(connection, [run_id])[run_id]
    end = end_of_run(counts)
    at = now(connection)
    closed = connection.execute(
        update(runs).where(runs.c.id == run_id, runs.c.state.in_(_OPEN)).values(state=end, ended_at=at)
    )
    if closed.rowcount:
        told = {"status": end, "endedAt": iso(at), "jobs": {state: n for state, n in counts.items() if n}}
        outbox.add(connection, EventType.RUN_COMPLETED, run_id, [told], at)


def _count_jobs(connection: Connection, run_ids: Sequence[str]) -> dict[str, dict[JobState, int]]:
    counts: dict[str, dict[JobState, int]] = {run_id: {} for run_id in run_ids}
    rows = connection.execute(
        select(jobs.c.run_id, jobs.c.state, func.count())
        .where(jobs.c.run_id.in_(run_ids))
        .group_by(jobs.c.run_id, jobs.c.state)
    )
    for run_id, state, count in rows:
        counts[run_id][JobState(state)] = count
    return counts
