"""Curves of results: ROC, precision and recall, calibration, residuals"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "curves",
        sa.Column("evaluation_id", sa.String(length=36), nullable=False),
        sa.Column("curves", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluation_jobs.id"], name="fk_curves_evaluation_id"),
        sa.PrimaryKeyConstraint("evaluation_id", name="pk_curves"),
    )


def downgrade() -> None:
    op.drop_table("curves")
