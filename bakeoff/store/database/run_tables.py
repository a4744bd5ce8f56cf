"""Runs, their jobs, and the words by which people find runs again.

evaluation_runs 1 ── n evaluation_jobs   a candidate in a run, or a fold that is a job of its own
                1 ── n run_labels
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    literal_column,
    text,
)

from bakeoff.domain.runs.job import JobKind, JobState
from bakeoff.domain.runs.run import LONGEST_LABEL, PRIORITIES, RunState
from bakeoff.store.database.table_conventions import Json, Utc, id_column, metadata, one_of, quoted

#: `served_at` of a run that was never served. Not NULL, whose place in an order depends on the database.
_NEVER = "'1970-01-01 00:00:00+00:00'"

_RUN_OVER = quoted(state for state in RunState if state.has_ended)
_JOB_OVER = quoted(state for state in JobState if state.has_ended)

runs = Table(
    "evaluation_runs",
    metadata,
    id_column(),
    Column("name", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("dataset_id", String(64), nullable=False),
    Column("split_id", String(64), nullable=False),
    Column("dataset", Json, nullable=False),
    Column("rules", Json, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("test_size", Float, nullable=False),
    Column("baseline_id", String(100)),
    Column("repeat_check", Boolean, nullable=False),
    Column("retry_of", String(36), ForeignKey("evaluation_runs.id")),
    Column("request_digest", String(64)),
    Column("created_at", Utc, nullable=False),
    Column("started_at", Utc),
    Column("ended_at", Utc),
    Column("save", Json),
    Column(
        "priority",
        Integer,
        CheckConstraint(f"priority BETWEEN {min(PRIORITIES)} AND {max(PRIORITIES)}", name="priority_bounded"),
        nullable=False,
        server_default=text("0"),
    ),
    Column("served_at", Utc, nullable=False, server_default=text(_NEVER)),
    Column("signals", Json),
    Column("options", Json),  # of the request, those that have no column of their own
    Column("findings", Json),  # on its data; null: none
    one_of("state", RunState),
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
    id_column(),
    Column("run_id", String(36), ForeignKey("evaluation_runs.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("model_id", String(100), nullable=False),
    Column("model_version", String(100), nullable=False),
    Column("candidate", Json, nullable=False),
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
    Column("error", Json),
    Column("reuses", String(36)),
    Column("commission", Json),
    Column("part_of", String(36)),  # the job whose fold it fits; null: it is no part of another
    Column("place", Integer),  # of that fold
    UniqueConstraint("run_id", "model_id", "model_version"),
    one_of("state", JobState),
    one_of("kind", JobKind),
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
    Index("ix_evaluation_jobs_run_state", "run_id", "state", "part_of"),
    Index("ix_evaluation_jobs_figures", "state", "created_at", "attempt"),
    # Of parts alone: else SQLite would look for the jobs of some runs by `part_of IS NULL`, which is true of
    # nearly every job.
    Index(
        "ix_evaluation_jobs_part_of_place",
        "part_of",
        "place",
        sqlite_where=text("part_of IS NOT NULL"),
        postgresql_where=text("part_of IS NOT NULL"),
    ),
)

#: Written out and not bound: otherwise the database would not see that the partial indexes apply.
IS_QUEUED = jobs.c.state == literal_column("'queued'")
IS_RUNNING = jobs.c.state == literal_column("'running'")
#: The jobs that people count: one for each candidate. Folds that are jobs of their own are parts of them.
IS_WHOLE = jobs.c.part_of.is_(None)

run_labels = Table(
    "run_labels",
    metadata,
    Column("run_id", String(36), ForeignKey("evaluation_runs.id"), primary_key=True),
    Column("label", String(LONGEST_LABEL), primary_key=True),
    Column("labelled_at", Utc, nullable=False),
    Column("labelled_by", String(64), nullable=False),
    Index("ix_run_labels_label", "label"),
)
