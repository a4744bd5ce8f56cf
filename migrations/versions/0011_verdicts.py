"""Sketches of scores, their intervals, and the verdicts of runs"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.add_column("evaluation_results", sa.Column("intervals", _JSON, nullable=False, server_default="{}"))
    op.create_index("ix_evaluation_results_split", "evaluation_results", ["split_id"])

    op.create_table(
        "sketches",
        sa.Column("evaluation_id", sa.String(length=36), nullable=False),
        sa.Column("metric", sa.String(length=200), nullable=False),
        sa.Column("sketch", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluation_jobs.id"], name="fk_sketches_evaluation_id"),
        sa.PrimaryKeyConstraint("evaluation_id", "metric", name="pk_sketches"),
    )

    op.create_table(
        "verdicts",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("verdict", _JSON, nullable=True),
        sa.Column("error", sa.Text(), nullable=False, server_default=""),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "verdict IS NULL OR done_at IS NOT NULL", name=op.f("ck_verdicts_verdict_is_done")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["evaluation_runs.id"], name="fk_verdicts_run_id"),
        sa.PrimaryKeyConstraint("run_id", name="pk_verdicts"),
    )
    op.create_index(
        "ix_verdicts_due",
        "verdicts",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_verdicts_due", "verdicts")
    op.drop_table("verdicts")
    op.drop_table("sketches")
    op.drop_index("ix_evaluation_results_split", "evaluation_results")
    op.drop_column("evaluation_results", "intervals")
