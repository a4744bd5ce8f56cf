"""Races: which runs have a round that is over, and what the look after it decides.

A job that has done the folds of its round is `waiting`: it has no lease and takes no slot. When no job of the
run is queued or running any more, the round is over, and any process may look. What it finds is written here,
in one transaction with what follows: a process that dies before leaves the round as it was, and the next one
finds the same. Of two that look at once, one writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, bindparam, exists, func, insert, literal_column, select, update

from bakeoff.domain.event import EventType
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.race import RaceLook
from bakeoff.store.bakeoffs import outbox
from bakeoff.store.bakeoffs.row_mapping import name_in_events
from bakeoff.store.bakeoffs.run_rows import close_if_over, lock_run
from bakeoff.store.database.all_tables import fold_results, jobs, race_looks
from bakeoff.store.database.engine_and_transactions import now, reading, writing

_IS_WAITING = jobs.c.state == literal_column("'waiting'")
_other = jobs.alias("other")
_AT_WORK = exists().where(
    _other.c.run_id == jobs.c.run_id, _other.c.state.in_([JobState.QUEUED, JobState.RUNNING])
)
_NUMBER_MADE = select(func.count()).where(race_looks.c.run_id == jobs.c.run_id).scalar_subquery()
#: Runs with jobs that wait, and none that they wait for.
_DUE = select(jobs.c.run_id, _NUMBER_MADE.label("made")).where(_IS_WAITING, ~_AT_WORK).distinct()
_LOOKS = (
    select(race_looks.c.look).where(race_looks.c.run_id == bindparam("run")).order_by(race_looks.c.number)
)
_SKETCHES = (
    select(fold_results.c.evaluation_id, fold_results.c.place, fold_results.c.sketch)
    .join(jobs, jobs.c.id == fold_results.c.evaluation_id)
    .where(jobs.c.run_id == bindparam("run"), _IS_WAITING)
    .order_by(fold_results.c.place)
)


@dataclass(frozen=True, kw_only=True)
class Racer:
    """A job in its race: it waits, or has a result that was reused."""

    job_id: str
    candidate: str
    state: JobState


def due(engine: Engine) -> list[tuple[str, int]]:
    """The runs that have a round which is over, with the number of the look that follows."""
    with reading(engine) as connection:
        return [(row.run_id, row.made + 1) for row in connection.execute(_DUE)]


def are_waiting(engine: Engine) -> bool:
    """Whether any job of any run waits for others."""
    with reading(engine) as connection:
        return connection.execute(select(jobs.c.id).where(_IS_WAITING).limit(1)).first() is not None


def looks(engine: Engine, run_id: str) -> list[RaceLook]:
    """The looks that have been made, in their order."""
    with reading(engine) as connection:
        return [RaceLook.from_json(look) for look in connection.execute(_LOOKS, {"run": run_id}).scalars()]


def racers(engine: Engine, run_id: str) -> list[Racer]:
    """The jobs that a look compares."""
    wanted = select(jobs.c.id, jobs.c.model_id, jobs.c.state).where(
        jobs.c.run_id == run_id, jobs.c.state.in_([JobState.WAITING, JobState.COMPLETED])
    )
    with reading(engine) as connection:
        return [
            Racer(job_id=row.id, candidate=row.model_id, state=JobState(row.state))
            for row in connection.execute(wanted.order_by(jobs.c.model_id))
        ]


def fold_sketches(engine: Engine, run_id: str) -> Mapping[str, Sequence[bytes | None]]:
    """By job that waits, the sketches of the folds that it has; None where there is none."""
    found: dict[str, list[bytes | None]] = {}
    with reading(engine) as connection:
        for row in connection.execute(_SKETCHES, {"run": run_id}):
            found.setdefault(row.evaluation_id, []).append(row.sketch)
    return found


def write(engine: Engine, run_id: str, look: RaceLook) -> bool:
    """Stores the look, stops whom it stops, and queues the others. False when that has been done already."""
    with writing(engine) as connection:
        lock_run(connection, run_id)
        is_waiting = (jobs.c.run_id == run_id, _IS_WAITING)
        at_work = jobs.c.state.in_([JobState.QUEUED, JobState.RUNNING])
        made = connection.execute(
            select(func.count()).select_from(race_looks).where(race_looks.c.run_id == run_id)
        ).scalar_one()
        # Compare-and-swap: the look of another process, or a cancellation, may have come before.
        if (
            made != look.number - 1
            or connection.execute(select(jobs.c.id).where(jobs.c.run_id == run_id, at_work).limit(1)).first()
            or not connection.execute(select(jobs.c.id).where(*is_waiting).limit(1)).first()
        ):
            return False
        at = now(connection)
        row = {"run_id": run_id, "number": look.number, "look": look.to_json(), "made_at": at}
        connection.execute(insert(race_looks), row)
        stopped = connection.execute(
            update(jobs)
            .where(*is_waiting, jobs.c.model_id.in_(look.stopped))
            .values(state=JobState.STOPPED, ended_at=at)
            .returning(jobs.c.id, jobs.c.model_id, jobs.c.model_version, jobs.c.attempt, jobs.c.position)
        ).all()
        connection.execute(update(jobs).where(*is_waiting).values(state=JobState.QUEUED))
        payloads = [
            name_in_events(one) | look.stop_record(one.model_id)
            for one in sorted(stopped, key=lambda one: one.position)
        ]
        outbox.add(connection, EventType.EVALUATION_STOPPED, run_id, payloads, at)
        close_if_over(connection, run_id, at)  # the one that is left may have a result that was reused
    return True
