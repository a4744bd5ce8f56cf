"""The line: which run's turn it is, and which jobs go next.

Of the runs with queued jobs the one with the highest priority goes first; of equals the one with the fewest
running jobs, then the one that was served longest ago or never, then the oldest. Within a run jobs go by
position.

Runs with running jobs are few, no more than there are slots, and all others stand in an index in their order.
So it takes no longer to see whose turn it is where there are more jobs, or more runs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heapreplace
from typing import Any, NamedTuple, Self

from sqlalchemy import (
    Connection,
    Engine,
    Exists,
    Row,
    Subquery,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    union_all,
)

from bakeoff.store.database.engine import reading
from bakeoff.store.database.tables import IS_QUEUED, IS_RUNNING, jobs, runs


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A queued job, with what its doorbell says to people."""

    job_id: str
    run_id: str
    run_name: str
    model_id: str


def _has(state: str) -> Exists:
    some = jobs.alias(f"some_{state}")
    return exists().where(some.c.run_id == runs.c.id, some.c.state == literal_column(f"'{state}'"))


def _front(most: Any) -> Subquery:
    """The runs with running jobs, and the first so many of the others."""
    place = (runs.c.id, runs.c.name, runs.c.priority, runs.c.served_at, runs.c.created_at)
    idle = (
        select(*place, literal_column("0").label("running"))
        .where(runs.c.ended_at.is_(None), _has("queued"), ~_has("running"))
        .order_by(runs.c.priority.desc(), runs.c.served_at, runs.c.created_at, runs.c.id)
        .limit(most)
        .subquery("idle")
    )
    at_work = (
        select(jobs.c.run_id, func.count().label("running"))
        .where(IS_RUNNING)
        .group_by(jobs.c.run_id)
        .subquery("at_work")
    )
    busy = (
        select(*place, at_work.c.running).join(at_work, at_work.c.run_id == runs.c.id).where(_has("queued"))
    )
    return union_all(select(idle), busy).subquery("line")


_FIRST = _front(literal_column("1"))
#: The id of the run whose turn it is, as part of a statement.
IN_LINE = (
    select(_FIRST.c.id)
    .order_by(
        _FIRST.c.priority.desc(), _FIRST.c.running, _FIRST.c.served_at, _FIRST.c.created_at, _FIRST.c.id
    )
    .limit(literal_column("1"))
    .scalar_subquery()
)

#: The id of the job that goes next, but for some.
NEXT_BUT = (
    select(jobs.c.id)
    .where(jobs.c.run_id == IN_LINE, IS_QUEUED, jobs.c.id.not_in(bindparam("but", expanding=True)))
    .order_by(jobs.c.position)
    .limit(literal_column("1"))
)

_FRONT = select(_front(bindparam("most")))
_QUEUE = (
    select(jobs.c.id, jobs.c.model_id)
    .where(jobs.c.run_id == bindparam("run"), IS_QUEUED)
    .order_by(jobs.c.position)
    .limit(bindparam("most"))
)


def next_in_line(engine: Engine, *, limit: int) -> list[Waiting]:
    """The queued jobs that are to start next, in this order, if none of the running ones ends before."""
    with reading(engine) as connection:
        front = connection.execute(_FRONT, {"most": limit}).all()
        return list(_take_turns(connection, front, limit))


class _Place(NamedTuple):
    """Where a run stands: what is less comes first."""

    priority: int  #: negative, for the highest comes first
    running: int
    turn: int  #: 0 until it has had one of those that are given here, which is later than any before
    served_at: datetime
    created_at: datetime
    run_id: str

    def after(self, turn: int) -> Self:
        return self._replace(running=self.running + 1, turn=turn)


def _take_turns(connection: Connection, front: Sequence[Row[Any]], limit: int) -> Iterator[Waiting]:
    line = [(_place(run), _queue(connection, run, limit)) for run in front]
    heapify(line)
    turn = 0
    while line and turn < limit:
        place, queue = line[0]
        job = next(queue, None)
        if job is None:
            heappop(line)
        else:
            turn += 1
            heapreplace(line, (place.after(turn), queue))
            yield job


def _place(run: Row[Any]) -> _Place:
    return _Place(-run.priority, run.running, 0, run.served_at, run.created_at, run.id)


def _queue(connection: Connection, run: Row[Any], limit: int) -> Iterator[Waiting]:
    """Nothing is asked for before it is the turn of the run."""
    for job in connection.execute(_QUEUE, {"run": run.id, "most": limit}):
        yield Waiting(job_id=job.id, run_id=run.id, run_name=run.name, model_id=job.model_id)
