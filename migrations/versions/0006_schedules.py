"""Schedules and their slots"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("noted_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_schedules"),
    )
    op.create_table(
        "schedule_slots",
        sa.Column("schedule", sa.String(length=100), nullable=False),
        sa.Column("slot_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'started', 'missed')", name=op.f("ck_schedule_slots_state_known")
        ),
        sa.CheckConstraint(
            "state <> 'started' OR error = ''", name=op.f("ck_schedule_slots_started_has_no_error")
        ),
        sa.PrimaryKeyConstraint("schedule", "slot_at", name="pk_schedule_slots"),
        sa.UniqueConstraint("run_id", name="uq_schedule_slots_run_id"),
    )
    op.create_index(
        "ix_schedule_slots_open",
        "schedule_slots",
        ["due_at"],
        unique=False,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )


def downgrade() -> None:
    op.drop_index("ix_schedule_slots_open", "schedule_slots")
    op.drop_table("schedule_slots")
    op.drop_table("schedules")
