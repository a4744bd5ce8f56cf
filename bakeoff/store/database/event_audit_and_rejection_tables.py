"""Tables that grow at their end: events, changes over HTTP, rejections of candidates.

outbox            events that are to be published, in the order in which they happened
audit_log         what users have changed over HTTP
candidate_loads   why candidates were rejected, the last hundred rejections of each
"""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, text

from bakeoff.domain.event import EventType
from bakeoff.store.database.table_conventions import Json, Utc, metadata, one_of

outbox = Table(
    "outbox",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("event_id", String(36), nullable=False, unique=True),
    Column("event_type", String(40), nullable=False),
    Column("run_id", String(36), nullable=False),
    Column("occurred_at", Utc, nullable=False),
    Column("payload", Json, nullable=False),
    Column("published_at", Utc),
    one_of("event_type", EventType),
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
