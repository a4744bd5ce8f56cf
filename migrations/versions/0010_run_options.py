"""Options of a run that have no column of their own"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("evaluation_runs", sa.Column("options", sa.JSON(none_as_null=True)))


def downgrade() -> None:
    op.drop_column("evaluation_runs", "options")
