"""Runs of signal models, the answers of the models, and the signals of their ensemble"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True)
_FIVE = "signal IN ('STRONG_BUY', 'BUY', 'HOLD', 'SELL', 'STRONG_SELL')"
_EVENTS = "'evaluation.started', 'evaluation.completed', 'evaluation.failed', 'evaluation.cancelled'"

_LAST_NUMBER = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")
_COUNT_ON = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', :last)")


def upgrade() -> None:
    op.add_column("evaluation_runs", sa.Column("signals", _JSON))
    op.add_column("evaluation_jobs", sa.Column("commission", _JSON))
    _know_events(f"{_EVENTS}, 'SIGNAL_GENERATED', 'run.completed'")

    op.create_table(
        "model_signals",
        sa.Column("model_id", sa.String(length=100), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("model_version", sa.String(length=100), nullable=False),
        sa.Column("signal", sa.String(length=16), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("expected_return", sa.Float(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("metadata", _JSON, nullable=False),
        sa.Column("generated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(_FIVE, name=op.f("ck_model_signals_signal_known")),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name=op.f("ck_model_signals_confidence_bounded")),
        sa.PrimaryKeyConstraint("model_id", "fingerprint", "as_of", "symbol", name="pk_model_signals"),
    )
    op.create_index("ix_model_signals_symbol", "model_signals", ["symbol", "as_of"])

    op.create_table(
        "ensemble_signals",
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=True),
        sa.Column("signal", sa.String(length=16), nullable=False),
        sa.Column("ensemble_score", sa.Float(), nullable=False),
        sa.Column("model_signals", _JSON, nullable=False),
        sa.Column("model_confidences", _JSON, nullable=False),
        sa.Column("conflict", sa.Boolean(), nullable=False),
        sa.Column("conflict_reason", sa.Text(), nullable=True),
        sa.Column("expected_return", sa.Float(), nullable=False),
        sa.Column("merit", sa.Float(), nullable=False),
        sa.Column("generated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(_FIVE, name=op.f("ck_ensemble_signals_signal_known")),
        sa.CheckConstraint("ensemble_score BETWEEN 0 AND 1", name=op.f("ck_ensemble_signals_score_bounded")),
        sa.CheckConstraint(
            "conflict = (conflict_reason IS NOT NULL)", name=op.f("ck_ensemble_signals_conflict_has_reason")
        ),
        sa.PrimaryKeyConstraint("as_of", "symbol", name="pk_ensemble_signals"),
    )
    op.create_index("ix_ensemble_signals_symbol", "ensemble_signals", ["symbol", "as_of"])


def downgrade() -> None:
    op.drop_table("ensemble_signals")
    op.drop_table("model_signals")
    op.execute("DELETE FROM outbox WHERE event_type = 'SIGNAL_GENERATED'")
    _know_events(f"{_EVENTS}, 'run.completed'")
    op.drop_column("evaluation_jobs", "commission")
    op.drop_column("evaluation_runs", "signals")


def _know_events(types: str) -> None:
    """SQLite's way is a new table, which would count on from the last row that is still there."""
    is_sqlite = op.get_context().dialect.name == "sqlite"
    last = op.get_bind().execute(_LAST_NUMBER).scalar() if is_sqlite else None
    _change_events(types)
    if is_sqlite:
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'outbox'")
    if last is not None:
        op.get_bind().execute(_COUNT_ON, {"last": last})


def _change_events(types: str) -> None:
    with op.batch_alter_table("outbox", table_kwargs={"sqlite_autoincrement": True}) as outbox:
        outbox.drop_constraint(op.f("ck_outbox_event_type_known"), type_="check")
        outbox.create_check_constraint(op.f("ck_outbox_event_type_known"), f"event_type IN ({types})")
