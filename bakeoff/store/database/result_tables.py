"""What jobs and runs give: results and what belongs to them, races, verdicts, savings and trackings.

evaluation_jobs 1 ── 0..1 evaluation_results       evaluation_runs 1 ── 0..1 verdicts
                1 ── 0..1 fitted_models                            1 ── 0..1 savings
                1 ── 0..1 provenances                              1 ── 0..1 trackings
                1 ── 0..1 curves                                   1 ── n    race_looks
                1 ── n    sketches
                1 ── n    fold_results
                1 ── n    shuffled_refits
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from bakeoff.store.database.table_conventions import Json, Utc, metadata

results = Table(
    "evaluation_results",
    metadata,
    Column("evaluation_id", String(36), ForeignKey("evaluation_jobs.id"), primary_key=True),
    Column("run_id", String(36), ForeignKey("evaluation_runs.id"), nullable=False),
    Column("model_id", String(100), nullable=False),
    Column("model_version", String(100), nullable=False),
    Column("dataset_id", String(64), nullable=False),
    Column("dataset_name", String(200), nullable=False),
    Column("split_id", String(64), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("metrics", Json, nullable=False),
    Column("details", Json, nullable=False),
    Column("intervals", Json, nullable=False, server_default="{}"),
    Column("timestamp", Utc, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("cost", Json, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("reused_from", String(36)),
    UniqueConstraint("run_id", "model_id", "model_version"),
    CheckConstraint("duration_s >= 0", name="duration_positive"),
    Index("ix_evaluation_results_figures", "reused_from", "duration_s"),
    Index("ix_evaluation_results_split", "split_id"),
)

sketches = Table(
    "sketches",
    metadata,
    Column("evaluation_id", String(36), ForeignKey("evaluation_jobs.id"), primary_key=True),
    Column("metric", String(200), primary_key=True),
    Column("sketch", LargeBinary, nullable=False),
)

curves = Table(
    "curves",
    metadata,
    Column("evaluation_id", String(36), ForeignKey("evaluation_jobs.id"), primary_key=True),
    Column("curves", Json, nullable=False),
)

fold_results = Table(
    "fold_results",
    metadata,
    Column("evaluation_id", String(36), ForeignKey("evaluation_jobs.id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("fold", Json, nullable=False),
    Column("made_at", Utc, nullable=False),
    Column("sketch", LargeBinary),  # of the metric that ranks, in a race
    CheckConstraint("place >= 0", name="place_counted"),
)

shuffled_refits = Table(
    "shuffled_refits",
    metadata,
    Column("evaluation_id", String(36), ForeignKey("evaluation_jobs.id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("made_of", String(64), nullable=False),
    Column("above_chance", Float, nullable=False),
    CheckConstraint("place >= 0", name="place_counted"),
)

race_looks = Table(
    "race_looks",
    metadata,
    Column("run_id", String(36), ForeignKey("evaluation_runs.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("look", Json, nullable=False),
    Column("made_at", Utc, nullable=False),
    CheckConstraint("number >= 1", name="number_counted"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("run_id", String(36), ForeignKey("evaluation_runs.id"), primary_key=True),
    Column("due_at", Utc, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("verdict", Json),
    Column("error", Text, nullable=False, server_default=""),
    Column("done_at", Utc),
    Column("densities", Json),
    CheckConstraint("verdict IS NULL OR done_at IS NOT NULL", name="verdict_is_done"),
    Index(
        "ix_verdicts_due",
        "due_at",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
)

fitted_models = Table(
    "fitted_models",
    metadata,
    Column("evaluation_id", String(36), ForeignKey("evaluation_jobs.id"), primary_key=True),
    Column("fitted", Json, nullable=False),
)

provenances = Table(
    "provenances",
    metadata,
    Column("evaluation_id", String(36), ForeignKey("evaluation_jobs.id"), primary_key=True),
    Column("model_id", String(100), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("parts", Json, nullable=False),
    Column("seen", Json, nullable=False),
    Column("obstacle", Text, nullable=False),
    Column("predictions", String(64), nullable=False),
    Column("probabilities", String(64)),
    Column("manifest", Json, nullable=False),
    Column("made_at", Utc, nullable=False),
    Index("ix_provenances_fingerprint", "fingerprint", "made_at"),
    Index("ix_provenances_model", "model_id", "made_at"),
)

savings = Table(
    "savings",
    metadata,
    Column("run_id", String(36), ForeignKey("evaluation_runs.id"), primary_key=True),
    Column("due_at", Utc, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("outcome", Json),
    Column("done_at", Utc),
    CheckConstraint("done_at IS NULL OR outcome IS NOT NULL", name="done_has_outcome"),
    Index(
        "ix_savings_due",
        "due_at",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
)

trackings = Table(
    "trackings",
    metadata,
    Column("run_id", String(36), ForeignKey("evaluation_runs.id"), primary_key=True),
    Column("due_at", Utc, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("error", Text, nullable=False, server_default=""),
    Column("address", Json),
    Column("done_at", Utc),
    CheckConstraint("done_at IS NULL OR address IS NOT NULL", name="done_has_address"),
    Index(
        "ix_trackings_due",
        "due_at",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
)
