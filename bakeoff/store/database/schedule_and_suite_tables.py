"""Runs that are to be started: the slots of schedules, and the members of suites.

schedules         until when slots of each schedule were noted; the last thousand are in schedule_slots
schedule_pauses   schedules that start nothing until they are resumed
suites 1 ── n suite_members   which runs are judged together, over several datasets
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, text

from bakeoff.domain.runs.schedule import SlotState
from bakeoff.domain.runs.suite import MemberState
from bakeoff.store.database.table_conventions import Json, Utc, id_column, metadata, one_of

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
    one_of("state", SlotState),
    CheckConstraint("state <> 'started' OR error = ''", name="started_has_no_error"),
    Index(
        "ix_schedule_slots_open",
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

suites = Table(
    "suites",
    metadata,
    id_column(),
    Column("name", String(200), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("verdict", Json),
    Index("ix_suites_created", "created_at", "id"),
)

suite_members = Table(
    "suite_members",
    metadata,
    Column("suite_id", String(36), ForeignKey("suites.id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("dataset", String(200), nullable=False),
    Column("run_id", String(36), nullable=False, unique=True),
    Column("request", Json, nullable=False),
    Column("state", String(16), nullable=False),
    Column("due_at", Utc, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("error", Text, nullable=False),
    one_of("state", MemberState),
    CheckConstraint("state <> 'started' OR error = ''", name="started_has_no_error"),
    CheckConstraint("place >= 0", name="place_counted"),
    Index(
        "ix_suite_members_open",
        "due_at",
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)
