"""Deleting old runs, and the references that keep a run: only a run that nothing refers to is deleted.

A run refers to its snapshot. A retry refers to the run that it repeats, and a reused result to the run that
it comes from. Runs that something else refers to, such as the registry of trained models, are given as
`kept`: they stay, and so do their snapshots.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Select, delete, exists, select

from bakeoff.store.database.all_tables import (
    curves,
    fitted_models,
    fold_results,
    jobs,
    outbox,
    provenances,
    race_looks,
    results,
    run_labels,
    runs,
    savings,
    shuffled_refits,
    sketches,
    trackings,
    verdicts,
)
from bakeoff.store.database.engine_and_transactions import now, reading, writing

#: Run, dataset id, split id: a run that stays keeps its snapshot.
_SNAPSHOTS: tuple[Select[Any], ...] = (select(runs.c.id, runs.c.dataset_id, runs.c.split_id),)

_ORIGINS = jobs.alias("origins")

#: Run, the run that it refers to: a run that stays keeps the other one.
_REFERENCES: tuple[Select[Any], ...] = (
    select(runs.c.id, runs.c.retry_of).where(runs.c.retry_of.is_not(None)),
    select(results.c.run_id, jobs.c.run_id).join(jobs, jobs.c.id == results.c.reused_from),
    select(jobs.c.run_id, _ORIGINS.c.run_id).join(_ORIGINS, _ORIGINS.c.id == jobs.c.reuses),
)

_UNPUBLISHED = exists().where(outbox.c.run_id == runs.c.id, outbox.c.published_at.is_(None))
_UNSAVED = exists().where(savings.c.run_id == runs.c.id, savings.c.done_at.is_(None))
_UNJUDGED = exists().where(verdicts.c.run_id == runs.c.id, verdicts.c.done_at.is_(None))
_OF_JOBS = tuple(
    table.c.evaluation_id
    for table in (curves, fitted_models, fold_results, provenances, shuffled_refits, sketches)
)
_ROWS = (
    run_labels.c.run_id,
    outbox.c.run_id,
    race_looks.c.run_id,
    savings.c.run_id,
    trackings.c.run_id,
    verdicts.c.run_id,
    results.c.run_id,
    jobs.c.run_id,
    runs.c.id,
)
_BATCH = 50  #: runs that are deleted in one transaction: longer ones would keep other writers waiting


def run_ids(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        return set(connection.execute(select(runs.c.id)).scalars())


def open_run_ids(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        return set(connection.execute(select(runs.c.id).where(runs.c.ended_at.is_(None))).scalars())


def referenced_snapshots(engine: Engine, *, without: Collection[str] = ()) -> set[tuple[str, str]]:
    """Dataset id and split id of each snapshot that a run refers to, except the runs in `without`."""
    with reading(engine) as connection:
        return {
            (dataset_id, split_id)
            for query in _SNAPSHOTS
            for run_id, dataset_id, split_id in connection.execute(query)
            if run_id not in without
        }


def outdated(engine: Engine, age: timedelta, *, kept: Collection[str] = ()) -> set[str]:
    """The runs that may be deleted: they ended longer ago than `age`, all their events are published, their
    verdicts written and their models saved, and no run that stays refers to them.
    """
    with reading(engine) as connection:
        return _outdated(connection, age, kept)


def delete_outdated(engine: Engine, age: timedelta, *, kept: Collection[str] = ()) -> int:
    """Deletes the rows of outdated runs, and returns how many. A kill leaves each run whole or deleted."""
    number = 0
    while gone := _delete_some(engine, age, kept):
        number += gone
    return number


def _delete_some(engine: Engine, age: timedelta, kept: Collection[str]) -> int:
    """Deletes one batch, of runs that no other run refers to. Foreign keys forbid deleting the others yet."""
    with writing(engine) as connection:
        referred_to = {other for _, other in _references(connection)}
        batch = sorted(_outdated(connection, age, kept) - referred_to)[:_BATCH]
        of_batch = select(jobs.c.id).where(jobs.c.run_id.in_(batch))
        for column in _OF_JOBS:
            connection.execute(delete(column.table).where(column.in_(of_batch)))
        for column in _ROWS:
            connection.execute(delete(column.table).where(column.in_(batch)))
    return len(batch)


def _outdated(connection: Connection, age: timedelta, kept: Collection[str]) -> set[str]:
    old = select(runs.c.id).where(
        runs.c.ended_at < now(connection) - age, ~_UNPUBLISHED, ~_UNSAVED, ~_UNJUDGED
    )
    left = set(connection.execute(old).scalars()) - set(kept)
    references = _references(connection)
    while needed := {other for run_id, other in references if run_id not in left and other in left}:
        left -= needed
    return left


def _references(connection: Connection) -> list[tuple[str | None, str]]:
    return [(run_id, other) for query in _REFERENCES for run_id, other in connection.execute(query)]
