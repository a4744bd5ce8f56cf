"""Refits of candidates to shuffled labels"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shuffled_refits",
        sa.Column("evaluation_id", sa.String(length=36), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("made_of", sa.String(length=64), nullable=False),
        sa.Column("above_chance", sa.Float(), nullable=False),
        sa.CheckConstraint("place >= 0", name=op.f("ck_shuffled_refits_place_counted")),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation_jobs.id"], name="fk_shuffled_refits_evaluation_id"
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "place", name="pk_shuffled_refits"),
    )


def downgrade() -> None:
    op.drop_table("shuffled_refits")
