"""Folds as jobs of their own: which job they are parts of, and which fold each of them fits"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("evaluation_jobs", sa.Column("part_of", sa.String(36)))
    op.add_column("evaluation_jobs", sa.Column("place", sa.Integer()))
    op.create_index("ix_evaluation_jobs_part_of_place", "evaluation_jobs", ["part_of", "place"])


def downgrade() -> None:
    """What the parts have kept is kept by the jobs that they are parts of. These fit the other folds."""
    op.execute("DELETE FROM evaluation_jobs WHERE part_of IS NOT NULL")
    op.drop_index("ix_evaluation_jobs_part_of_place", "evaluation_jobs")
    op.drop_column("evaluation_jobs", "place")
    op.drop_column("evaluation_jobs", "part_of")
