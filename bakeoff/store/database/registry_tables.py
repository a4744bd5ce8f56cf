"""The tables of registry.db, the database of the embedded registry of trained models.

models 1 ── n model_metrics, model_tags    what `models` has as JSON, once more, for searches
models 1 ── n model_aliases
used_versions    every version that a name ever had: the number of a deleted one is not given again
promotions       the log of stages, to which lines are only added
"""

from sqlalchemy import (
    DDL,
    JSON,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    event,
    literal_column,
    text,
)

from bakeoff.domain.model_version import Stage
from bakeoff.store.database.table_conventions import NAMING

metadata = MetaData(naming_convention=NAMING)

_Json = JSON(none_as_null=True)
_STAGES = ", ".join(f"'{stage}'" for stage in Stage)

models = Table(
    "models",
    metadata,
    Column("model_id", Integer, primary_key=True, autoincrement=True),
    Column("model_name", Text, nullable=False),
    Column("model_type", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("serial", Integer, nullable=False),
    Column("stage", Text, nullable=False),
    Column("metrics", _Json, nullable=False),
    Column("hyperparameters", _Json, nullable=False),
    Column("tags", _Json, nullable=False),
    Column("metadata", _Json, nullable=False),
    Column("description", Text),
    Column("created_at", Text, nullable=False),
    Column("file_path", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("preprocessor_digest", Text),
    Column("libraries", _Json, nullable=False),
    Column("signature", _Json),
    Column("input_example", _Json),
    Column("feature_names", _Json),
    Column("run_id", Text),
    Column("evaluation_id", Text, unique=True),
    Column("candidate_id", Text),
    Column("dataset_id", Text),
    Column("split_id", Text),
    UniqueConstraint("model_name", "version"),
    UniqueConstraint("model_name", "serial"),
    CheckConstraint(f"stage IN ({_STAGES})", name="stage_known"),
    CheckConstraint("length(digest) = 64", name="digest_whole"),
    Index("ix_models_name", "model_name", "model_id"),
    Index("ix_models_type", "model_type", "model_id"),
    Index("ix_models_version", "version", "model_id"),
    Index("ix_models_stage", "stage", "model_id"),
    Index("ix_models_name_stage", "model_name", "stage", "model_id"),
    Index("ix_models_run", "run_id", "candidate_id"),
    Index("ix_models_dataset", "dataset_id", "model_id"),
    Index(
        "ux_models_production", "model_name", unique=True, sqlite_where=text(f"stage = '{Stage.PRODUCTION}'")
    ),
    sqlite_autoincrement=True,
)

#: Written out and not bound: otherwise the database would not see that the partial index above applies.
IN_PRODUCTION = models.c.stage == literal_column(f"'{Stage.PRODUCTION}'")


def _of_a_model() -> Column[int]:
    return Column("model_id", Integer, ForeignKey("models.model_id", ondelete="CASCADE"), nullable=False)


#: Only metrics that are finite numbers. The indexes hold the best version of a metric first, the newest of
#: equal ones, whether more or less is better.
model_metrics = Table(
    "model_metrics",
    metadata,
    _of_a_model(),
    Column("metric", Text, nullable=False),
    Column("value", Float, nullable=False),
    UniqueConstraint("model_id", "metric"),
    Index("ix_model_metrics_most", "metric", "value", "model_id"),
    Index("ix_model_metrics_least", "metric", "value", literal_column("model_id DESC")),
)

model_tags = Table(
    "model_tags",
    metadata,
    _of_a_model(),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    UniqueConstraint("model_id", "key"),
    Index("ix_model_tags_value", "key", "value", "model_id"),
)

model_aliases = Table(
    "model_aliases",
    metadata,
    _of_a_model(),
    Column("model_name", Text, nullable=False),
    Column("alias", Text, nullable=False),
    UniqueConstraint("model_name", "alias"),
    Index("ix_model_aliases_model", "model_id", "alias"),
)

used_versions = Table(
    "used_versions",
    metadata,
    Column("model_name", Text, nullable=False),
    Column("major", Integer, nullable=False),
    Column("minor", Integer, nullable=False),
    Column("patch", Integer, nullable=False),
    Column("serial", Integer, nullable=False),
    UniqueConstraint("model_name", "major", "minor", "patch"),
    UniqueConstraint("model_name", "serial"),
)

promotions = Table(
    "promotions",
    metadata,
    Column("promotion_id", Integer, primary_key=True, autoincrement=True),
    Column("model_name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("from_stage", Text, nullable=False),
    Column("to_stage", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("replaced", Text),
    Column("evidence", _Json, nullable=False),
    CheckConstraint(f"from_stage IN ({_STAGES})", name="from_stage_known"),
    CheckConstraint(f"to_stage IN ({_STAGES})", name="to_stage_known"),
    Index("ix_promotions_name", "model_name", "promotion_id"),
    sqlite_autoincrement=True,
)

# A trigger and not only our code: the log is evidence, and must not be changed by other programs either.
for change in ("UPDATE", "DELETE"):
    event.listen(
        promotions,
        "after_create",
        DDL(  # type: ignore[no-untyped-call]
            f"CREATE TRIGGER promotions_no_{change.lower()} BEFORE {change} ON promotions "
            "BEGIN SELECT RAISE(ABORT, 'the log of stages is added to, and never changed'); END"
        ),
    )
