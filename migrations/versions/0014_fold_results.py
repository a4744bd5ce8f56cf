"""Folds of jobs, and the event that tells of one"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_BEFORE = (
    "'evaluation.started'",
    "'evaluation.completed'",
    "'evaluation.failed'",
    "'evaluation.cancelled'",
    "'SIGNAL_GENERATED'",
    "'run.completed'",
)
_SINCE = ("'evaluation.started'", "'evaluation.fold_completed'", *_BEFORE[1:])

_LAST_NUMBER = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")
_COUNT_ON = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', :last)")


def upgrade() -> None:
    _know_events(_SINCE)
    op.create_table(
        "fold_results",
        sa.Column("evaluation_id", sa.String(length=36), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("fold", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("place >= 0", name=op.f("ck_fold_results_place_counted")),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation_jobs.id"], name="fk_fold_results_evaluation_id"
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "place", name="pk_fold_results"),
    )


def downgrade() -> None:
    op.drop_table("fold_results")
    op.execute("DELETE FROM outbox WHERE event_type = 'evaluation.fold_completed'")
    _know_events(_BEFORE)


def _know_events(types: tuple[str, ...]) -> None:
    """SQLite's way is a new table, which would count on from the last row that is still there."""
    is_sqlite = op.get_context().dialect.name == "sqlite"
    last = op.get_bind().execute(_LAST_NUMBER).scalar() if is_sqlite else None
    with op.batch_alter_table("outbox", table_kwargs={"sqlite_autoincrement": True}) as outbox:
        outbox.drop_constraint(op.f("ck_outbox_event_type_known"), type_="check")
        outbox.create_check_constraint(
            op.f("ck_outbox_event_type_known"), f"event_type IN ({', '.join(types)})"
        )
    if is_sqlite:
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'outbox'")
    if last is not None:
        op.get_bind().execute(_COUNT_ON, {"last": last})
