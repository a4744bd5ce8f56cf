"""The log of what users have changed over HTTP: who asked for what, when, and how it ended.

An entry is written before anything is done, so that nothing is done without one. One that has no outcome
belongs to a request whose process died meanwhile: what it asked for was done wholly or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, insert, select, update

from bakeoff.store.database.all_tables import audit_log
from bakeoff.store.database.engine_and_transactions import now, reading, writing

_LONGEST = 1000


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    position: int
    asked_at: datetime
    name: str  #: of the token, or `local`
    role: str
    method: str
    path: str
    status: int | None  #: of the answer; None: there was none
    led_to: str | None  #: where the answer leads: to the run that was started, for example


def begin(engine: Engine, *, name: str, role: str, method: str, path: str) -> int:
    """The position of the new entry."""
    with writing(engine) as connection:
        row = {
            "asked_at": now(connection),
            "name": name,
            "role": role,
            "method": method,
            "path": path[:_LONGEST],
        }
        made = insert(audit_log).values(row).returning(audit_log.c.position)
        return int(connection.execute(made).scalar_one())


def end(engine: Engine, position: int, *, status: int, led_to: str | None) -> None:
    with writing(engine) as connection:
        connection.execute(
            update(audit_log)
            .where(audit_log.c.position == position)
            .values(status=status, led_to=None if led_to is None else led_to[:_LONGEST])
        )


def page(
    engine: Engine, *, limit: int, before: int | None = None, name: str | None = None
) -> Sequence[AuditEntry]:
    """Newest first. `before`: the position of the last entry of the page before."""
    wanted = select(audit_log).order_by(audit_log.c.position.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(audit_log.c.position < before)
    if name is not None:
        wanted = wanted.where(audit_log.c.name == name)
    with reading(engine) as connection:
        return [AuditEntry(**row._mapping) for row in connection.execute(wanted)]  # noqa: SLF001 - its public name
