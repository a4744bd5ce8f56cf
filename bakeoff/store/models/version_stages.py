"""The stages of model versions, and the log of their changes, whose lines are never changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from bakeoff.domain.ids_and_times import iso
from bakeoff.domain.model_version import NO_VERSION, Promotion, Stage, overtaken
from bakeoff.store.database.engine_and_transactions import now, reading, writing
from bakeoff.store.database.registry_tables import IN_PRODUCTION, models, promotions
from bakeoff.store.models.version_rows import select_name_and_stage


def move(
    engine: Engine,
    model_id: int,
    stage: Stage,
    *,
    by: str,
    reason: str,
    evidence: Mapping[str, Any],
    replacing: str | None = None,
) -> Promotion | None:
    """Change the stage and add a line to the log. None when the version is gone.

    Raises OvertakenError when another version than `replacing` is in Production.
    """
    with writing(engine) as connection:
        found = connection.execute(select_name_and_stage(model_id)).first()
        if found is None:
            return None
        if stage is Stage.PRODUCTION and replacing is not None:
            _refuse_another(connection, found.model_name, replacing)
        line = Promotion(
            model_name=found.model_name,
            version=found.version,
            from_stage=Stage(found.stage),
            to_stage=stage,
            at=_as_stored(now(connection)),
            by=by,
            reason=reason,
            replaced=_archive_production(connection, found) if stage is Stage.PRODUCTION else None,
            evidence=evidence,
        )
        connection.execute(update(models).where(models.c.model_id == model_id).values(stage=stage))
        _add(connection, line)
        return line


def add(engine: Engine, line: Promotion) -> None:
    """Add a line that changes no stage, such as what the hooks of a promotion returned."""
    with writing(engine) as connection:
        _add(connection, line)


def _add(connection: Connection, line: Promotion) -> None:
    connection.execute(
        insert(promotions), {**vars(line), "at": iso(line.at), "evidence": dict(line.evidence)}
    )


def _refuse_another(connection: Connection, name: str, expected: str) -> None:
    there = connection.scalar(select(models.c.version).where(models.c.model_name == name, IN_PRODUCTION))
    if (there or NO_VERSION) != expected:
        raise overtaken(name, expected=expected, found=there or NO_VERSION)


def _as_stored(at: datetime) -> datetime:
    """The time in the precision of the log, so that the returned line equals the one that is read later."""
    return datetime.fromisoformat(iso(at))


def _archive_production(connection: Connection, coming: Row[Any]) -> str | None:
    """Archive the version that is in Production. Returns which one, or None."""
    columns = models.c
    replaced: str | None = connection.scalar(
        update(models)
        .where(columns.model_name == coming.model_name, IN_PRODUCTION, columns.model_id != coming.model_id)
        .values(stage=Stage.ARCHIVED)
        .returning(columns.version)
    )
    return replaced


def history(engine: Engine, name: str | None = None, *, limit: int | None = None) -> list[Promotion]:
    """Newest first."""
    columns = promotions.c
    lines = select(promotions).order_by(columns.promotion_id.desc()).limit(limit)
    if name is not None:
        lines = lines.where(columns.model_name == name)
    with reading(engine) as connection:
        return [_line(row) for row in connection.execute(lines)]


def _line(row: Row[Any]) -> Promotion:
    return Promotion(
        model_name=row.model_name,
        version=row.version,
        from_stage=Stage(row.from_stage),
        to_stage=Stage(row.to_stage),
        at=datetime.fromisoformat(row.at),
        by=row.by,
        reason=row.reason,
        replaced=row.replaced,
        evidence=row.evidence,
    )
