"""Labels of runs, and schedules that are paused"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedule_pauses",
        sa.Column("schedule", sa.String(length=100), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paused_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("schedule", name="pk_schedule_pauses"),
    )
    op.create_table(
        "run_labels",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("labelled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("labelled_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["evaluation_runs.id"], name="fk_run_labels_run_id"),
        sa.PrimaryKeyConstraint("run_id", "label", name="pk_run_labels"),
    )
    op.create_index("ix_run_labels_label", "run_labels", ["label"])


def downgrade() -> None:
    op.drop_table("run_labels")
    op.drop_table("schedule_pauses")
