"""Forgetting old runs, and who cites what: only what nobody cites may go.

A run cites its snapshot. A retry cites the run that it repeats, and what is reused the run that it comes
from. Who cites from elsewhere, as the registry of trained models does, is given as `kept`: those
runs stay, and so do their snapshots.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Select, delete, exists, select

from bakeoff.store.database.engine import now, reading, writing
from bakeoff.store.database.tables import fitted_models, jobs, outbox, provenances, results, runs, savings

#: Who, dataset id, split id: a run that stays keeps its snapshot.
_SNAPSHOTS: tuple[Select[Any], ...] = (select(runs.c.id, runs.c.dataset_id, runs.c.split_id),)

_ORIGINS = jobs.alias("origins")

#: Who, whom: a run that stays keeps the one that it names.
_RUNS: tuple[Select[Any], ...] = (
    select(runs.c.id, runs.c.retry_of).where(runs.c.retry_of.is_not(None)),
    select(results.c.run_id, jobs.c.run_id).join(jobs, jobs.c.id == results.c.reused_from),
    select(jobs.c.run_id, _ORIGINS.c.run_id).join(_ORIGINS, _ORIGINS.c.id == jobs.c.reuses),
)

_UNTOLD = exists().where(outbox.c.run_id == runs.c.id, outbox.c.published_at.is_(None))
_UNSAVED = exists().where(savings.c.run_id == runs.c.id, savings.c.done_at.is_(None))
_OF_JOBS = (fitted_models.c.evaluation_id, provenances.c.evaluation_id)
_ROWS = (outbox.c.run_id, savings.c.run_id, results.c.run_id, jobs.c.run_id, runs.c.id)
_BATCH = 50  #: runs that go in one transaction: others want to write, too


def run_ids(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        return set(connection.execute(select(runs.c.id)).scalars())


def open_run_ids(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        return set(connection.execute(select(runs.c.id).where(runs.c.ended_at.is_(None))).scalars())


def cited_snapshots(engine: Engine, *, without: Collection[str] = ()) -> set[tuple[str, str]]:
    """Dataset id and split id of each; `without` are runs that do not count."""
    with reading(engine) as connection:
        return {
            (dataset_id, split_id)
            for query in _SNAPSHOTS
            for who, dataset_id, split_id in connection.execute(query)
            if who not in without
        }


def outdated(engine: Engine, age: timedelta, *, kept: Collection[str] = ()) -> set[str]:
    """Runs that ended longer ago, are told and saved to the end, and that no run that stays cites."""
    with reading(engine) as connection:
        return _outdated(connection, age, kept)


def forget(engine: Engine, age: timedelta, *, kept: Collection[str] = ()) -> int:
    """Remove the rows of the outdated runs; how many. Whenever this is ended, whole runs are left."""
    number = 0
    while gone := _forget_some(engine, age, kept):
        number += gone
    return number


def _forget_some(engine: Engine, age: timedelta, kept: Collection[str]) -> int:
    """Those first that nobody cites, not even another outdated one."""
    with writing(engine) as connection:
        cited = {whom for _, whom in _citations(connection)}
        batch = sorted(_outdated(connection, age, kept) - cited)[:_BATCH]
        of_batch = select(jobs.c.id).where(jobs.c.run_id.in_(batch))
        for column in _OF_JOBS:
            connection.execute(delete(column.table).where(column.in_(of_batch)))
        for column in _ROWS:
            connection.execute(delete(column.table).where(column.in_(batch)))
    return len(batch)


def _outdated(connection: Connection, age: timedelta, kept: Collection[str]) -> set[str]:
    old = select(runs.c.id).where(runs.c.ended_at < now(connection) - age, ~_UNTOLD, ~_UNSAVED)
    left = set(connection.execute(old).scalars()) - set(kept)
    citations = _citations(connection)
    while cited := {whom for who, whom in citations if who not in left and whom in left}:
        left -= cited
    return left


def _citations(connection: Connection) -> list[tuple[str | None, str]]:
    return [(who, whom) for query in _RUNS for who, whom in connection.execute(query)]
