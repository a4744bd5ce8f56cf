"""Indexes for the counts of the metrics endpoint"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_evaluation_jobs_figures", "evaluation_jobs", ["state", "created_at", "attempt"])
    op.create_index("ix_evaluation_results_figures", "evaluation_results", ["reused_from", "duration_s"])


def downgrade() -> None:
    op.drop_index("ix_evaluation_results_figures", "evaluation_results")
    op.drop_index("ix_evaluation_jobs_figures", "evaluation_jobs")
