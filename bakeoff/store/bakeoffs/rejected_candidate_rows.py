"""Why candidates were rejected: the last hundred rejections of each candidate, kept over restarts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, func, insert, select

from bakeoff.domain.candidate import Rejection
from bakeoff.store.database.all_tables import candidate_loads
from bakeoff.store.database.engine_and_transactions import now, reading, writing

KEPT = 100  #: rejections of each candidate


@dataclass(frozen=True, kw_only=True)
class RejectedLoad:
    rejection: Rejection
    rejected_at: datetime


def record(engine: Engine, rejections: Sequence[Rejection]) -> None:
    if not rejections:
        return
    with writing(engine) as connection:
        at = now(connection)
        connection.execute(
            insert(candidate_loads),
            [
                {
                    "candidate_id": rejection.id,
                    "version": rejection.version,
                    "path": rejection.path,
                    "rejected_at": at,
                    "cause": rejection.cause,
                    "fix": rejection.fix,
                    "traceback": rejection.traceback,
                }
                for rejection in rejections
            ],
        )
        for candidate_id in {rejection.id for rejection in rejections}:
            _delete_the_oldest(connection, candidate_id)


def _delete_the_oldest(connection: Connection, candidate_id: str) -> None:
    mine = candidate_loads.c.candidate_id == candidate_id
    newest = (
        select(candidate_loads.c.position).where(mine).order_by(candidate_loads.c.position.desc()).limit(KEPT)
    )
    oldest_kept = select(func.min(newest.subquery().c.position)).scalar_subquery()
    connection.execute(delete(candidate_loads).where(mine, candidate_loads.c.position < oldest_kept))


def history(engine: Engine, candidate_id: str) -> list[RejectedLoad]:
    """Newest first."""
    with reading(engine) as connection:
        rows = connection.execute(
            select(candidate_loads)
            .where(candidate_loads.c.candidate_id == candidate_id)
            .order_by(candidate_loads.c.position.desc())
        )
        return [
            RejectedLoad(
                rejection=Rejection(
                    id=row.candidate_id,
                    version=row.version,
                    path=row.path,
                    cause=row.cause,
                    fix=row.fix,
                    traceback=row.traceback,
                ),
                rejected_at=row.rejected_at,
            )
            for row in rows
        ]
