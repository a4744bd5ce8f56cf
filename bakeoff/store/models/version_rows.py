"""Model versions in the embedded registry: how they are added, found and removed."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, delete, func, insert, select

from bakeoff.domain.errors import ConflictError, InvalidInputError
from bakeoff.domain.ids_and_times import iso
from bakeoff.domain.metric_names_and_scoring_rules import directions_of
from bakeoff.domain.model_version import (
    EVERY_VERSION,
    FIRST_VERSION,
    ModelUri,
    ModelVersion,
    Stage,
    VersionFilter,
    VersionNumber,
    VersionOrigin,
)
from bakeoff.store.database.engine_and_transactions import now, reading, writing
from bakeoff.store.database.registry_tables import (
    model_aliases,
    model_metrics,
    model_tags,
    models,
    used_versions,
)

_ALIASES = (
    select(func.json_group_array(model_aliases.c.alias))
    .where(model_aliases.c.model_id == models.c.model_id)
    .scalar_subquery()
    .label("aliases")
)


def select_versions(*more: ColumnElement[Any]) -> Select[Any]:
    """All columns except the input examples, which are long and seldom needed."""
    columns = [column for column in models.c if column is not models.c.input_example]
    has_example = models.c.input_example.is_not(None).label("has_input_example")
    return select(*columns, has_example, _ALIASES, *more)


def version_from_row(row: Row[Any]) -> ModelVersion:
    names = row.feature_names
    return ModelVersion(
        id=row.model_id,
        name=row.model_name,
        type=row.model_type,
        version=row.version,
        serial=row.serial,
        created_at=datetime.fromisoformat(row.created_at),
        stage=Stage(row.stage),
        aliases=tuple(sorted(json.loads(row.aliases))),
        metrics=row.metrics,
        hyperparameters=row.hyperparameters,
        tags=row.tags,
        metadata=row.metadata,
        description=row.description,
        file_path=row.file_path,
        digest=row.digest,
        size_bytes=row.size_bytes,
        libraries=row.libraries,
        signature=row.signature,
        feature_names=None if names is None else tuple(names),
        has_preprocessor=row.preprocessor_digest is not None,
        has_input_example=bool(row.has_input_example),
        origin=VersionOrigin(
            run_id=row.run_id,
            evaluation_id=row.evaluation_id,
            candidate_id=row.candidate_id,
            dataset_id=row.dataset_id,
            split_id=row.split_id,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A version, with what is needed to load it."""

    version: ModelVersion
    preprocessor_digest: str | None
    input_example: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class TakenNumber:
    number: VersionNumber
    serial: int  #: its place among all versions that the name ever had


@dataclass(frozen=True)
class VersionWriter:
    """Adds one version, step by step in one transaction: the caller puts the files in place in between."""

    connection: Connection

    def id_of_evaluation(self, evaluation_id: str | None) -> int | None:
        """The version that was saved from this evaluation before; None if there is none."""
        if evaluation_id is None:
            return None
        known = select(models.c.model_id).where(models.c.evaluation_id == evaluation_id)
        return self.connection.scalar(known)

    def take_number(self, name: str, number: VersionNumber | None) -> TakenNumber:
        """The given number, or the next one. ConflictError for a number that the name had at any time."""
        number = number or self._next_number(name)
        used = used_versions.c
        key = {"model_name": name, "major": number.major, "minor": number.minor, "patch": number.patch}
        is_used = select(used.serial).where(*(used[column] == value for column, value in key.items()))
        if self.connection.execute(is_used).first():
            raise ConflictError(
                f"the model {name} has, or once had, a version {number}: give another one, or none for the "
                "next"
            )
        last = self.connection.scalar(select(func.max(used.serial)).where(used.model_name == name)) or 0
        self.connection.execute(insert(used_versions), {**key, "serial": last + 1})
        return TakenNumber(number=number, serial=int(last) + 1)

    def _next_number(self, name: str) -> VersionNumber:
        """One patch above the highest number that the name ever had, deleted versions included."""
        used = used_versions.c
        highest = self.connection.execute(
            select(used.major, used.minor, used.patch)
            .where(used.model_name == name)
            .order_by(used.major.desc(), used.minor.desc(), used.patch.desc())
            .limit(1)
        ).first()
        return FIRST_VERSION if highest is None else VersionNumber(*highest).next

    def add(self, columns: Mapping[str, Any], taken: TakenNumber, file_path: str) -> int:
        """Adds the row and returns its id. `columns`: those of the table `models` that the caller knows."""
        row = {
            **columns,
            "version": str(taken.number),
            "serial": taken.serial,
            "stage": Stage.DEVELOPMENT,
            "created_at": iso(now(self.connection)),
            "file_path": file_path,
        }
        added = self.connection.execute(insert(models).returning(models.c.model_id), row).scalar_one()
        _make_searchable(self.connection, added, row)
        return int(added)


@contextmanager
def adding(engine: Engine) -> Iterator[VersionWriter]:
    """A write transaction. SQLite admits one at a time, so two savers never take the same number.

    If the body raises, the number is free again.
    """
    with writing(engine) as connection:
        yield VersionWriter(connection)


def _make_searchable(connection: Connection, model_id: int, row: Mapping[str, Any]) -> None:
    values = {
        metric: value
        for metric, value in row["metrics"].items()
        if value is not None and math.isfinite(value)
    }
    for table, column, entries in ((model_metrics, "metric", values), (model_tags, "key", row["tags"])):
        if entries:
            connection.execute(
                insert(table),
                [{"model_id": model_id, column: name, "value": value} for name, value in entries.items()],
            )


def find(engine: Engine, wanted: int | ModelUri) -> Stored | None:
    """Finds a version by id or URI; the newest, if several match."""
    found = (
        select_versions(models.c.input_example)
        .where(*_matching(wanted))
        .order_by(models.c.model_id.desc())
        .limit(1)
    )
    with reading(engine) as connection:
        row = connection.execute(found).first()
    if row is None:
        return None
    return Stored(
        version=version_from_row(row),
        preprocessor_digest=row.preprocessor_digest,
        input_example=row.input_example,
    )


def _matching(wanted: int | ModelUri) -> list[ColumnElement[bool]]:
    columns = models.c
    if isinstance(wanted, int):
        return [columns.model_id == wanted]
    if wanted.run_id is not None:
        return [columns.run_id == wanted.run_id, columns.candidate_id == wanted.candidate_id]
    mine = [columns.model_name == wanted.name]
    if wanted.alias is not None:
        alias = (model_aliases.c.model_name == wanted.name) & (model_aliases.c.alias == wanted.alias)
        return [columns.model_id == select(model_aliases.c.model_id).where(alias).scalar_subquery()]
    for column in (columns.version, columns.serial, columns.stage):
        value = getattr(wanted, column.name)
        if value is not None:
            mine.append(column == value)
    return mine


def page(
    engine: Engine,
    wanted: VersionFilter = EVERY_VERSION,
    *,
    limit: int | None = None,
    offset: int = 0,
) -> list[ModelVersion]:
    """Newest first."""
    found = (
        select_versions()
        .where(*_conditions(wanted))
        .order_by(models.c.model_id.desc())
        .limit(limit)
        .offset(offset)
    )
    with reading(engine) as connection:
        return [version_from_row(row) for row in connection.execute(found)]


def _conditions(wanted: VersionFilter) -> list[ColumnElement[bool]]:
    columns = models.c
    equal = {
        columns.model_name: wanted.name,
        columns.model_type: wanted.type,
        columns.version: wanted.version,
        columns.stage: wanted.stage,
        columns.dataset_id: wanted.dataset_id,
        columns.run_id: wanted.run_id,
    }
    return [
        *(column == value for column, value in equal.items() if value is not None),
        *(_has_tag(key, value) for key, value in wanted.tags.items()),
        *(_has_metric(metric, least) for metric, least in wanted.min_metrics.items()),
    ]


def _has_tag(key: str, value: str) -> ColumnElement[bool]:
    tag = model_tags.c
    return models.c.model_id.in_(select(tag.model_id).where(tag.key == key, tag.value == value))


def _has_metric(metric: str, least: float) -> ColumnElement[bool]:
    mine = model_metrics.c
    return (
        select(mine.model_id)
        .where(mine.model_id == models.c.model_id, mine.metric == metric, mine.value >= least)
        .exists()
    )


@dataclass(frozen=True, kw_only=True)
class VersionTally:
    versions: int
    names: int
    size_bytes: int  #: of the model files, without preprocessors


def tally(engine: Engine) -> VersionTally:
    columns = models.c
    wanted = select(
        func.count().label("versions"),
        func.count(columns.model_name.distinct()).label("names"),
        func.coalesce(func.sum(columns.size_bytes), 0).label("size_bytes"),
    ).select_from(models)
    with reading(engine) as connection:
        return VersionTally(**connection.execute(wanted).mappings().one())


def best(
    engine: Engine,
    metric: str,
    wanted: VersionFilter = EVERY_VERSION,
    *,
    greater_is_better: bool,
) -> ModelVersion | None:
    """The version with the best value of the metric. Among equal ones, the newest."""
    mine = model_metrics.c
    found = (
        _with_metric(select_versions(), metric, wanted)
        .order_by(mine.value.desc() if greater_is_better else mine.value, mine.model_id.desc())
        .limit(1)
    )
    with reading(engine) as connection:
        row = connection.execute(found).first()
    return None if row is None else version_from_row(row)


def declared_directions(
    engine: Engine, metric: str, wanted: VersionFilter = EVERY_VERSION
) -> dict[str, bool]:
    """What the newest of the versions that say in which direction the metric is better say of directions."""
    metadata = _with_metric(select(models.c.metadata), metric, wanted).order_by(models.c.model_id.desc())
    with reading(engine) as connection:
        declared = map(directions_of, connection.execute(metadata).scalars())
        return next((one for one in declared if metric in one), {})


def _with_metric(columns: Select[Any], metric: str, wanted: VersionFilter) -> Select[Any]:
    mine = model_metrics.c
    return columns.join(model_metrics, mine.model_id == models.c.model_id).where(
        mine.metric == metric, *_conditions(wanted)
    )


def remove(engine: Engine, model_id: int, *, force: bool) -> bool:
    """False when the version is gone already."""
    with writing(engine) as connection:
        found = connection.execute(select_name_and_stage(model_id)).first()
        if found is None:
            return False
        if found.stage == Stage.PRODUCTION and not force:
            raise InvalidInputError(
                f"{found.model_name}/{found.version} is in Production: promote another version, or give "
                "force=True (--force)"
            )
        connection.execute(delete(models).where(models.c.model_id == model_id))
        return True


def select_name_and_stage(model_id: int) -> Select[Any]:
    """A query for the name, version and stage of a model version."""
    columns = models.c
    return select(columns.model_id, columns.model_name, columns.version, columns.stage).where(
        columns.model_id == model_id
    )


def set_alias(engine: Engine, name: str, alias: str, model_id: int | None) -> None:
    """Makes the alias name this version; None removes the alias."""
    mine = (model_aliases.c.model_name == name) & (model_aliases.c.alias == alias)
    with writing(engine) as connection:
        connection.execute(delete(model_aliases).where(mine))
        if model_id is not None:
            connection.execute(
                insert(model_aliases), {"model_name": name, "alias": alias, "model_id": model_id}
            )


@contextmanager
def files_while_locked(engine: Engine) -> Iterator[list[tuple[str, bool]]]:
    """The file of each version, and whether it has a preprocessor; no process can change that meanwhile."""
    files = select(models.c.file_path, models.c.preprocessor_digest)
    with writing(engine) as connection:
        yield [(row.file_path, row.preprocessor_digest is not None) for row in connection.execute(files)]
