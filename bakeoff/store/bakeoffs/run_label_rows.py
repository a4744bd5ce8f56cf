"""Labels of runs: words that people give a run, and by which they find it again."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, delete, insert, select

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.run import LONGEST_LABEL
from bakeoff.domain.wording import quoted
from bakeoff.store.bakeoffs.run_rows import lock_run
from bakeoff.store.database.all_tables import run_labels
from bakeoff.store.database.engine_and_transactions import now, reading, writing

MOST = 20  #: of one run


def add(engine: Engine, run_id: str, *labels: str, by: str) -> bool:
    """All of them, or none. False if the run has them already. InvalidInputError for what is no label."""
    given = list(dict.fromkeys(checked(label) for label in labels))
    with writing(engine) as connection:
        lock_run(connection, run_id)  # else two labels at once could be one too many, or the same one twice
        there = (
            connection.execute(select(run_labels.c.label).where(run_labels.c.run_id == run_id))
            .scalars()
            .all()
        )
        new = [label for label in given if label not in there]
        if not new:
            return False
        if len(there) + len(new) > MOST:
            raise InvalidInputError(
                f"run {run_id[:8]} has {len(there)} of {MOST} labels, which is the most: there is no "
                f"room for {len(new)} more, remove some first"
            )
        at = now(connection)
        connection.execute(
            insert(run_labels),
            [{"run_id": run_id, "label": one, "labelled_at": at, "labelled_by": by[:64]} for one in new],
        )
    return True


def remove(engine: Engine, run_id: str, *labels: str) -> bool:
    """All of them. False, and none is removed, if the run does not have one of them."""
    given = set(labels)
    mine = (run_labels.c.run_id == run_id, run_labels.c.label.in_(given))
    with writing(engine) as connection:
        there = connection.execute(select(run_labels.c.label).where(*mine)).scalars().all()
        if set(there) != given:
            return False
        connection.execute(delete(run_labels).where(*mine))
        return True


def of_runs(engine: Engine, run_ids: Sequence[str]) -> Mapping[str, list[str]]:
    """The labels of each run that has some, in the order of the alphabet."""
    with reading(engine) as connection:
        rows = connection.execute(
            select(run_labels.c.run_id, run_labels.c.label)
            .where(run_labels.c.run_id.in_(run_ids))
            .order_by(run_labels.c.label)
        ).all()
    found: dict[str, list[str]] = {}
    for run_id, label in rows:
        found.setdefault(run_id, []).append(label)
    return found


def checked(label: str) -> str:
    """Without blanks around it."""
    plain = label.strip()
    if not plain or len(plain) > LONGEST_LABEL or not plain.isprintable() or "," in plain:
        raise InvalidInputError(
            f"{quoted(label)} is no label: expected 1 to {LONGEST_LABEL} characters that can be printed, "
            "without commas"
        )
    return plain
