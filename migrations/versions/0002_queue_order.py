"""The order of the queue: priorities of runs, and when each was served last"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_QUEUED = sa.text("state = 'queued'")
_OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.execute(
        "ALTER TABLE evaluation_runs ADD COLUMN priority INTEGER DEFAULT 0 NOT NULL "
        "CONSTRAINT ck_evaluation_runs_priority_bounded CHECK (priority BETWEEN -100 AND 100)"
    )
    op.add_column(
        "evaluation_runs",
        sa.Column(
            "served_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("'1970-01-01 00:00:00+00:00'"),
            nullable=False,
        ),
    )
    op.create_index(
        "ix_evaluation_runs_line",
        "evaluation_runs",
        [sa.text("priority DESC"), "served_at", "created_at", "id"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.drop_index("ix_evaluation_jobs_waiting", "evaluation_jobs")
    op.create_index(
        "ix_evaluation_jobs_waiting",
        "evaluation_jobs",
        ["run_id", "position"],
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    )


def downgrade() -> None:
    op.drop_index("ix_evaluation_jobs_waiting", "evaluation_jobs")
    op.create_index(
        "ix_evaluation_jobs_waiting",
        "evaluation_jobs",
        ["state", "created_at", "position"],
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    )
    op.drop_index("ix_evaluation_runs_line", "evaluation_runs")
    op.drop_column("evaluation_runs", "served_at")
    op.drop_column("evaluation_runs", "priority")
