"""The tables of the database of runs. Constraints repeat the rules of the domain: illegal rows are refused.

evaluation_runs 1 ── n evaluation_jobs 1 ── 0..1 evaluation_results
                1 ── 0..1 savings              1 ── 0..1 fitted_models
                1 ── 0..1 trackings
                1 ── 0..1 verdicts             1 ── 0..1 provenances
                                               1 ── n    sketches
                                               1 ── n    fold_results
                                               1 ── n    shuffled_refits
                1 ── n    race_looks
audit_log         what users have changed over HTTP
outbox            events that are to be published, in the order in which they happened
candidate_loads   why candidates were rejected, the last hundred rejections of each
suites 1 ── n suite_members       which runs are judged together, over several datasets
schedules         until when slots of each schedule were noted; the last thousand are in schedule_slots
schedule_pauses   schedules that start nothing until they are resumed
run_labels        words by which people find runs again
results 1 ── n feedback_labels    items of other systems, their scores, and the labels that people gave them
model_signals     the answers of signal models, by the fingerprint of all that they depend on
ensemble_signals  the latest signal of the ensemble for each symbol and date
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    literal_column,
    text,
)

from bakeoff.domain.event import EventType
from bakeoff.domain.feedback_item import LONGEST_ID
from bakeoff.domain.runs.job import JobKind, JobState
from bakeoff.domain.runs.run import LONGEST_LABEL, PRIORITIES, RunState
from bakeoff.domain.runs.schedule import SlotState
from bakeoff.domain.runs.suite import MemberState
from bakeoff.domain.signal import LONGEST_SYMBOL, SignalType


class Utc(TypeDecorator[datetime]):
    """A time that is aware in Python, and UTC in the database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


NAMING = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

metadata = MetaData(naming_convention=NAMING)

_Json = JSON(none_as_null=True)


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({_quoted(values)})", name=f"{column}_known")


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _id(**options: Any) -> Column[str]:
    return Column("id", String(36), primary_key=True, **options)


#: `served_at` of a run that was never served. Not NULL, whose place in an order depends on the database.
_NEVER = "'1970-01-01 00:00:00+00:00'"

_RUN_OVER = _quoted(state for state in RunState if state.has_ended)
_JOB_OVER = _quoted(state for state in JobState if state.has_ended)

runs = Table(
    "evaluation_runs",
    metadata,
    _id(),
    Column("name", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("dataset_id", String(64), nullable=False),
    Column("split_id", String(64), nullable=False),
    Column("dataset", _Json, nullable=False),
    Column("rules", _Json, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("test_size", Float, nullable=False),
    Column("baseline_id", String(100)),
    Column("repeat_check", Boolean, nullable=False),
    Column("retry_of", String(36), ForeignKey("evaluation_runs.id")),
    Column("request_digest", String(64)),
    Column("created_at", Utc, nullable=False),
    Column("started_at", Utc),
    Column("ended_at", Utc),
    Column("save", _Json),
    Column(
        "priority",
        Integer,
        CheckConstraint(f"priority BETWEEN {min(PRIORITIES)} AND {max(PRIORITIES)}", name="priority_bounded"),
        nullable=False,
        server_default=text("0"),
    ),
    Column("served_at", Utc, nullable=False, server_default=text(_NEVER)),
    Column("signals", _Json),
    Column("options", _Json),  # of the request, those that have no column of their own
    Column("findings", _Json),  # on its data; null: none
    _one_of("state", RunState),
    CheckConstraint(f"(state IN ({_RUN_OVER})) = (ended_at IS NOT NULL)", name="ended_has_time"),
    CheckConstraint("state <> 'running' OR started_at IS NOT NULL", name="running_has_start"),
    Index("ix_evaluation_runs_created", "created_at", "id"),
)
Index(
    "ix_evaluation_runs_line",
    runs.c.priority.desc(),
    runs.c.served_at,
    runs.c.created_at,
    runs.c.id,
    sqlite_where=text("ended_at IS NULL"),
    postgresql_where=text("ended_at IS NULL"),
)

jobs = Table(
    "evaluation_jobs",
    metadata,
    _id(),
    Column("run_id", String(36), ForeignKey("evaluation_runs.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("model_id", String(100), nullable=False),
    Column("model_version", String(100), nullable=False),
    Column("candidate", _Json, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("timeout_s", Float, nullable=False),
    Column("position", Integer, nullable=False),
    Column("node", String(255)),
    Column("worker", String(255)),
    Column("lease_token", String(36)),
    Column("lease_expires_at", Utc),
    Column("created_at", Utc, nullable=False),
    Column("started_at", Utc),
    Column("ended_at", Utc),
    Column("cancel_requested_at", Utc),
    Column("error", _Json),
    Column("reuses", String(36)),
    Column("commission", _Json),
    Column("part_of", String(36)),  # the job whose fold it fits; null: it is no part of another
    Column("place", Integer),  # of that fold
    UniqueConstraint("run_id", "model_id", "model_version"),
    _one_of("state", JobState),
    _one_of("kind", JobKind),
    CheckConstraint("attempt BETWEEN 0 AND max_attempts", name="attempts_bounded"),
    CheckConstraint("(state = 'running') = (lease_token IS NOT NULL)", name="running_has_lease"),
    CheckConstraint("(lease_token IS NULL) = (lease_expires_at IS NULL)", name="lease_expires"),
    CheckConstraint("state <> 'running' OR (attempt >= 1 AND node IS NOT NULL)", name="running_has_claim"),
    CheckConstraint(f"(state IN ({_JOB_OVER})) = (ended_at IS NOT NULL)", name="ended_has_time"),
    CheckConstraint("(state IN ('failed', 'timed_out')) = (error IS NOT NULL)", name="failed_has_error"),
    Index(
        "ix_evaluation_jobs_waiting",
        "run_id",
        "position",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index(
        "ix_evaluation_jobs_leased",
        "state",
        "node",
        "lease_expires_at",
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
    Index("ix_evaluation_jobs_run_state", "run_id", "state"),
    Index("ix_evaluation_jobs_figures", "state", "created_at", "attempt"),
    Index("ix_evaluation_jobs_part_of_place", "part_of", "place"),
)

#: Written out and not bound: otherwise the database would not see that the partial indexes apply.
IS_QUEUED = jobs.c.state == literal_column("'queued'")
IS_RUNNING = jobs.c.state == literal_column("'running'")
#: The jobs that people count: one for each candidate. Folds that are jobs of their own are parts of them.
IS_WHOLE = jobs.c.part_of.is_(None)

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
    Column("metrics", _Json, nullable=False),
    Column("details", _Json, nullable=False),
    Column("intervals", _Json, nullable=False, server_default="{}"),
    Column("timestamp", Utc, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("cost", _Json, nullable=False),
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
    Column("curves", _Json, nullable=False),
)

fold_results = Table(
    "fold_results",
    metadata,
    Column("evaluation_id", String(36), ForeignKey("evaluation_jobs.id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("fold", _Json, nullable=False),
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
    Column("look", _Json, nullable=False),
    Column("made_at", Utc, nullable=False),
    CheckConstraint("number >= 1", name="number_counted"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("run_id", String(36), ForeignKey("evaluation_runs.id"), primary_key=True),
    Column("due_at", Utc, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("verdict", _Json),
    Column("error", Text, nullable=False, server_default=""),
    Column("done_at", Utc),
    Column("densities", _Json),
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
    Column("fitted", _Json, nullable=False),
)

provenances = Table(
    "provenances",
    metadata,
    Column("evaluation_id", String(36), ForeignKey("evaluation_jobs.id"), primary_key=True),
    Column("model_id", String(100), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("parts", _Json, nullable=False),
    Column("seen", _Json, nullable=False),
    Column("obstacle", Text, nullable=False),
    Column("predictions", String(64), nullable=False),
    Column("probabilities", String(64)),
    Column("manifest", _Json, nullable=False),
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
    Column("outcome", _Json),
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
    Column("address", _Json),
    Column("done_at", Utc),
    CheckConstraint("done_at IS NULL OR address IS NOT NULL", name="done_has_address"),
    Index(
        "ix_trackings_due",
        "due_at",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
)

outbox = Table(
    "outbox",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("event_id", String(36), nullable=False, unique=True),
    Column("event_type", String(40), nullable=False),
    Column("run_id", String(36), nullable=False),
    Column("occurred_at", Utc, nullable=False),
    Column("payload", _Json, nullable=False),
    Column("published_at", Utc),
    _one_of("event_type", EventType),
    Index(
        "ix_outbox_unpublished",
        "position",
        sqlite_where=text("published_at IS NULL"),
        postgresql_where=text("published_at IS NULL"),
    ),
    Index("ix_outbox_run", "run_id", "position"),
    sqlite_autoincrement=True,
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("asked_at", Utc, nullable=False),
    Column("name", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("method", String(16), nullable=False),
    Column("path", Text, nullable=False),
    Column("status", Integer),
    Column("led_to", Text),
    sqlite_autoincrement=True,
)

candidate_loads = Table(
    "candidate_loads",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("candidate_id", String(100), nullable=False),
    Column("version", String(100), nullable=False),
    Column("path", Text, nullable=False),
    Column("rejected_at", Utc, nullable=False),
    Column("cause", Text, nullable=False),
    Column("fix", Text, nullable=False),
    Column("traceback", Text, nullable=False),
    Index("ix_candidate_loads_candidate", "candidate_id", "position"),
)

schedules = Table(
    "schedules",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("rule", Text, nullable=False),
    Column("noted_until", Utc, nullable=False),
)

schedule_slots = Table(
    "schedule_slots",
    metadata,
    Column("schedule", String(100), primary_key=True),
    Column("slot_at", Utc, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("run_id", String(36), nullable=False, unique=True),
    Column("due_at", Utc, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("error", Text, nullable=False),
    _one_of("state", SlotState),
    CheckConstraint("state <> 'started' OR error = ''", name="started_has_no_error"),
    Index(
        "ix_schedule_slots_open",
        "due_at",
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)

suites = Table(
    "suites",
    metadata,
    _id(),
    Column("name", String(200), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("verdict", _Json),
    Index("ix_suites_created", "created_at", "id"),
)

suite_members = Table(
    "suite_members",
    metadata,
    Column("suite_id", String(36), ForeignKey("suites.id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("dataset", String(200), nullable=False),
    Column("run_id", String(36), nullable=False, unique=True),
    Column("request", _Json, nullable=False),
    Column("state", String(16), nullable=False),
    Column("due_at", Utc, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("error", Text, nullable=False),
    _one_of("state", MemberState),
    CheckConstraint("state <> 'started' OR error = ''", name="started_has_no_error"),
    CheckConstraint("place >= 0", name="place_counted"),
    Index(
        "ix_suite_members_open",
        "due_at",
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)

schedule_pauses = Table(
    "schedule_pauses",
    metadata,
    Column("schedule", String(100), primary_key=True),
    Column("paused_at", Utc, nullable=False),
    Column("paused_by", String(64), nullable=False),
)

run_labels = Table(
    "run_labels",
    metadata,
    Column("run_id", String(36), ForeignKey("evaluation_runs.id"), primary_key=True),
    Column("label", String(LONGEST_LABEL), primary_key=True),
    Column("labelled_at", Utc, nullable=False),
    Column("labelled_by", String(64), nullable=False),
    Index("ix_run_labels_label", "label"),
)

items = Table(
    "results",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(LONGEST_ID), nullable=False, unique=True),
    Column("features", _Json, nullable=False),
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
    Column("label", _Json, nullable=False),
    Column("labelled_at", Utc, nullable=False),
    UniqueConstraint("result_id", "labelled_by"),
    sqlite_autoincrement=True,
)

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
    Column("metadata", _Json, nullable=False),
    Column("generated_at", Utc, nullable=False),
    _one_of("signal", SignalType),
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
    Column("model_signals", _Json, nullable=False),
    Column("model_confidences", _Json, nullable=False),
    Column("conflict", Boolean, nullable=False),
    Column("conflict_reason", Text),
    Column("expected_return", Float, nullable=False),
    Column("merit", Float, nullable=False),
    Column("generated_at", Utc, nullable=False),
    _one_of("signal", SignalType),
    CheckConstraint("ensemble_score BETWEEN 0 AND 1", name="score_bounded"),
    CheckConstraint("conflict = (conflict_reason IS NOT NULL)", name="conflict_has_reason"),
    Index("ix_ensemble_signals_symbol", "symbol", "as_of"),
)
