"""Items of other systems and their scores. An item and its score are written together, or not at all."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, insert, select, update

from bakeoff.domain.scored_and_labelled_item import Intake, Item, Score, StoredItem, same
from bakeoff.store.database.all_tables import items
from bakeoff.store.database.engine_and_transactions import now, one_at_a_time, reading, writing

_ADD = insert(items)
_CHANGE = update(items).where(items.c.id == bindparam("item"))
# Compare-and-swap: an item that was received again since it was read has other features, and is left alone.
_SCORE = _CHANGE.where(items.c.received_at == bindparam("seen"))


def add(engine: Engine, scored: Sequence[tuple[Item, Score]]) -> Intake:
    """Adds all items or none. One that is stored already, with the same features, keeps its score."""
    given = {
        item.id: (item, score) for item, score in scored
    }  # of several with the same id the last one counts
    with writing(engine) as connection:
        one_at_a_time(connection, "results")  # else two requests could both insert the same item
        known, at = _features_of(connection, list(given)), now(connection)
        new, changed = [], []
        for item, score in given.values():
            row = {"features": dict(item.features), "received_at": at, **_score_columns(score, at)}
            if item.id not in known:
                new.append({"id": item.id, **row})
            elif not same(known[item.id], row["features"]):
                changed.append({"item": item.id, **row})
        if new:
            connection.execute(_ADD, new)
        if changed:
            connection.execute(_CHANGE, changed)
    return Intake(new=len(new), changed=len(changed), unchanged=len(given) - len(new) - len(changed))


def _features_of(connection: Connection, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    rows = connection.execute(select(items.c.id, items.c.features).where(items.c.id.in_(ids)))
    return {row.id: row.features for row in rows}


def _score_columns(score: Score, at: datetime) -> dict[str, Any]:
    return {"relevance_score": score.value, "score_version": score.version, "scored_at": at}


def to_score(engine: Engine, *, version: str | None, after: int, limit: int) -> list[StoredItem]:
    """Items after that position that this version has not scored; if it is None, those without a score."""
    query = select(items).where(items.c.position > after).order_by(items.c.position).limit(limit)
    scored_by = items.c.score_version
    query = query.where(scored_by.is_(None) if version is None else scored_by.is_distinct_from(version))
    with reading(engine) as connection:
        return [_stored(row) for row in connection.execute(query)]


def set_scores(engine: Engine, scored: Sequence[tuple[StoredItem, Score]]) -> None:
    """Sets all scores or none."""
    with writing(engine) as connection:
        one_at_a_time(
            connection, "results"
        )  # two that lock the same rows in different orders would wait for ever
        at = now(connection)
        connection.execute(
            _SCORE,
            [
                {"item": stored.item.id, "seen": stored.received_at, **_score_columns(score, at)}
                for stored, score in scored
            ],
        )


def page(
    engine: Engine, *, limit: int, before: int | None = None, version: str | None = None
) -> list[StoredItem]:
    """Items, newest first. `version`: only those that it has scored."""
    query = select(items).order_by(items.c.position.desc()).limit(limit)
    if before is not None:
        query = query.where(items.c.position < before)
    if version is not None:
        query = query.where(items.c.score_version == version)
    with reading(engine) as connection:
        return [_stored(row) for row in connection.execute(query)]


def _stored(row: Row[Any]) -> StoredItem:
    is_scored = row.score_version is not None
    return StoredItem(
        position=row.position,
        item=Item(id=row.id, features=row.features),
        received_at=row.received_at,
        score=Score(value=row.relevance_score, version=row.score_version) if is_scored else None,
        scored_at=row.scored_at,
    )
