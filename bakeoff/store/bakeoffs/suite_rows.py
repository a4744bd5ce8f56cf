"""Suites and their members: which runs are still to be started, and what was judged over all datasets.

A suite and all its members are written in one transaction, with the ids that the runs will have. If the
process that starts them dies, the open members become due, and another process starts their runs.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, Row, and_, insert, or_, select, tuple_, update
from sqlalchemy import exists as exists_

from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.runs.suite import MemberState, Suite, SuiteMember, SuiteVerdict
from bakeoff.store.bakeoffs.row_lease import LeasedRows, RowLease
from bakeoff.store.database.all_tables import suite_members, suites, verdicts
from bakeoff.store.database.engine_and_transactions import now, one_at_a_time, reading, writing

#: A member whose run could not be started so many times is given up, so that the suite ends.
MOST_ATTEMPTS = 5

_MEMBERS = LeasedRows(suite_members, is_open=suite_members.c.state == MemberState.OPEN)
_NEWEST = (suites.c.created_at.desc(), suites.c.id.desc())


@dataclass(frozen=True, kw_only=True)
class DueMember:
    suite_id: str
    member: SuiteMember


def create(engine: Engine, suite: Suite, *, due_in_s: float) -> bool:
    """Writes the suite with all its members, or nothing. False when a suite of this id exists.

    `due_in_s`: how long the caller has for starting the runs, before other processes do it.
    """
    with writing(engine) as connection:
        one_at_a_time(connection, suite.id)
        if connection.execute(select(suites.c.id).where(suites.c.id == suite.id)).first():
            return False
        connection.execute(
            insert(suites), {"id": suite.id, "name": suite.name, "created_at": suite.created_at}
        )
        due_at = now(connection) + timedelta(seconds=due_in_s)
        connection.execute(
            insert(suite_members),
            [
                {
                    "suite_id": suite.id,
                    "place": member.place,
                    "dataset": member.dataset,
                    "run_id": member.run_id,
                    "request": dict(member.request),
                    "state": member.state,
                    "due_at": due_at,
                    "tries": 0,
                    "error": "",
                }
                for member in suite.members
            ],
        )
    return True


def get(engine: Engine, suite_id: str) -> Suite:
    found = _read(engine, suites.c.id == suite_id)
    if not found:
        raise _no_suite(suite_id)
    return found[0]


def exists(engine: Engine, suite_id: str) -> bool:
    with reading(engine) as connection:
        return connection.execute(select(suites.c.id).where(suites.c.id == suite_id)).first() is not None


def find(engine: Engine, asked: str) -> str:
    """The id of the suite that a user names: `latest`, a name (its newest), or the beginning of an id."""
    wanted = select(suites.c.id).order_by(*_NEWEST).limit(1)
    named = wanted if asked == "latest" else wanted.where(suites.c.name == asked)
    begins = select(suites.c.id).where(suites.c.id.startswith(asked.lower(), autoescape=True)).limit(2)
    with reading(engine) as connection:
        found = connection.execute(named).scalars().all() or connection.execute(begins).scalars().all()
    if len(found) > 1:
        raise NotFoundError(f"{asked} is the beginning of more than one suite id: give more of it")
    if not found:
        raise _no_suite(asked)
    return str(found[0])


def _no_suite(asked: str) -> NotFoundError:
    return NotFoundError(f"there is no suite {asked}: `bakeoff suites` lists them")


def page(engine: Engine, *, limit: int, after: str | None = None, name: str | None = None) -> list[Suite]:
    """Newest first. `after` is the id of the last suite of the page before."""
    conditions = [] if name is None else [suites.c.name == name]
    if after is not None:
        last = select(suites.c.created_at).where(suites.c.id == after).scalar_subquery()
        conditions.append(tuple_(suites.c.created_at, suites.c.id) < tuple_(last, after))
    return _read(engine, *conditions, limit=limit)


def _read(engine: Engine, *conditions: Any, limit: int | None = None) -> list[Suite]:
    with reading(engine) as connection:
        found = connection.execute(select(suites).where(*conditions).order_by(*_NEWEST).limit(limit)).all()
        rows = connection.execute(
            select(suite_members)
            .where(suite_members.c.suite_id.in_([row.id for row in found]))
            .order_by(suite_members.c.suite_id, suite_members.c.place)
        ).all()
    members: dict[str, list[SuiteMember]] = {}
    for row in rows:
        members.setdefault(row.suite_id, []).append(_member(row))
    return [
        Suite(
            id=row.id,
            name=row.name,
            members=members[row.id],
            created_at=row.created_at,
            verdict=SuiteVerdict.from_data(row.verdict) if row.verdict else None,
        )
        for row in found
    ]


def _member(row: Row[Any]) -> SuiteMember:
    return SuiteMember(
        place=row.place,
        dataset=row.dataset,
        run_id=row.run_id,
        request=row.request,
        state=MemberState(row.state),
        tries=row.tries,
        error=row.error,
    )


def due(engine: Engine) -> list[DueMember]:
    """The members whose runs should be started now by whoever sees them."""
    rows = _MEMBERS.due(engine, order_by=suite_members.c.due_at)
    return [DueMember(suite_id=row.suite_id, member=_member(row)) for row in rows]


def are_due(engine: Engine) -> bool:
    return bool(_MEMBERS.due(engine, order_by=suite_members.c.due_at))


def are_open(engine: Engine) -> bool:
    """Whether a run of a suite is still to be started, now or later."""
    return _MEMBERS.are_open(engine)


def hurry(engine: Engine, suite_id: str) -> None:
    """Makes the open members due at once: their process is known to be gone, or somebody asks again."""
    with writing(engine) as connection:
        connection.execute(
            update(suite_members)
            .where(suite_members.c.suite_id == suite_id, _MEMBERS.is_open)
            .values(due_at=now(connection))
        )


def take(engine: Engine, one: DueMember, *, lease_s: float) -> RowLease | None:
    return _MEMBERS.take(engine, one.suite_id, one.member.place, lease_s=lease_s)


def note_started(engine: Engine, suite_id: str, place: int) -> None:
    """Needs no lease: the run exists, and its id is the same for all processes."""
    with writing(engine) as connection:
        connection.execute(
            update(suite_members)
            .where(*_MEMBERS.is_row((suite_id, place)))
            .values(state=MemberState.STARTED, error="")
        )


def give_up(lease: RowLease, error: str) -> None:
    with writing(lease.engine) as connection:
        lease.write(connection, state=MemberState.FAILED, error=error)


def to_be_judged(engine: Engine) -> list[str]:
    """The ids of the suites without a verdict whose runs are all judged, and all there.

    A suite of which a run was removed before is not among them: its verdict would say less.
    """
    judged = select(verdicts.c.run_id).where(verdicts.c.done_at.is_not(None))
    is_awaited = or_(
        _MEMBERS.is_open,
        and_(suite_members.c.state == MemberState.STARTED, suite_members.c.run_id.not_in(judged)),
    )
    of_suite = suite_members.c.suite_id == suites.c.id
    wanted = select(suites.c.id).where(suites.c.verdict.is_(None), ~exists_().where(of_suite, is_awaited))
    with reading(engine) as connection:
        return list(connection.execute(wanted.order_by(*_NEWEST)).scalars())


def write_verdict(engine: Engine, suite_id: str, verdict: SuiteVerdict) -> None:
    """Once: of several processes that judged the suite, the first one's verdict stays."""
    with writing(engine) as connection:
        connection.execute(
            update(suites)
            .where(suites.c.id == suite_id, suites.c.verdict.is_(None))
            .values(verdict=verdict.to_data())
        )
