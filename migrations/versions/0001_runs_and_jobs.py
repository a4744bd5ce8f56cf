"""Runs, jobs, results, the outbox, and why candidates were rejected"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "candidate_loads",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("candidate_id", sa.String(length=100), nullable=False),
        sa.Column("version", sa.String(length=100), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("traceback", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_candidate_loads"),
    )
    op.create_index(
        "ix_candidate_loads_candidate", "candidate_loads", ["candidate_id", "position"], unique=False
    )

    op.create_table(
        "evaluation_runs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("dataset_id", sa.String(length=64), nullable=False),
        sa.Column("split_id", sa.String(length=64), nullable=False),
        sa.Column("dataset", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("rules", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("test_size", sa.Float(), nullable=False),
        sa.Column("baseline_id", sa.String(length=100), nullable=True),
        sa.Column("repeat_check", sa.Boolean(), nullable=False),
        sa.Column("retry_of", sa.String(length=36), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('completed', 'partial', 'failed', 'cancelled')) = (ended_at IS NOT NULL)",
            name=op.f("ck_evaluation_runs_ended_has_time"),
        ),
        sa.CheckConstraint(
            "state <> 'running' OR started_at IS NOT NULL", name=op.f("ck_evaluation_runs_running_has_start")
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'completed', 'partial', 'failed', 'cancelled')",
            name=op.f("ck_evaluation_runs_state_known"),
        ),
        sa.ForeignKeyConstraint(["retry_of"], ["evaluation_runs.id"], name="fk_evaluation_runs_retry_of"),
        sa.PrimaryKeyConstraint("id", name="pk_evaluation_runs"),
    )
    op.create_index("ix_evaluation_runs_created", "evaluation_runs", ["created_at", "id"], unique=False)

    op.create_table(
        "outbox",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("event_type", sa.String(length=40), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "event_type IN ('evaluation.started', 'evaluation.completed', 'evaluation.failed', 'evaluation.cancelled', 'run.completed')",
            name=op.f("ck_outbox_event_type_known"),
        ),
        sa.PrimaryKeyConstraint("position", name="pk_outbox"),
        sa.UniqueConstraint("event_id", name="uq_outbox_event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_outbox_unpublished",
        "outbox",
        ["position"],
        unique=False,
        sqlite_where=sa.text("published_at IS NULL"),
        postgresql_where=sa.text("published_at IS NULL"),
    )

    op.create_table(
        "evaluation_jobs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("model_id", sa.String(length=100), nullable=False),
        sa.Column("model_version", sa.String(length=100), nullable=False),
        sa.Column("candidate", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("timeout_s", sa.Float(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("node", sa.String(length=255), nullable=True),
        sa.Column("worker", sa.String(length=255), nullable=True),
        sa.Column("lease_token", sa.String(length=36), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.JSON(none_as_null=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'running') = (lease_token IS NOT NULL)",
            name=op.f("ck_evaluation_jobs_running_has_lease"),
        ),
        sa.CheckConstraint(
            "(state IN ('completed', 'failed', 'timed_out', 'cancelled')) = (ended_at IS NOT NULL)",
            name=op.f("ck_evaluation_jobs_ended_has_time"),
        ),
        sa.CheckConstraint(
            "(state IN ('failed', 'timed_out')) = (error IS NOT NULL)",
            name=op.f("ck_evaluation_jobs_failed_has_error"),
        ),
        sa.CheckConstraint("kind IN ('evaluation', 'signals')", name=op.f("ck_evaluation_jobs_kind_known")),
        sa.CheckConstraint(
            "state <> 'running' OR (attempt >= 1 AND node IS NOT NULL)",
            name=op.f("ck_evaluation_jobs_running_has_claim"),
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'completed', 'failed', 'timed_out', 'cancelled')",
            name=op.f("ck_evaluation_jobs_state_known"),
        ),
        sa.CheckConstraint(
            "(lease_token IS NULL) = (lease_expires_at IS NULL)",
            name=op.f("ck_evaluation_jobs_lease_expires"),
        ),
        sa.CheckConstraint(
            "attempt BETWEEN 0 AND max_attempts", name=op.f("ck_evaluation_jobs_attempts_bounded")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["evaluation_runs.id"], name="fk_evaluation_jobs_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_evaluation_jobs"),
        sa.UniqueConstraint(
            "run_id", "model_id", "model_version", name="uq_evaluation_jobs_run_id_model_id_model_version"
        ),
    )
    op.create_index(
        "ix_evaluation_jobs_leased",
        "evaluation_jobs",
        ["state", "node", "lease_expires_at"],
        unique=False,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index("ix_evaluation_jobs_run_state", "evaluation_jobs", ["run_id", "state"], unique=False)
    op.create_index(
        "ix_evaluation_jobs_waiting",
        "evaluation_jobs",
        ["state", "created_at", "position"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )

    op.create_table(
        "evaluation_results",
        sa.Column("evaluation_id", sa.String(length=36), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("model_id", sa.String(length=100), nullable=False),
        sa.Column("model_version", sa.String(length=100), nullable=False),
        sa.Column("dataset_id", sa.String(length=64), nullable=False),
        sa.Column("dataset_name", sa.String(length=200), nullable=False),
        sa.Column("split_id", sa.String(length=64), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("metrics", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("details", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("cost", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("reused_from", sa.String(length=36), nullable=True),
        sa.CheckConstraint("duration_s >= 0", name=op.f("ck_evaluation_results_duration_positive")),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation_jobs.id"], name="fk_evaluation_results_evaluation_id"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["evaluation_runs.id"], name="fk_evaluation_results_run_id"),
        sa.PrimaryKeyConstraint("evaluation_id", name="pk_evaluation_results"),
        sa.UniqueConstraint(
            "run_id", "model_id", "model_version", name="uq_evaluation_results_run_id_model_id_model_version"
        ),
    )


def downgrade() -> None:
    op.drop_table("evaluation_results")
    op.drop_index("ix_evaluation_jobs_waiting", "evaluation_jobs")
    op.drop_index("ix_evaluation_jobs_run_state", "evaluation_jobs")
    op.drop_index("ix_evaluation_jobs_leased", "evaluation_jobs")

    op.drop_table("evaluation_jobs")
    op.drop_index("ix_outbox_unpublished", "outbox")

    op.drop_table("outbox")
    op.drop_index("ix_evaluation_runs_created", "evaluation_runs")

    op.drop_table("evaluation_runs")
    op.drop_index("ix_candidate_loads_candidate", "candidate_loads")

    op.drop_table("candidate_loads")
