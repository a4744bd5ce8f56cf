"""Refits of candidates to shuffled labels, each kept when it is scored (see `shuffle_check`)."""

from sqlalchemy import Engine, delete, insert, select

from bakeoff.store.database.all_tables import jobs, shuffled_refits
from bakeoff.store.database.engine_and_transactions import reading, writing


def scores_above_chance(engine: Engine, evaluation_id: str, *, made_of: str) -> list[float]:
    """How far above chance each refit to shuffled labels scored, in order.

    `made_of`: the digest of the candidate with its code and libraries; refits of another are not told.
    """
    wanted = (
        select(shuffled_refits.c.above_chance)
        .where(shuffled_refits.c.evaluation_id == evaluation_id, shuffled_refits.c.made_of == made_of)
        .order_by(shuffled_refits.c.place)
    )
    with reading(engine) as connection:
        return list(connection.execute(wanted).scalars())


def keep(engine: Engine, evaluation_id: str, place: int, above_chance: float, *, made_of: str) -> None:
    """Keeps a refit, so that a process that takes over from one that died does not repeat it.

    The first one replaces all that are there, which may be of other code. Two processes that check the same
    candidate at once write the same.
    """
    of_job = shuffled_refits.c.evaluation_id == evaluation_id
    later = shuffled_refits.c.place >= place
    with writing(engine) as connection:
        # Without the lock, two processes could both find no row, and both write one.
        connection.execute(select(jobs.c.id).where(jobs.c.id == evaluation_id).with_for_update())
        connection.execute(delete(shuffled_refits).where(of_job, later))
        row = {
            "evaluation_id": evaluation_id,
            "place": place,
            "made_of": made_of,
            "above_chance": above_chance,
        }
        connection.execute(insert(shuffled_refits), row)
