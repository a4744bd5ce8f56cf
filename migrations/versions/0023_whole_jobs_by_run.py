"""Indexes by which the jobs of some runs are counted without a look at those of all others

Nearly every job is no part of another, so an index must not offer them as those whose `part_of` is null.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_JOBS = "evaluation_jobs"
_PARTS = sa.text("part_of IS NOT NULL")


def upgrade() -> None:
    op.drop_index("ix_evaluation_jobs_part_of_place", _JOBS)
    op.create_index(
        "ix_evaluation_jobs_part_of_place",
        _JOBS,
        ["part_of", "place"],
        sqlite_where=_PARTS,
        postgresql_where=_PARTS,
    )
    op.drop_index("ix_evaluation_jobs_run_state", _JOBS)
    op.create_index("ix_evaluation_jobs_run_state", _JOBS, ["run_id", "state", "part_of"])


def downgrade() -> None:
    op.drop_index("ix_evaluation_jobs_run_state", _JOBS)
    op.create_index("ix_evaluation_jobs_run_state", _JOBS, ["run_id", "state"])
    op.drop_index("ix_evaluation_jobs_part_of_place", _JOBS)
    op.create_index("ix_evaluation_jobs_part_of_place", _JOBS, ["part_of", "place"])
