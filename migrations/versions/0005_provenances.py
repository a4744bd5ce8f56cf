"""The provenance of results, so that another run may reuse them; jobs that only score"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("evaluation_jobs", sa.Column("reuses", sa.String(length=36), nullable=True))
    op.create_table(
        "provenances",
        sa.Column("evaluation_id", sa.String(length=36), nullable=False),
        sa.Column("model_id", sa.String(length=100), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.Column("obstacle", sa.Text(), nullable=False),
        sa.Column("predictions", sa.String(length=64), nullable=False),
        sa.Column("probabilities", sa.String(length=64), nullable=True),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation_jobs.id"], name="fk_provenances_evaluation_id"
        ),
        sa.PrimaryKeyConstraint("evaluation_id", name="pk_provenances"),
    )
    op.create_index("ix_provenances_fingerprint", "provenances", ["fingerprint", "made_at"], unique=False)
    op.create_index("ix_provenances_model", "provenances", ["model_id", "made_at"], unique=False)


def downgrade() -> None:
    op.drop_table("provenances")
    op.drop_column("evaluation_jobs", "reuses")
