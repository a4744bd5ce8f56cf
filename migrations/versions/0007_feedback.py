"""Items of other systems, their scores, and the labels that they are given"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "results",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("features", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("relevance_score", sa.Float(), nullable=True),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("score_version", sa.String(length=300), nullable=True),
        sa.CheckConstraint("relevance_score BETWEEN -1 AND 1", name=op.f("ck_results_score_bounded")),
        sa.CheckConstraint(
            "(relevance_score IS NULL) = (score_version IS NULL)", name=op.f("ck_results_score_has_version")
        ),
        sa.CheckConstraint(
            "(relevance_score IS NULL) = (scored_at IS NULL)", name=op.f("ck_results_score_has_time")
        ),
        sa.PrimaryKeyConstraint("position", name="pk_results"),
        sa.UniqueConstraint("id", name="uq_results_id"),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "feedback_labels",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("result_id", sa.String(length=200), nullable=False),
        sa.Column("labelled_by", sa.String(length=100), nullable=False),
        sa.Column("label", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("labelled_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["result_id"], ["results.id"], name="fk_feedback_labels_result_id"),
        sa.PrimaryKeyConstraint("position", name="pk_feedback_labels"),
        sa.UniqueConstraint("result_id", "labelled_by", name="uq_feedback_labels_result_id_labelled_by"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("feedback_labels")
    op.drop_table("results")
