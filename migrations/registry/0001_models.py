"""The registry of trained models"""

import sqlalchemy as sa
from alembic import op

revision = "registry_0001"
down_revision = None
branch_labels = ("registry",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "models",
        sa.Column("model_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("model_type", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("metrics", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("hyperparameters", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("tags", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("metadata", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("file_path", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("preprocessor_digest", sa.Text(), nullable=True),
        sa.Column("libraries", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("signature", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("input_example", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("feature_names", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("evaluation_id", sa.Text(), nullable=True),
        sa.Column("candidate_id", sa.Text(), nullable=True),
        sa.Column("dataset_id", sa.Text(), nullable=True),
        sa.Column("split_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "stage IN ('Development', 'Staging', 'Production', 'Archived')",
            name=op.f("ck_models_stage_known"),
        ),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_models_digest_whole")),
        sa.PrimaryKeyConstraint("model_id", name="pk_models"),
        sa.UniqueConstraint("evaluation_id", name="uq_models_evaluation_id"),
        sa.UniqueConstraint("model_name", "serial", name="uq_models_model_name_serial"),
        sa.UniqueConstraint("model_name", "version", name="uq_models_model_name_version"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_models_dataset", "models", ["dataset_id", "model_id"], unique=False)
    op.create_index("ix_models_name", "models", ["model_name", "model_id"], unique=False)
    op.create_index("ix_models_run", "models", ["run_id", "candidate_id"], unique=False)
    op.create_index("ix_models_name_stage", "models", ["model_name", "stage", "model_id"], unique=False)
    op.create_index("ix_models_stage", "models", ["stage", "model_id"], unique=False)
    op.create_index("ix_models_type", "models", ["model_type", "model_id"], unique=False)
    op.create_index("ix_models_version", "models", ["version", "model_id"], unique=False)
    op.create_index(
        "ux_models_production",
        "models",
        ["model_name"],
        unique=True,
        sqlite_where=sa.text("stage = 'Production'"),
    )
    op.create_table(
        "promotions",
        sa.Column("promotion_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("from_stage", sa.Text(), nullable=False),
        sa.Column("to_stage", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("replaced", sa.Text(), nullable=True),
        sa.Column("evidence", sa.JSON(none_as_null=True), nullable=False),
        sa.CheckConstraint(
            "from_stage IN ('Development', 'Staging', 'Production', 'Archived')",
            name=op.f("ck_promotions_from_stage_known"),
        ),
        sa.CheckConstraint(
            "to_stage IN ('Development', 'Staging', 'Production', 'Archived')",
            name=op.f("ck_promotions_to_stage_known"),
        ),
        sa.PrimaryKeyConstraint("promotion_id", name="pk_promotions"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_promotions_name", "promotions", ["model_name", "promotion_id"], unique=False)
    op.create_table(
        "used_versions",
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("major", sa.Integer(), nullable=False),
        sa.Column("minor", sa.Integer(), nullable=False),
        sa.Column("patch", sa.Integer(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.UniqueConstraint(
            "model_name",
            "major",
            "minor",
            "patch",
            name="uq_used_versions_model_name_major_minor_patch",
        ),
        sa.UniqueConstraint("model_name", "serial", name="uq_used_versions_model_name_serial"),
    )
    op.create_table(
        "model_aliases",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.model_id"], name="fk_model_aliases_model_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("model_name", "alias", name="uq_model_aliases_model_name_alias"),
    )
    op.create_index("ix_model_aliases_model", "model_aliases", ["model_id", "alias"], unique=False)
    op.create_table(
        "model_metrics",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.model_id"], name="fk_model_metrics_model_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("model_id", "metric", name="uq_model_metrics_model_id_metric"),
    )
    op.create_index("ix_model_metrics_most", "model_metrics", ["metric", "value", "model_id"], unique=False)
    op.create_index(
        "ix_model_metrics_least",
        "model_metrics",
        ["metric", "value", sa.literal_column("model_id DESC")],
        unique=False,
    )
    op.create_table(
        "model_tags",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.model_id"], name="fk_model_tags_model_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("model_id", "key", name="uq_model_tags_model_id_key"),
    )
    op.create_index("ix_model_tags_value", "model_tags", ["key", "value", "model_id"], unique=False)
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER promotions_no_{change.lower()} BEFORE {change} ON promotions "
            "BEGIN SELECT RAISE(ABORT, 'the log of stages is added to, and never changed'); END"
        )


def downgrade() -> None:
    op.drop_index("ix_model_tags_value", table_name="model_tags")
    op.drop_table("model_tags")
    op.drop_index("ix_model_metrics_least", table_name="model_metrics")
    op.drop_index("ix_model_metrics_most", table_name="model_metrics")
    op.drop_table("model_metrics")
    op.drop_index("ix_model_aliases_model", table_name="model_aliases")
    op.drop_table("model_aliases")
    op.drop_table("used_versions")
    op.drop_index("ix_promotions_name", table_name="promotions")
    op.drop_table("promotions")
    op.drop_index("ux_models_production", table_name="models", sqlite_where=sa.text("stage = 'Production'"))
    op.drop_index("ix_models_version", table_name="models")
    op.drop_index("ix_models_type", table_name="models")
    op.drop_index("ix_models_stage", table_name="models")
    op.drop_index("ix_models_name_stage", table_name="models")
    op.drop_index("ix_models_run", table_name="models")
    op.drop_index("ix_models_name", table_name="models")
    op.drop_index("ix_models_dataset", table_name="models")
    op.drop_table("models")
