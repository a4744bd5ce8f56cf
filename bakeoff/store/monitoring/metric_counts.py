"""The counts for the metrics endpoint: of the whole database, as of one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Engine, Table, case, func, select

from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import RunState
from bakeoff.store.database.all_tables import IS_QUEUED, IS_RUNNING, jobs, outbox, results, runs
from bakeoff.store.database.engine_and_transactions import now, reading

#: Upper bounds of the histogram of durations.
BOUNDS_S = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)


@dataclass(frozen=True, kw_only=True)
class Durations:
    within: Sequence[int]  #: for each of BOUNDS_S, how many evaluations took no longer
    number: int
    sum_s: float


@dataclass(frozen=True, kw_only=True)
class MetricCounts:
    runs: Mapping[RunState, int]  #: with 0 for a state that has none
    jobs: Mapping[JobState, int]  #: with 0 for a state that has none
    oldest_queued_at: datetime | None
    silent: int  #: running jobs whose lease has run out
    repeated: int  #: starts of a job beyond its first: its lease ran out, or its cell was killed
    reused: int  #: results that come from an earlier evaluation
    durations: Durations  #: of all other results
    unpublished: int  #: events that are in the outbox and not in the stream yet
    at: datetime


def read_counts(engine: Engine) -> MetricCounts:
    with reading(engine) as connection:
        at = now(connection)
        counted_runs = _by_state(connection, runs)
        counted_jobs = _by_state(connection, jobs)
        return MetricCounts(
            runs={state: counted_runs.get(state, 0) for state in RunState},
            jobs={state: counted_jobs.get(state, 0) for state in JobState},
            oldest_queued_at=connection.execute(
                select(func.min(jobs.c.created_at)).where(IS_QUEUED)
            ).scalar(),
            silent=_count(connection, IS_RUNNING, jobs.c.lease_expires_at < at),
            repeated=connection.execute(_sum(jobs.c.attempt > 1, jobs.c.attempt - 1)).scalar_one(),
            reused=_count(connection, results.c.reused_from.is_not(None)),
            durations=_durations(connection),
            unpublished=_count(connection, outbox.c.published_at.is_(None)),
            at=at,
        )


def _by_state(connection: Connection, table: Table) -> Mapping[str, int]:
    rows = connection.execute(select(table.c.state, func.count()).group_by(table.c.state))
    return {row[0]: row[1] for row in rows}


def _count(connection: Connection, *which: Any) -> int:
    return connection.execute(select(func.count()).where(*which)).scalar_one()


def _sum(which: Any, value: Any) -> Any:
    return select(func.coalesce(func.sum(case((which, value), else_=0)), 0))


def _durations(connection: Connection) -> Durations:
    took: Column[float] = results.c.duration_s
    within = [func.coalesce(func.sum(case((took <= bound, 1), else_=0)), 0) for bound in BOUNDS_S]
    number, sum_s, *counts = connection.execute(
        select(func.count(), func.coalesce(func.sum(took), 0.0), *within).where(
            results.c.reused_from.is_(None)
        )
    ).one()
    return Durations(within=[int(count) for count in counts], number=number, sum_s=float(sum_s))
