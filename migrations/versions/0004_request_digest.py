"""The digest of a request, by which a repeated one is recognised; an index of events by run"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("evaluation_runs", sa.Column("request_digest", sa.String(length=64), nullable=True))
    op.create_index("ix_outbox_run", "outbox", ["run_id", "position"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_outbox_run", "outbox")
    op.drop_column("evaluation_runs", "request_digest")
