"""Verdicts: which ended runs still need one, what was judged, and the sketches that it is made from.

    a job completes       its sketches are written beside its result, in the same transaction
    a run ends            a row without a verdict is written: its verdict is due
    the run is judged     the verdict is written together with the event `run.completed`, and saving begins

One process at a time judges a run. If it dies, the row becomes due again by itself, and the next one judges
the run: from the same sketches, with the same draws, so with the same verdict.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, null, or_, select, update

from bakeoff.domain.event import EventType
from bakeoff.domain.ids_and_times import iso
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import Interval, RunVerdict, Spending
from bakeoff.store.bakeoffs import outbox, saving_rows
from bakeoff.store.bakeoffs.results import tracking_rows
from bakeoff.store.bakeoffs.row_lease import LeasedRows, RowLease
from bakeoff.store.database.all_tables import (
    jobs,
    provenances,
    results,
    runs,
    sketches,
    verdicts,
)
from bakeoff.store.database.engine_and_transactions import now, reading, writing

#: A run that could not be judged so many times ends without a verdict, so that its end is announced.
MOST_ATTEMPTS = 3

#: Of each pair: the two, where the density begins and ends, and its levels. A leaderboard needs none of them,
#: so they stand in a column of their own.
Densities = list[list[Any]]


@dataclass(frozen=True, kw_only=True)
class EarlierVerdict:
    """What a run needs to know of another run on the same split."""

    metric: str
    minimum_detectable_difference: float | None
    opened_sealed_rows: bool
    spending: Spending | None


#: The digests of what a fit predicted: of its predictions, and of the probabilities beside them.
_WHAT_IT_PREDICTED = func.coalesce(provenances.c.predictions, provenances.c.fingerprint).concat(
    func.coalesce(provenances.c.probabilities, "")
)

_VERDICTS = LeasedRows(verdicts, is_open=verdicts.c.done_at.is_(None))


def begin(connection: Connection, run_id: str, at: datetime) -> None:
    """Called in the transaction that ends a run of evaluations."""
    connection.execute(insert(verdicts), {"run_id": run_id, "due_at": at, "tries": 0})


def due(engine: Engine, *, for_saver: bool = False) -> Sequence[str]:
    """The ids of the runs that should be judged now; the one that is due longest comes first.

    `for_saver`: those that the saver judges, and no others.
    """
    left_to_saver = select(runs.c.id).where(
        or_(runs.c.save.is_not(null()), runs.c.options["shuffleCheck"].as_boolean())
    )
    wanted = [verdicts.c.run_id.in_(left_to_saver)] if for_saver else []
    return [row.run_id for row in _VERDICTS.due(engine, *wanted, order_by=verdicts.c.due_at)]


def take(engine: Engine, run_id: str, *, lease_s: float) -> RowLease | None:
    """The lease on judging a run; None if it is judged, has not ended, or another process is judging it."""
    return _VERDICTS.take(engine, run_id, lease_s=lease_s)


def postpone(lease: RowLease, error: str, *, by_s: float) -> bool:
    """False when the lease was lost."""
    return lease.postpone(by_s=by_s, error=error)


def finish(
    lease: RowLease,
    run: Run,
    counts: Mapping[JobState, int],
    verdict: RunVerdict | None,
    *,
    densities: Densities | None = None,
    track: bool = False,
) -> bool:
    """Writes the verdict, announces the end of the run, and lets saving begin. False if the lease was lost.

    `verdict` is None for a run that could not be judged: the row then keeps the error of the last attempt.
    `densities`: of differences between its candidates.
    `track`: whether the run is to be logged to a tracking server.
    """
    with writing(lease.engine) as connection:
        at = now(connection)
        data = verdict and verdict.to_data()
        written = lease.write(connection, done_at=at, verdict=data, densities=densities or None)
        if written:
            announce_end(connection, run, counts, verdict, at)
            if track:
                tracking_rows.begin(connection, run.id, at)
        return written


def announce_end(
    connection: Connection, run: Run, counts: Mapping[JobState, int], verdict: RunVerdict | None, at: datetime
) -> None:
    """Adds the event that a run has ended, and begins the saving of its models if it asked for that."""
    if run.save is not None:
        saving_rows.begin(connection, run.id, at)
    payload = {"status": run.state, "endedAt": iso(run.ended_at or at), "jobs": dict(counts)}
    if verdict is not None:
        payload["verdict"] = verdict.to_record()
    outbox.add(connection, EventType.RUN_COMPLETED, run.id, [payload], at)


def of_run(engine: Engine, run_id: str) -> RunVerdict | None:
    """The verdict of a run; None while the run is open or being judged, and for runs without one."""
    with reading(engine) as connection:
        data = connection.execute(select(verdicts.c.verdict).where(verdicts.c.run_id == run_id)).scalar()
    return None if data is None else RunVerdict.from_data(data)


def change(engine: Engine, run_id: str, changed: Callable[[RunVerdict], RunVerdict]) -> RunVerdict:
    """Changes the verdict of a run that has one, in one transaction. Returns it as it is then.

    For what is found out later. What was published and saved by the verdict before stays as it is.
    """
    is_its = verdicts.c.run_id == run_id
    with writing(engine) as connection:
        # Without the lock, one of two processes that add something would lose what the other has added.
        stored = connection.execute(select(verdicts.c.verdict).where(is_its).with_for_update()).scalar_one()
        verdict = changed(RunVerdict.from_data(stored))
        connection.execute(update(verdicts).where(is_its).values(verdict=verdict.to_data()))
    return verdict


def densities_of(engine: Engine, run_id: str) -> Densities:
    """Empty for a run without any, such as one that was judged before they were kept."""
    with reading(engine) as connection:
        found = connection.execute(select(verdicts.c.densities).where(verdicts.c.run_id == run_id)).scalar()
    return found or []


def write_later(
    engine: Engine, run_id: str, verdict: RunVerdict, *, densities: Densities | None = None
) -> bool:
    """Writes the verdict of a run that ended before there were verdicts.

    False when it has one, or is being judged. The end of such a run was announced, and its models were saved,
    when it ended.
    """
    with writing(engine) as connection:
        # Without the lock, two processes could both find no row, and both write one.
        connection.execute(select(runs.c.id).where(runs.c.id == run_id).with_for_update())
        if connection.execute(select(verdicts.c.run_id).where(verdicts.c.run_id == run_id)).first():
            return False
        at = now(connection)
        row = {
            "run_id": run_id,
            "due_at": at,
            "tries": 0,
            "done_at": at,
            "verdict": verdict.to_data(),
            "densities": densities or None,
        }
        connection.execute(insert(verdicts), row)
        return True


def without_verdict(engine: Engine) -> Sequence[str]:
    """The ids of evaluation runs that ended before there were verdicts, oldest first."""
    wanted = (
        select(runs.c.id)
        .where(
            runs.c.ended_at.is_not(None),
            runs.c.signals.is_(None),
            runs.c.id.not_in(select(verdicts.c.run_id)),
        )
        .order_by(runs.c.ended_at)
    )
    with reading(engine) as connection:
        return connection.execute(wanted).scalars().all()


def scores_on_split(
    engine: Engine, split_id: str, metric: str, *, model_ids: Sequence[str]
) -> dict[str, list[float]]:
    """The scores of each candidate's different fits on the split, in the order in which they were made."""
    wanted = (
        select(provenances.c.model_id, _WHAT_IT_PREDICTED.label("predicted"), results.c.metrics)
        .join(results, results.c.evaluation_id == provenances.c.evaluation_id)
        .where(results.c.split_id == split_id, provenances.c.model_id.in_(model_ids))
        .order_by(provenances.c.made_at)
    )
    by_fit: dict[str, dict[str, float]] = {}
    with reading(engine) as connection:
        for row in connection.execute(wanted):
            value = row.metrics.get(metric)
            if value is not None:
                by_fit.setdefault(row.model_id, {}).setdefault(row.predicted, value)
    return {model_id: list(scores.values()) for model_id, scores in by_fit.items()}


def on_split(engine: Engine, split_id: str, *, but: str) -> list[EarlierVerdict]:
    """What is known from other runs on the split, in the order in which they were judged."""
    runs_on_it = select(results.c.run_id).where(results.c.split_id == split_id, results.c.run_id != but)
    verdict = verdicts.c.verdict
    wanted = (
        select(
            verdict["metric"].as_string().label("metric"),
            verdict["minimum_detectable_difference"].as_float().label("detectable"),
            verdict["sealed"].label("sealed"),
            verdict["spending"].label("spending"),
        )
        .where(verdicts.c.run_id.in_(runs_on_it), verdict.is_not(None))
        .order_by(verdicts.c.done_at)
    )
    with reading(engine) as connection:
        return [
            EarlierVerdict(
                metric=row.metric,
                minimum_detectable_difference=row.detectable,
                opened_sealed_rows=row.sealed is not None,
                spending=Spending(**row.spending) if row.spending else None,
            )
            for row in connection.execute(wanted)
        ]


def has_row(engine: Engine, run_id: str) -> bool:
    """Whether the run has its verdict, or it is due. False for one that ended before there were verdicts."""
    with reading(engine) as connection:
        row = select(verdicts.c.run_id).where(verdicts.c.run_id == run_id)
        return connection.execute(row).first() is not None


def pending_since(engine: Engine, run_id: str) -> datetime | None:
    """Since when a run that has ended waits to be judged; a time to come while a process judges it.

    None where no verdict is to come.
    """
    with reading(engine) as connection:
        open_row = select(verdicts.c.due_at).where(verdicts.c.run_id == run_id, _VERDICTS.is_open)
        found: datetime | None = connection.execute(open_row).scalar()
        return found


def is_pending(engine: Engine, run_id: str) -> bool:
    """Whether the run has ended and its verdict is still to come."""
    return pending_since(engine, run_id) is not None


def are_open(engine: Engine) -> bool:
    """Whether the verdict of any run that has ended is still to come."""
    return _VERDICTS.are_open(engine)


def rows_of_sketches(evaluation_id: str, by_metric: Mapping[str, bytes]) -> list[dict[str, Any]]:
    return [
        {"evaluation_id": evaluation_id, "metric": metric, "sketch": sketch}
        for metric, sketch in by_metric.items()
    ]


def sketch_later(
    engine: Engine,
    evaluation_id: str,
    *,
    by_metric: Mapping[str, bytes],
    intervals: Mapping[str, Interval],
) -> bool:
    """Adds sketches to a result without any. False when it has some already, or there are none to add."""
    if not by_metric:
        return False
    of_result = results.c.evaluation_id == evaluation_id
    with writing(engine) as connection:
        # Without the lock, two processes could both find no sketches, and both write them.
        connection.execute(select(results.c.evaluation_id).where(of_result).with_for_update())
        present = select(sketches.c.metric).where(sketches.c.evaluation_id == evaluation_id).limit(1)
        if connection.execute(present).first():
            return False
        if by_metric:
            connection.execute(insert(sketches), rows_of_sketches(evaluation_id, by_metric))
        as_json = {metric: asdict(one) for metric, one in intervals.items()}
        connection.execute(update(results).where(of_result).values(intervals=as_json))
        return True


def copy_sketches(connection: Connection, run_id: str, metrics: Collection[str]) -> None:
    """Copies the sketches of a run's reused results, since the earlier run may be removed before this one."""
    earlier = (
        select(results.c.evaluation_id, sketches.c.metric, sketches.c.sketch)
        .join(sketches, sketches.c.evaluation_id == results.c.reused_from)
        .where(results.c.run_id == run_id, sketches.c.metric.in_(metrics))
    )
    connection.execute(insert(sketches).from_select(["evaluation_id", "metric", "sketch"], earlier))


def sketches_of_run(engine: Engine, run_id: str, metric: str) -> dict[str, bytes]:
    """The sketches of a run by evaluation."""
    wanted = (
        select(sketches.c.evaluation_id, sketches.c.sketch)
        .join(jobs, jobs.c.id == sketches.c.evaluation_id)
        .where(jobs.c.run_id == run_id, sketches.c.metric == metric)
    )
    with reading(engine) as connection:
        return {row.evaluation_id: bytes(row.sketch) for row in connection.execute(wanted)}


def sketches_of(engine: Engine, evaluation_id: str) -> dict[str, bytes]:
    """The sketches of an evaluation by metric."""
    wanted = select(sketches.c.metric, sketches.c.sketch).where(sketches.c.evaluation_id == evaluation_id)
    with reading(engine) as connection:
        return {row.metric: bytes(row.sketch) for row in connection.execute(wanted)}


def candidates_scored_on(engine: Engine, split_id: str) -> int:
    """How many candidates were ever scored on the split, over all runs of this database.

    Those that predicted the same, bit by bit, count as one: a fit that is repeated is no further chance.
    """
    wanted = (
        select(func.count(_WHAT_IT_PREDICTED.distinct()))
        .join(results, results.c.evaluation_id == provenances.c.evaluation_id)
        .where(results.c.split_id == split_id)
    )
    with reading(engine) as connection:
        return int(connection.execute(wanted).scalar_one())


def seals_on_split(engine: Engine, split_id: str, *, but: str) -> set[float]:
    """The shares of the test rows that other runs on the split sealed, 0 among them if one sealed none."""
    scored = select(results.c.run_id).where(results.c.split_id == split_id, results.c.run_id != but)
    with reading(engine) as connection:
        found = connection.execute(select(runs.c.rules).where(runs.c.id.in_(scored))).scalars()
        return {float(rules.get("seal") or 0.0) for rules in found}
