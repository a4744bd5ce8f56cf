"""Densities of the differences between the candidates of a run"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("verdicts", sa.Column("densities", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("verdicts", "densities")
