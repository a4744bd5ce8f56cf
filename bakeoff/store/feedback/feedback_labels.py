"""The labels that people and programs give to items. Of each person, the last label of an item is kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, func, insert, select, tuple_, update

from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.scored_and_labelled_item import Intake, Label, StoredLabel, Value, same
from bakeoff.domain.wording import listed
from bakeoff.store.database.all_tables import items, labels
from bakeoff.store.database.engine_and_transactions import now, one_at_a_time, reading, writing

_ADD = insert(labels)
_CHANGE = update(labels).where(
    labels.c.result_id == bindparam("item"), labels.c.labelled_by == bindparam("who")
)

#: The number of a label among those of its item, the newest one first.
_PLACE = func.row_number().over(
    partition_by=labels.c.result_id, order_by=(labels.c.labelled_at.desc(), labels.c.position.desc())
)


def add(engine: Engine, given: Sequence[Label]) -> Intake:
    """Adds all labels or none. The same label by the same person again counts as unchanged."""
    last = {(label.item_id, label.by): label.value for label in given}
    with writing(engine) as connection:
        one_at_a_time(connection, "feedback_labels")  # else two requests could both insert the same label
        _check_items(connection, {label.item_id for label in given})
        known, at = _known(connection, list(last)), now(connection)
        new, changed = [], []
        for (item_id, who), value in last.items():
            row = {"label": value, "labelled_at": at}
            if (item_id, who) not in known:
                new.append({"result_id": item_id, "labelled_by": who, **row})
            elif not same(known[item_id, who], value):
                changed.append({"item": item_id, "who": who, **row})
        if new:
            connection.execute(_ADD, new)
        if changed:
            connection.execute(_CHANGE, changed)
    return Intake(new=len(new), changed=len(changed), unchanged=len(last) - len(new) - len(changed))


def _check_items(connection: Connection, ids: set[str]) -> None:
    there = connection.execute(select(items.c.id).where(items.c.id.in_(ids))).scalars()
    missing = sorted(ids - set(there))
    if missing:
        raise NotFoundError(f"there are no results {listed(missing)}: send results before their labels")


def _known(connection: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Value]:
    wanted = tuple_(labels.c.result_id, labels.c.labelled_by).in_(keys)
    rows = connection.execute(select(labels).where(wanted))
    return {(row.result_id, row.labelled_by): row.label for row in rows}


def page(
    engine: Engine, *, limit: int, before: int | None = None, item_id: str | None = None
) -> list[StoredLabel]:
    """Labels, newest first."""
    query = select(labels).order_by(labels.c.position.desc()).limit(limit)
    if before is not None:
        query = query.where(labels.c.position < before)
    if item_id is not None:
        query = query.where(labels.c.result_id == item_id)
    with reading(engine) as connection:
        return [_stored(row) for row in connection.execute(query)]


def _stored(row: Row[Any]) -> StoredLabel:
    label = Label(item_id=row.result_id, value=row.label, by=row.labelled_by)
    return StoredLabel(position=row.position, label=label, at=row.labelled_at)


def labelled_items(engine: Engine) -> list[tuple[Mapping[str, Value | None], Value]]:
    """The features of each item that has a label, and the newest of its labels, in the order of the items."""
    newest = select(labels.c.result_id, labels.c.label, _PLACE.label("place")).subquery()
    query = (
        select(items.c.features, newest.c.label)
        .join(newest, newest.c.result_id == items.c.id)
        .where(newest.c.place == 1)
        .order_by(items.c.position)
    )
    with reading(engine) as connection:
        return [(row.features, row.label) for row in connection.execute(query)]
