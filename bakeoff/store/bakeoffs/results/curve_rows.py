"""The curves of results, written in the transaction that ends their jobs.

They stand in a table of their own: a leaderboard reads the results of a run, and needs no curve.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from bakeoff.store.database.all_tables import curves, jobs, results
from bakeoff.store.database.engine_and_transactions import reading

_ADD = insert(curves)


def add(connection: Connection, evaluation_id: str, found: Mapping[str, Any]) -> None:
    """Nothing is written for a result that has none, such as labels without probabilities."""
    if found:
        connection.execute(_ADD, {"evaluation_id": evaluation_id, "curves": dict(found)})


def copy(connection: Connection, run_id: str) -> None:
    """Copies the curves of a run's reused results, because the earlier run may be removed before this one."""
    earlier = (
        select(results.c.evaluation_id, curves.c.curves)
        .join(curves, curves.c.evaluation_id == results.c.reused_from)
        .where(results.c.run_id == run_id)
    )
    connection.execute(insert(curves).from_select(["evaluation_id", "curves"], earlier))


def of_run(
    engine: Engine, run_id: str, *, evaluation_ids: Sequence[str] | None = None
) -> dict[str, dict[str, Any]]:
    """By evaluation, as far as there are any. `evaluation_ids`: of these alone; None: of all."""
    wanted = select(curves).join(jobs, jobs.c.id == curves.c.evaluation_id).where(jobs.c.run_id == run_id)
    if evaluation_ids is not None:
        wanted = wanted.where(curves.c.evaluation_id.in_(evaluation_ids))
    with reading(engine) as connection:
        return {row.evaluation_id: row.curves for row in connection.execute(wanted)}
