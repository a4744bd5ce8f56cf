"""Saved models"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("evaluation_runs", sa.Column("save", sa.JSON(none_as_null=True), nullable=True))

    op.create_table(
        "fitted_models",
        sa.Column("evaluation_id", sa.String(length=36), nullable=False),
        sa.Column("fitted", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation_jobs.id"], name="fk_fitted_models_evaluation_id"
        ),
        sa.PrimaryKeyConstraint("evaluation_id", name="pk_fitted_models"),
    )

    op.create_table(
        "savings",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "done_at IS NULL OR outcome IS NOT NULL", name=op.f("ck_savings_done_has_outcome")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["evaluation_runs.id"], name="fk_savings_run_id"),
        sa.PrimaryKeyConstraint("run_id", name="pk_savings"),
    )
    op.create_index(
        "ix_savings_due",
        "savings",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_savings_due", "savings")
    op.drop_table("savings")
    op.drop_table("fitted_models")
    op.drop_column("evaluation_runs", "save")
