"""The progress of a run. It is polled while people wait, so the large columns of jobs are left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, and_, bindparam, case, exists, literal_column, select

from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import Run
from bakeoff.store.bakeoffs.run_rows import get_within
from bakeoff.store.database.all_tables import IS_QUEUED, IS_WHOLE, jobs
from bakeoff.store.database.engine_and_transactions import reading

_part = jobs.alias("part")
_HAS_PART_AT_WORK = exists().where(_part.c.part_of == jobs.c.id, _part.c.state == literal_column("'running'"))
#: A job whose folds are jobs of their own runs as soon as one of them does.
_STATE = case((and_(IS_QUEUED, _HAS_PART_AT_WORK), literal_column("'running'")), else_=jobs.c.state)
_JOBS = (
    select(
        jobs.c.id,
        jobs.c.model_id,
        jobs.c.model_version,
        _STATE.label("state"),
        jobs.c.attempt,
        jobs.c.node,
        jobs.c.started_at,
        jobs.c.ended_at,
    )
    .where(jobs.c.run_id == bindparam("run"), IS_WHOLE)
    .order_by(jobs.c.position)
)


@dataclass(frozen=True, kw_only=True)
class JobStatus:
    job_id: str
    model_id: str
    model_version: str
    state: JobState
    attempt: int
    node: str | None
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """A run and its jobs, read at the same moment."""

    run: Run
    jobs: Sequence[JobStatus]


def of_run(engine: Engine, run_id: str) -> RunStatus:
    with reading(engine) as connection:
        run = get_within(connection, run_id)
        rows = connection.execute(_JOBS, {"run": run_id}).all()
    return RunStatus(
        run=run,
        jobs=[
            JobStatus(
                job_id=row.id,
                model_id=row.model_id,
                model_version=row.model_version,
                state=JobState(row.state),
                attempt=row.attempt,
                node=row.node,
                started_at=row.started_at,
                ended_at=row.ended_at,
            )
            for row in rows
        ],
    )
