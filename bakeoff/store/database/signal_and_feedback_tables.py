"""Signals, and items of other systems with the scores and labels that they have here.

model_signals     the answers of signal models, by the fingerprint of all that they depend on
ensemble_signals  the latest signal of the ensemble for each symbol and date
results 1 ── n feedback_labels    items of other systems, their scores, and the labels that people gave them
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from bakeoff.domain.scored_and_labelled_item import LONGEST_ID
from bakeoff.domain.signal import LONGEST_SYMBOL, SignalType
from bakeoff.store.database.table_conventions import Json, Utc, metadata, one_of

model_signals = Table(
    "model_signals",
    metadata,
    Column("model_id", String(100), primary_key=True),
    Column("fingerprint", String(64), primary_key=True),
    Column("as_of", Date, primary_key=True),
    Column("symbol", String(LONGEST_SYMBOL), primary_key=True),
    Column("model_version", String(100), nullable=False),
    Column("signal", String(16), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("expected_return", Float, nullable=False),
    Column("rank", Integer),
    Column("metadata", Json, nullable=False),
    Column("generated_at", Utc, nullable=False),
    one_of("signal", SignalType),
    CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence_bounded"),
    Index("ix_model_signals_symbol", "symbol", "as_of"),
)

ensemble_signals = Table(
    "ensemble_signals",
    metadata,
    Column("as_of", Date, primary_key=True),
    Column("symbol", String(LONGEST_SYMBOL), primary_key=True),
    Column("run_id", String(36)),
    Column("signal", String(16), nullable=False),
    Column("ensemble_score", Float, nullable=False),
    Column("model_signals", Json, nullable=False),
    Column("model_confidences", Json, nullable=False),
    Column("conflict", Boolean, nullable=False),
    Column("conflict_reason", Text),
    Column("expected_return", Float, nullable=False),
    Column("merit", Float, nullable=False),
    Column("generated_at", Utc, nullable=False),
    one_of("signal", SignalType),
    CheckConstraint("ensemble_score BETWEEN 0 AND 1", name="score_bounded"),
    CheckConstraint("conflict = (conflict_reason IS NOT NULL)", name="conflict_has_reason"),
    Index("ix_ensemble_signals_symbol", "symbol", "as_of"),
)

items = Table(
    "results",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(LONGEST_ID), nullable=False, unique=True),
    Column("features", Json, nullable=False),
    Column("received_at", Utc, nullable=False),
    Column("relevance_score", Float),
    Column("scored_at", Utc),
    Column("score_version", String(300)),
    CheckConstraint("relevance_score BETWEEN -1 AND 1", name="score_bounded"),
    CheckConstraint("(relevance_score IS NULL) = (score_version IS NULL)", name="score_has_version"),
    CheckConstraint("(relevance_score IS NULL) = (scored_at IS NULL)", name="score_has_time"),
    sqlite_autoincrement=True,
)

labels = Table(
    "feedback_labels",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("result_id", String(LONGEST_ID), ForeignKey("results.id"), nullable=False),
    Column("labelled_by", String(100), nullable=False),
    Column("label", Json, nullable=False),
    Column("labelled_at", Utc, nullable=False),
    UniqueConstraint("result_id", "labelled_by"),
    sqlite_autoincrement=True,
)
