"""Labels of runs: words that people give a run, and by which they find it again."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, delete, insert, select

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.run import LONGEST_LABEL
from bakeoff.domain.wording import quoted
from bakeoff.store.bakeoffs.run_rows import lock_run
from bakeoff.store.database.engine import now, reading, writing
from bakeoff.store.database.tables import run_labels

_MOST = 20  #: of one run


def add(engine: Engine, run_id: str, label: str, *, by: str) -> bool:
    """False if the run has this label already. InvalidInputError for what is no label."""
    label = checked(label)
    with writing(engine) as connection:
        lock_run(connection, run_id)  # else two labels at once could be one too many, or the same one twice
        there = (
            connection.execute(select(run_labels.c.label).where(run_labels.c.run_id == run_id))
            .scalars()
            .all()
        )
        if label in there:
            return False
        if len(there) >= _MOST:
            raise InvalidInputError(
                f"run {run_id[:8]} has {_MOST} labels, which is the most: remove one first"
            )
        connection.execute(
            insert(run_labels),
            {"run_id": run_id, "label": label, "labelled_at": now(connection), "labelled_by": by[:64]},
        )
    return True


def remove(engine: Engine, run_id: str, label: str) -> bool:
    """False if the run does not have it."""
    with writing(engine) as connection:
        gone = connection.execute(
            delete(run_labels).where(run_labels.c.run_id == run_id, run_labels.c.label == label)
        )
        return bool(gone.rowcount)


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
