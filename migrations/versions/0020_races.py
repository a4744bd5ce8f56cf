"""Races: jobs that wait for others between folds, jobs that are stopped, and the looks that decide it"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_EVENTS = (
    "'evaluation.started'",
    "'evaluation.fold_completed'",
    "'evaluation.completed'",
    "'evaluation.failed'",
    "'evaluation.cancelled'",
    "'SIGNAL_GENERATED'",
    "'run.completed'",
)
_EVENTS_SINCE = (*_EVENTS[:5], "'evaluation.stopped'", *_EVENTS[5:])

_STATES = "'queued', 'running', 'completed', 'failed', 'timed_out', 'cancelled'"
_STATES_SINCE = "'queued', 'running', 'waiting', 'completed', 'failed', 'timed_out', 'cancelled', 'stopped'"
_ENDED = "'completed', 'failed', 'timed_out', 'cancelled'"
_ENDED_SINCE = f"{_ENDED}, 'stopped'"

_SCHEMA = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'evaluation_jobs'")
_CHANGE_SCHEMA = sa.text(
    "UPDATE sqlite_master SET sql = :schema WHERE type = 'table' AND name = 'evaluation_jobs'"
)

_LAST_NUMBER = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")
_COUNT_ON = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', :last)")


def upgrade() -> None:
    _know_events(_EVENTS_SINCE)
    _know_states(_STATES, _ENDED, then=_STATES_SINCE, ended_then=_ENDED_SINCE)
    op.add_column("fold_results", sa.Column("sketch", sa.LargeBinary(), nullable=True))
    op.create_table(
        "race_looks",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("look", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_race_looks_number_counted")),
        sa.ForeignKeyConstraint(["run_id"], ["evaluation_runs.id"], name="fk_race_looks_run_id"),
        sa.PrimaryKeyConstraint("run_id", "number", name="pk_race_looks"),
    )


def downgrade() -> None:
    """A job that waited goes on as if its run were no race; one that was stopped counts as cancelled."""
    op.drop_table("race_looks")
    op.drop_column("fold_results", "sketch")
    op.execute("UPDATE evaluation_jobs SET state = 'queued' WHERE state = 'waiting'")
    op.execute("UPDATE evaluation_jobs SET state = 'cancelled' WHERE state = 'stopped'")
    _know_states(_STATES_SINCE, _ENDED_SINCE, then=_STATES, ended_then=_ENDED)
    op.execute("DELETE FROM outbox WHERE event_type = 'evaluation.stopped'")
    _know_events(_EVENTS)


def _know_states(states: str, ended: str, *, then: str, ended_then: str) -> None:
    known, known_then = f"state IN ({states})", f"state IN ({then})"
    timed, timed_then = (f"(state IN ({one})) = (ended_at IS NOT NULL)" for one in (ended, ended_then))
    if op.get_context().dialect.name == "sqlite":
        _rewrite_checks({known: known_then, timed: timed_then})
        return
    for name, condition in (("state_known", known_then), ("ended_has_time", timed_then)):
        op.drop_constraint(op.f(f"ck_evaluation_jobs_{name}"), "evaluation_jobs", type_="check")
        op.create_check_constraint(op.f(f"ck_evaluation_jobs_{name}"), "evaluation_jobs", condition)


def _rewrite_checks(changes: dict[str, str]) -> None:
    """Writes the conditions into the schema: SQLite's own advice for checks of a table that others refer to.

    A new table in its place, which is the usual way, would have to be dropped while results refer to it.
    """
    connection = op.get_bind()
    schema = str(connection.execute(_SCHEMA).scalar_one())
    for before, after in changes.items():
        if before not in schema:
            raise RuntimeError(f"evaluation_jobs has no check {before!r}: {schema}")
        schema = schema.replace(before, after)
    version = connection.execute(sa.text("PRAGMA schema_version")).scalar_one()
    op.execute("PRAGMA writable_schema = ON")
    connection.execute(_CHANGE_SCHEMA, {"schema": schema})
    op.execute(f"PRAGMA schema_version = {version + 1}")  # other connections read the schema again
    op.execute("PRAGMA writable_schema = RESET")  # and this one


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
