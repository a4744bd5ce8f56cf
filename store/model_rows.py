"""Model versions, from rows to words."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select

from domain.model_version import ModelVersion, Origin, Stage
from store.registry_tables import model_aliases, models

_ALIASES = (
    select(func.json_group_array(model_aliases.c.alias))
    .where(model_aliases.c.model_id == models.c.model_id)
    .scalar_subquery()
    .label("aliases")
)


def select_versions(*more: ColumnElement[Any]) -> Select[Any]:
    """Without the input examples, which are long and seldom wanted."""
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
        origin=Origin(
            run_id=row.run_id,
            evaluation_id=row.evaluation_id,
            candidate_id=row.candidate_id,
            dataset_id=row.dataset_id,
            split_id=row.split_id,
        ),
    )
