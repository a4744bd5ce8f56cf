"""The order of the queue: which run goes next, and which of its jobs.

Of the runs with queued jobs the one with the highest priority goes first; among equals the one with the
fewest running jobs, then the one that was served longest ago or never, then the oldest. Within a run jobs go
by position. A job whose folds are jobs of their own goes when none of these is queued any more.

There are never more runs with running jobs than slots, and all other runs are in an index, in their order
(`ix_evaluation_runs_line`). So the time to find the next run does not grow with the number of jobs or runs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heapreplace
from typing import Any, NamedTuple, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Row,
    ScalarSelect,
    Subquery,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    union_all,
)

from bakeoff.store.database.all_tables import IS_QUEUED, IS_RUNNING, jobs, runs
from bakeoff.store.database.engine_and_transactions import reading


@dataclass(frozen=True, kw_only=True)
class WaitingJob:
    """A queued job, with what its message shows in Flower."""

    job_id: str
    run_id: str
    run_name: str
    model_id: str


def _has_queued_jobs() -> ColumnElement[bool]:
    """One is looked for from the end of the queue, since all leave at its front.

    On PostgreSQL their entries stay in the index for a while, and are passed one by one. There a subquery
    with a limit is looked up for each run, as it is meant; EXISTS becomes a join, for which the whole index
    may be read.
    """
    queued = jobs.alias("some_queued")
    return (
        select(literal_column("1"))
        .where(queued.c.run_id == runs.c.id, queued.c.state == literal_column("'queued'"))
        .order_by(queued.c.position.desc())
        .limit(literal_column("1"))
        .scalar_subquery()
        .is_not(None)
    )


_part = jobs.alias("part")
#: Such a job waits for its folds, and holds a slot meanwhile, perhaps the one that a queued fold needs. The
#: state is an expression, of which there is no index: else SQLite would look for the folds among all queued
#: jobs, or not, depending on the order in which the indexes were made.
FOLDS_ARE_BEGUN = ~exists().where(
    _part.c.part_of == jobs.c.id, _part.c.state.concat(literal_column("''")) == literal_column("'queued'")
)


def _candidates(most: Any, at_work: FromClause) -> Subquery:
    """The runs of which one may go next: those with running jobs, and the first `most` of the others.

    All of them have queued jobs. The index gives only the order among the others, because it does not know
    how many jobs of a run are running. `at_work`: the running jobs.
    """
    place = (runs.c.id, runs.c.name, runs.c.priority, runs.c.served_at, runs.c.created_at)
    idle = (
        select(*place, literal_column("0").label("running"))
        .where(runs.c.ended_at.is_(None), _has_queued_jobs(), runs.c.id.not_in(select(at_work.c.run_id)))
        .order_by(runs.c.priority.desc(), runs.c.served_at, runs.c.created_at, runs.c.id)
        .limit(most)
        .subquery("idle")
    )
    counted = (
        select(at_work.c.run_id, func.count().label("running")).group_by(at_work.c.run_id).subquery("counted")
    )
    busy = (
        select(*place, counted.c.running)
        .join(counted, counted.c.run_id == runs.c.id)
        .where(_has_queued_jobs())
    )
    return union_all(select(idle), busy).subquery("candidates")


def next_run(at_work: FromClause) -> ScalarSelect[str]:
    """The id of the run that goes next, as part of a statement. `at_work`: the running jobs."""
    first = _candidates(literal_column("1"), at_work)
    return (
        select(first.c.id)
        .order_by(first.c.priority.desc(), first.c.running, first.c.served_at, first.c.created_at, first.c.id)
        .limit(literal_column("1"))
        .scalar_subquery()
    )


_AT_WORK = select(jobs.c.run_id).where(IS_RUNNING).subquery("at_work")
#: The id of the run that goes next, as part of a statement.
NEXT_RUN = next_run(_AT_WORK)

#: The id of the job that goes next, of those of the next run that are not excluded. Where folds are excluded,
#: since others have their doorbell, the job that joins them must not overtake them.
NEXT_JOB = (
    select(jobs.c.id)
    .where(
        jobs.c.run_id == NEXT_RUN,
        IS_QUEUED,
        FOLDS_ARE_BEGUN,
        jobs.c.id.not_in(bindparam("excluded", expanding=True)),
    )
    .order_by(jobs.c.position)
    .limit(literal_column("1"))
)

_CANDIDATES = select(_candidates(bindparam("most"), _AT_WORK))
_QUEUED_JOBS = (
    select(jobs.c.id, jobs.c.model_id)
    .where(jobs.c.run_id == bindparam("run"), IS_QUEUED)
    .order_by(jobs.c.position)
    .limit(bindparam("most"))
)


def next_jobs(engine: Engine, *, limit: int) -> list[WaitingJob]:
    """The queued jobs that start next, in this order, if no running job ends before."""
    with reading(engine) as connection:
        runs_by_order = connection.execute(_CANDIDATES, {"most": limit}).all()
        return list(_simulate_starts(connection, runs_by_order, limit))


class _RunOrder(NamedTuple):
    """What runs are ordered by; the least goes first."""

    priority: int  #: negated, because the highest goes first
    running: int
    given: int  #: the number of the start that it was given here last; 0: none, so `served_at` decides
    served_at: datetime
    created_at: datetime
    run_id: str

    def after_start(self, number: int) -> Self:
        return self._replace(running=self.running + 1, given=number)


def _simulate_starts(
    connection: Connection, candidates: Sequence[Row[Any]], limit: int
) -> Iterator[WaitingJob]:
    """Each start of a job moves its run behind the runs with fewer running jobs."""
    heap = [
        (
            _RunOrder(-run.priority, run.running, 0, run.served_at, run.created_at, run.id),
            _queued_jobs(connection, run, limit),
        )
        for run in candidates
    ]
    heapify(heap)
    started = 0
    while heap and started < limit:
        order, queue = heap[0]
        job = next(queue, None)
        if job is None:
            heappop(heap)
        else:
            started += 1
            heapreplace(heap, (order.after_start(started), queue))
            yield job


def _queued_jobs(connection: Connection, run: Row[Any], limit: int) -> Iterator[WaitingJob]:
    """A generator, so that the jobs of a run are read only when its first one is due."""
    for job in connection.execute(_QUEUED_JOBS, {"run": run.id, "most": limit}):
        yield WaitingJob(job_id=job.id, run_id=run.id, run_name=run.name, model_id=job.model_id)
