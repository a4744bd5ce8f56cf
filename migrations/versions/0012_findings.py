"""Findings on the data of a run"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("evaluation_runs", sa.Column("findings", sa.JSON(none_as_null=True)))


def downgrade() -> None:
    op.drop_column("evaluation_runs", "findings")
