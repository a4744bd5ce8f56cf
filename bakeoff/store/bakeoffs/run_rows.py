"""Runs: how they are created, found and ordered, and how a run ends with the last of its jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, bindparam, func, insert, select, tuple_, update

from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.domain.event import EventType
from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.result import Result
from bakeoff.domain.runs.run import Run, RunState, end_of_run
from bakeoff.domain.wording import counted, joined, nearest
from bakeoff.store.bakeoffs import outbox
from bakeoff.store.bakeoffs.results import curve_rows, verdict_rows
from bakeoff.store.bakeoffs.row_mapping import job_to_row, result_to_row, run_from_row, run_to_row
from bakeoff.store.database.all_tables import IS_WHOLE, jobs, results, run_labels, runs
from bakeoff.store.database.engine_and_transactions import now, one_at_a_time, reading, writing
from bakeoff.store.signals import stored_answers_of_signal_models

_OPEN = [state for state in RunState if not state.has_ended]
_UNFINISHED = [state for state in JobState if not state.has_ended]
_MOST_NAMED = 5
_COMBINED = {RunState.COMPLETED, RunState.PARTIAL}  #: a run that ends otherwise gets no ensemble

# With `key_share`, inserts of rows that refer to the run do not wait: they must only not lose it.
_LOCK = select(runs.c.id).where(runs.c.id == bindparam("run")).with_for_update(key_share=True)
_GET = select(runs).where(runs.c.id == bindparam("run"))
_EXISTS = select(runs.c.id).where(runs.c.id == bindparam("run"))
_NEWEST = select(runs.c.id).order_by(runs.c.created_at.desc(), runs.c.id.desc())
_STILL_OPEN = (
    select(jobs.c.id).where(jobs.c.run_id == bindparam("run"), jobs.c.state.in_(_UNFINISHED)).limit(1)
)


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    run: Run
    jobs: Mapping[JobState, int]  #: how many jobs are in each state; states without jobs are absent


def create(
    engine: Engine, run: Run, queued: Sequence[Job], reused: Sequence[tuple[Job, Result]] = ()
) -> bool:
    """Write the run with all its jobs, or nothing. False when a run of this id exists: it is left as it is.

    `reused` jobs are written as completed: their results are those of earlier evaluations.
    """
    with writing(engine) as connection:
        # Two processes may create the same run at once. There is no row to lock yet, so without this lock the
        # insert of the second would fail, instead of finding the run.
        one_at_a_time(connection, run.id)
        if lock_run(connection, run.id):
            return False
        connection.execute(insert(runs), run_to_row(run))
        connection.execute(insert(jobs), [job_to_row(job) for job in (*queued, *(job for job, _ in reused))])
        if reused:
            connection.execute(insert(results), [result_to_row(result) for _, result in reused])
            metrics = {metric for _, result in reused for metric in result.metrics}
            verdict_rows.copy_sketches(connection, run.id, metrics)
            curve_rows.copy(connection, run.id)
            records = [result.to_record() for _, result in reused]
            outbox.add(connection, EventType.EVALUATION_COMPLETED, run.id, records, run.created_at)
            close_if_over(connection, run.id, now(connection))
    return True


def get(engine: Engine, run_id: str) -> Run:
    with reading(engine) as connection:
        return get_within(connection, run_id)


def get_within(connection: Connection, run_id: str) -> Run:
    row = connection.execute(_GET, {"run": run_id}).first()
    if row is None:
        raise _no_run(run_id)
    return run_from_row(row)


def _no_run(given: str) -> NotFoundError:
    meant = "" if given == "latest" else nearest(given, ["latest"])
    return NotFoundError(f"there is no run {given}{f'{meant} ' if meant else ': '}`bakeoff runs` lists them")


def exists(engine: Engine, run_id: str) -> bool:
    with reading(engine) as connection:
        return connection.execute(_EXISTS, {"run": run_id}).first() is not None


def find(engine: Engine, prefix: str) -> str:
    """The id of the run that a user names.

    A user writes `latest`, a name (of the newest run with it), or the beginning of an id, if no other id
    begins with it.
    """
    found = find_named(engine, prefix) or find_beginning(engine, prefix)
    if found is None:
        raise _no_run(prefix)
    return found


def find_to_change(engine: Engine, prefix: str) -> str:
    """The same where a run is to be changed while it is under way: of those with a name, the one that is.

    The newest of a name is what people mean who look at results; who cancels one could mean any of them.
    """
    open_ones = select(runs.c.id).where(runs.c.name == prefix, runs.c.ended_at.is_(None))
    with reading(engine) as connection:
        found = connection.execute(open_ones.order_by(runs.c.created_at)).scalars().all()
    if len(found) > 1:
        raise InvalidInputError(
            f"{counted(len(found), 'run')} named {prefix} are under way: say which by its id, "
            f"{joined([run_id[:8] for run_id in found[:_MOST_NAMED]])}"
        )
    return found[0] if found else find(engine, prefix)


def find_named(engine: Engine, name: str) -> str | None:
    """The id of the newest run of this name, or of all runs if it is `latest`; None if there is none."""
    wanted = _NEWEST if name == "latest" else _NEWEST.where(runs.c.name == name)
    with reading(engine) as connection:
        found = connection.execute(wanted.limit(1)).scalar()
    return None if found is None else str(found)


def find_beginning(engine: Engine, prefix: str) -> str | None:
    """The id that begins like this, None if there is none; NotFoundError if several do."""
    begins = _NEWEST.where(runs.c.id.startswith(prefix.lower(), autoescape=True)).limit(2)
    with reading(engine) as connection:
        matching = connection.execute(begins).scalars().all()
    if len(matching) > 1:
        raise NotFoundError(f"{prefix} is the beginning of more than one run id: give more of it")
    return str(matching[0]) if matching else None


def newest_evaluation(engine: Engine) -> str | None:
    """The id of the newest run that evaluates candidates; None if there is none."""
    with reading(engine) as connection:
        found = connection.execute(_NEWEST.where(runs.c.signals.is_(None)).limit(1)).scalar()
    return None if found is None else str(found)


def page(
    engine: Engine,
    *,
    limit: int,
    after: str | None = None,
    state: RunState | None = None,
    dataset: str | None = None,
    name: str | None = None,
    containing: str | None = None,
    label: str | None = None,
) -> list[RunSummary]:
    """Newest first. `after` is the id of the last run of the page before; `containing`: part of the name."""
    wanted = select(runs).order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit)
    filters = {
        runs.c.state: state,
        runs.c.dataset["name"].as_string(): dataset,
        runs.c.name: name,
    }
    wanted = wanted.where(*(column == value for column, value in filters.items() if value is not None))
    if containing is not None:
        wanted = wanted.where(runs.c.name.icontains(containing, autoescape=True))
    if label is not None:
        wanted = wanted.where(runs.c.id.in_(select(run_labels.c.run_id).where(run_labels.c.label == label)))
    if after is not None:
        # Row values are compared, so that the page begins right after that run, even among runs of one
        # moment.
        last = select(runs.c.created_at).where(runs.c.id == after).scalar_subquery()
        wanted = wanted.where(tuple_(runs.c.created_at, runs.c.id) < tuple_(last, after))
    with reading(engine) as connection:
        found = [run_from_row(row) for row in connection.execute(wanted)]
        counts = _count_jobs(connection, [run.id for run in found])
    return [RunSummary(run=run, jobs=counts[run.id]) for run in found]


def summary(engine: Engine, run_id: str) -> RunSummary:
    with reading(engine) as connection:
        run = get_within(connection, run_id)
        return RunSummary(run=run, jobs=_count_jobs(connection, [run_id])[run_id])


def summaries(engine: Engine, run_ids: Sequence[str]) -> dict[str, RunSummary]:
    """By id; without those that do not exist."""
    with reading(engine) as connection:
        found = [run_from_row(row) for row in connection.execute(select(runs).where(runs.c.id.in_(run_ids)))]
        counts = _count_jobs(connection, [run.id for run in found])
    return {run.id: RunSummary(run=run, jobs=counts[run.id]) for run in found}


def prioritise(engine: Engine, run_id: str, priority: int) -> bool:
    """Sets the priority of a run. False when the run has ended."""
    with writing(engine) as connection:
        changed = connection.execute(
            update(runs).where(runs.c.id == run_id, runs.c.ended_at.is_(None)).values(priority=priority)
        )
        return bool(changed.rowcount)


def lock_run(connection: Connection, run_id: str) -> bool:
    """Lock the run until the end of this transaction. False when there is no such run.

    Each transaction that changes a run or one of its jobs, or adds an event of it, locks it first. So the
    events of a run are numbered in the order in which they happened, and of two jobs that end at once the
    later one finds that it was the last.
    """
    return connection.execute(_LOCK, {"run": run_id}).first() is not None


def close_if_over(connection: Connection, run_id: str, at: datetime) -> None:
    """Called in each transaction that ends a job. The one that ends the last job ends the run, once."""
    if connection.execute(_STILL_OPEN, {"run": run_id}).first():
        return
    counts = _count_jobs(connection, [run_id])[run_id]
    end = end_of_run(counts)
    # Compare-and-swap: a run that is closed already stays as it is, and its end is announced once.
    closed = connection.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.state.in_(_OPEN))
        .values(state=end, ended_at=at)
        .returning(runs)
    ).first()
    if closed is None:
        return
    run = run_from_row(closed)
    if run.signals is None:
        verdict_rows.begin(connection, run_id, at)  # its end is announced together with the verdict
        return
    if end in _COMBINED:
        stored_answers_of_signal_models.write_ensemble(connection, run, at)
    verdict_rows.announce_end(connection, run, counts, None, at)


def _count_jobs(connection: Connection, run_ids: Sequence[str]) -> dict[str, dict[JobState, int]]:
    counts: dict[str, dict[JobState, int]] = {run_id: {} for run_id in run_ids}
    rows = connection.execute(
        select(jobs.c.run_id, jobs.c.state, func.count())
        .where(jobs.c.run_id.in_(run_ids), IS_WHOLE)
        .group_by(jobs.c.run_id, jobs.c.state)
    )
    for run_id, state, count in rows:
        counts[run_id][JobState(state)] = count
    return counts
