"""Which runs are logged to a tracking server, and how far that has come"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trackings",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "done_at IS NULL OR address IS NOT NULL", name=op.f("ck_trackings_done_has_address")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["evaluation_runs.id"], name="fk_trackings_run_id"),
        sa.PrimaryKeyConstraint("run_id", name="pk_trackings"),
    )
    op.create_index(
        "ix_trackings_due",
        "trackings",
        ["due_at"],
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("trackings")
