"""Claims and ends of jobs on PostgreSQL, each in one round trip. See `claims` and `leased_jobs`.

All that a claim reads and writes is one statement; so is the end of a job with its result. A statement
before it takes the lock that it needs: a statement sees what was committed when it begins, so one that waited
for a lock by itself would not see what the holder before has done.

Claims happen one after another, under one lock: this makes the limits exact and the turns fair. No
lock is held while a worker is to hear or to answer something, nor while the disk is written: the transactions
are committed without waiting for the disk. Behind an end there is a wait for it, when nothing is locked any
more. Behind a claim there is none: if the machine of the server fails right then, the job is queued as
before, and the worker finds its lease lost.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Engine, Table, TextClause, column, literal_column, select, table, text

from bakeoff.domain.ids_and_times import new_id
from bakeoff.store.bakeoffs.queue.queue_order import FOLDS_ARE_BEGUN, next_run
from bakeoff.store.database.all_tables import IS_QUEUED, jobs, runs
from bakeoff.store.database.statements_in_one_round_trip import WAIT_FOR_DISK, Row, Statement, Values, send
from bakeoff.store.database.table_conventions import Utc

# For the transaction at hand: locks are freed without waiting for the disk, and no statement is planned anew,
# since planning takes longer than running. A plan without reading a table from end to end suits all values.
_SET_FOR_TRANSACTION = Statement(
    "bakeoff_settings",
    """SELECT set_config('synchronous_commit', 'off', true),
        set_config('plan_cache_mode', 'force_generic_plan', true),
        set_config('enable_seqscan', 'off', true)""",
)
# Who waits in a SELECT, as for an advisory lock, has a snapshot meanwhile, and rows that have died since then
# must be read and passed by all. Each claim leaves some: the more workers waited, the more each claim read.
# LOCK TABLE waits without a snapshot. In this mode the table can be read and written by others; nobody but
# VACUUM waits for it.
_ONE_CLAIM_AT_A_TIME = Statement("bakeoff_turn", "LOCK TABLE alembic_version IN SHARE UPDATE EXCLUSIVE MODE")
#: The lock of `lock_run`.
_LOCK_RUN = Statement("bakeoff_run_lock", "SELECT FROM evaluation_runs WHERE id = %(run)s FOR NO KEY UPDATE")


def _claim(name: str, which: TextClause) -> Statement:
    from sqlalchemy.dialects.postgresql import psycopg  # takes long to load, and SQLite needs it not

    dialect = psycopg.dialect()  # type: ignore[no-untyped-call]
    wanted = (
        select(jobs.c.id, jobs.c.run_id)
        .where(
            jobs.c.run_id == next_run(table("at_work", column("run_id"))),
            IS_QUEUED,
            FOLDS_ARE_BEGUN,
            which,
        )
        .order_by(jobs.c.position)
        .limit(literal_column("1"))
    )
    # The run is locked before its job, as everywhere: two transactions that lock the same rows in different
    # orders would wait for each other for ever. `after` is the job that was to end in this transaction: if it
    # was not ended, since its lease was lost, nothing is claimed.
    sql = f"""
        WITH at_work AS MATERIALIZED (
            SELECT run_id, node FROM evaluation_jobs WHERE state = 'running'
        ), wanted AS MATERIALIZED (
            {wanted.compile(dialect=dialect)}
        ), held AS MATERIALIZED (
            SELECT id, clock_timestamp() AS at FROM evaluation_runs
            WHERE id = (SELECT run_id FROM wanted)
                AND (SELECT count(*) < %(overall)s::bigint
                    AND count(*) FILTER (WHERE node = %(node)s) < %(per_node)s::bigint FROM at_work)
                AND (%(after)s::text IS NULL OR current_setting('bakeoff.ended', true) = %(after)s)
            FOR NO KEY UPDATE
        ), job AS (
            UPDATE evaluation_jobs AS job
            SET state = 'running', attempt = attempt + 1, started_at = coalesce(started_at, held.at),
                node = %(node)s, worker = %(worker)s, lease_token = %(token)s,
                lease_expires_at = held.at + %(lease_s)s::double precision * interval '1 second'
            FROM held
            WHERE job.id = (SELECT id FROM wanted) AND job.state = 'queued'
            RETURNING job.*, held.at
        ), run AS (
            UPDATE evaluation_runs AS run
            SET state = 'running', started_at = coalesce(run.started_at, job.at), served_at = job.at
            FROM job WHERE run.id = job.run_id
            RETURNING run.*
        ), whole AS (
            UPDATE evaluation_jobs AS whole SET started_at = job.at
            FROM job WHERE whole.id = job.part_of AND whole.started_at IS NULL AND whole.state = 'queued'
            RETURNING whole.*
        ), begun AS (
            SELECT id, run_id, model_id, model_version, attempt, at FROM job
            WHERE part_of IS NULL AND reuses IS NULL AND started_at = at
            UNION ALL
            SELECT id, run_id, model_id, model_version, 1, started_at FROM whole
        ), told AS (
            INSERT INTO outbox (event_id, event_type, run_id, occurred_at, payload)
            SELECT %(event)s, 'evaluation.started', run_id, at, json_build_object(
                'evaluationId', id, 'modelId', model_id, 'modelVersion', model_version, 'attempt', attempt)
            FROM begun
        )
        SELECT row_to_json(job), row_to_json(run) FROM job, run"""  # noqa: S608 - nothing in it is a user's
    return Statement(name, sql)


@cache
def _claim_one() -> Statement:
    return _claim("bakeoff_claim_one", text("evaluation_jobs.id = :job"))


@cache
def _claim_next() -> Statement:
    """Claims the first job that is not excluded."""
    excluded = text("evaluation_jobs.id NOT IN (SELECT json_array_elements_text(CAST(:excluded AS json)))")
    return _claim("bakeoff_claim_next", excluded)


#: What is written beside the end of a job, by the names that `complete` takes.
_TABLES = {
    "result": "evaluation_results",
    "fitted": "fitted_models",
    "provenance": "provenances",
    "curves": "curves",
    "sketches": "sketches",
}


@cache
def _complete(written: tuple[str, ...]) -> Statement:
    """`written`: of these tables those that get rows. The server opens each, and all of its indexes.

    The last job of a run is not ended by this: then the run ends, too, and that takes the longer way.
    """
    # A job with a token is running, as a check of the table holds. Were it said here, the planner might look
    # for the job among all that are running. Queued jobs are looked for from the end, as in `queue_order`.
    inserts = "".join(
        f"""
        ), {name}_row AS (
            INSERT INTO {_TABLES[name]} SELECT new.*
            FROM ended, json_populate_recordset(NULL::{_TABLES[name]}, %({name})s::json) AS new"""  # noqa: S608
        for name in written
    )
    return Statement(
        "_".join(["bakeoff_complete", *written]),
        f"""
        WITH ended AS (
            UPDATE evaluation_jobs AS job
            SET state = 'completed', ended_at = clock_timestamp(), lease_token = NULL, lease_expires_at = NULL
            WHERE id = %(job)s AND lease_token = %(token)s AND EXISTS (
                (
                    SELECT FROM evaluation_jobs AS open
                    WHERE open.run_id = %(run)s AND open.state = 'queued'
                    ORDER BY open.position DESC LIMIT 1
                ) UNION ALL (
                    SELECT FROM evaluation_jobs AS open
                    WHERE open.run_id = %(run)s AND open.state IN ('running', 'waiting')
                        AND open.id <> %(job)s
                    LIMIT 1
                ))
            RETURNING id, run_id, ended_at{inserts}
        ), told AS (
            INSERT INTO outbox (event_id, event_type, run_id, occurred_at, payload)
            SELECT %(event)s, 'evaluation.completed', run_id, ended_at, payload
            FROM ended, json_array_elements(%(payloads)s::json) AS payload
        )
        SELECT set_config('bakeoff.ended', id, true) FROM ended""",  # noqa: S608 - nothing in it is a user's
    )


ClaimedRows = tuple[Any, Any]  #: of a job and of its run, as `job_from_row` and `run_from_row` want them


def claim(
    engine: Engine, wanted: Mapping[str, Any], *, job_id: str | None = None, excluded: Sequence[str] = ()
) -> ClaimedRows | None:
    """Claims a given job, or else the next one that is not excluded. None if there is none, or no room.

    `wanted`: `node`, `worker` and `token` of the lease, `lease_s`, and the caps `per_node` and `overall`.
    """
    statement = _claim_next() if job_id is None else _claim_one()
    values = {**_claim_values(wanted, excluded), "job": job_id}
    steps = [(_SET_FOR_TRANSACTION, {}), (_ONE_CLAIM_AT_A_TIME, {}), (statement, values)]
    return _claimed(send(engine, steps)[-1])


def complete(
    engine: Engine,
    *,
    job_id: str,
    run_id: str,
    token: str,
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    payloads: Sequence[Mapping[str, Any]],
    then: tuple[Mapping[str, Any], Sequence[str]] | None,
) -> tuple[bool, ClaimedRows | None]:
    """Ends a job with its result, and claims the next one in the same transaction.

    `rows`: what is written beside it, by name in `_TABLES`. `then`: what `claim` takes.
    Nothing is done, and False returned, if the lease was lost or the job is the last of its run.
    """
    ending: Values = {
        "job": job_id,
        "run": run_id,
        "token": token,
        "event": new_id(),
        "payloads": json.dumps(payloads),
        **{name: json.dumps(given, default=_as_json) for name, given in rows.items() if given},
    }
    end = _complete(tuple(name for name in _TABLES if rows.get(name)))
    steps: list[tuple[Statement, Values]] = [(_LOCK_RUN, ending), (end, ending)]
    if then is not None:
        wanted, excluded = then
        next_claim = (_claim_next(), {**_claim_values(wanted, excluded), "after": job_id})
        # The lock for claims before the lock of the run: a claim takes them in this order.
        steps = [(_ONE_CLAIM_AT_A_TIME, {}), *steps, next_claim]
    found = send(engine, [(_SET_FOR_TRANSACTION, {}), *steps], [(WAIT_FOR_DISK, {})])
    ended, claimed = (found[-3], found[-2]) if then else (found[-2], ())
    return bool(ended), _claimed(claimed)


def _claim_values(wanted: Mapping[str, Any], excluded: Sequence[str]) -> dict[str, str | None]:
    return {
        **{name: str(value) for name, value in wanted.items()},
        "excluded": json.dumps(list(excluded)),
        "event": new_id(),
        "after": None,
    }


def _claimed(rows: Sequence[Row]) -> ClaimedRows | None:
    if not rows:
        return None
    job, run = rows[0]
    return _from_json(jobs, job), _from_json(runs, run)


def _from_json(table: Table, row: str | None) -> SimpleNamespace:
    values = json.loads(row or "")
    for name in _TIMES[table.name]:
        if values[name] is not None:
            values[name] = datetime.fromisoformat(values[name]).astimezone(UTC)
    return SimpleNamespace(**values)


_TIMES = {
    table.name: [column.name for column in table.columns if isinstance(column.type, Utc)]
    for table in (jobs, runs)
}


def _as_json(value: object) -> str:
    """A time, or bytes as PostgreSQL writes them."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    assert isinstance(value, datetime)  # noqa: S101 - a row has nothing else that JSON has not
    return value.isoformat()
