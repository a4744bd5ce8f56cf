"""Suites: runs on several datasets that are judged together"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "suites",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_suites"),
    )
    op.create_index("ix_suites_created", "suites", ["created_at", "id"])
    op.create_table(
        "suite_members",
        sa.Column("suite_id", sa.String(length=36), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("dataset", sa.String(length=200), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("request", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'started', 'failed')", name=op.f("ck_suite_members_state_known")
        ),
        sa.CheckConstraint(
            "state <> 'started' OR error = ''", name=op.f("ck_suite_members_started_has_no_error")
        ),
        sa.CheckConstraint("place >= 0", name=op.f("ck_suite_members_place_counted")),
        sa.ForeignKeyConstraint(["suite_id"], ["suites.id"], name="fk_suite_members_suite_id"),
        sa.PrimaryKeyConstraint("suite_id", "place", name="pk_suite_members"),
        sa.UniqueConstraint("run_id", name="uq_suite_members_run_id"),
    )
    op.create_index(
        "ix_suite_members_open",
        "suite_members",
        ["due_at"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )


def downgrade() -> None:
    op.drop_table("suite_members")
    op.drop_table("suites")
