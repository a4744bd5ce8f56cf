"""One engine per process and database, on SQLite (one machine) or PostgreSQL (a cluster).

A transaction is either `reading` or `writing`. On SQLite a writer takes the write lock when it begins. It
waits for other writers then; otherwise its first write in the middle of the transaction could fail.
"""

import os
import select as sockets
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import psutil
from sqlalchemy import (
    URL,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Table,
    create_engine,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, Pool, PoolProxiedConnection

from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.machine.own_packages_and_disk_space import free, free_bytes

BUSY_TIMEOUT_S = 30  #: the longest wait for a lock that another transaction holds
SILENCE_TIMEOUT_S = 10  #: a client that is silent in a transaction for longer counts as frozen
_NEARLY_FULL_BYTES = 1_000_000
_CLOCK = select(func.clock_timestamp(type_=DateTime(timezone=True)))
_AT_REST_SINCE = "bakeoff_at_rest_since"  #: in what the pool remembers of a connection
_LONG_REST_S = 10
_NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs")

#: Without these a client waits for hours for a server whose machine has failed.
_KEEPALIVES: Mapping[str, int] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}

#: With these a transaction sees one state of the database from its first to its last query.
_SNAPSHOT_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}

_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")
_DURABLE = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")

#: Marks a connection to a database on a full disk, without room for the index of the log (-shm) that
#: processes share. While no other process uses the database, the index can be kept in memory, so that the
#: database can be read, and old runs can be deleted.
_EXCLUSIVE = "bakeoff_exclusive"

#: Pools that this process inherited by fork. Their connections belong to the parent: as long as they are in
#: this list, garbage collection does not close them.
_inherited: list[Pool] = []

#: Whose turn it is to write, among the threads of this process.
_turns: dict[Engine, Lock] = {}


@cache
def open_database(url: str) -> Engine:
    """The engine of this process for this database. Creates the folder of an SQLite file if it is missing."""
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        cure = "set databaseUrl to a file on a local disk, or to a PostgreSQL server"
        engine = _open_sqlite(parsed, _PRAGMAS, cure)
    else:
        engine = _open_postgresql(parsed)
    return _renewed_in_forks(engine)


@cache
def open_registry_database(file: Path) -> Engine:
    """The engine of a registry. What is committed survives a power cut, like the files that rows name."""
    cure = "set modelRegistry.path to a folder on a local disk, or modelRegistry.backend to mlflow"
    url = URL.create("sqlite", database=str(file))
    return _renewed_in_forks(_open_sqlite(url, _DURABLE, cure))


def _renewed_in_forks(engine: Engine) -> Engine:
    os.register_at_fork(after_in_child=lambda: _start_anew(engine))
    return engine


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        parsed.get_dialect().import_dbapi()
    except (ArgumentError, ImportError):
        parsed = None
    if parsed is None or parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        shown = url if parsed is None else parsed.render_as_string(hide_password=True)
        raise InvalidInputError(
            f"databaseUrl is {shown!r}: expected a SQLAlchemy URL such as sqlite:///data/bakeoff.db, or "
            f"postgresql+psycopg://user@host/name with `pip install 'bakeoff[postgresql]'`"
        )
    return parsed


def _open_postgresql(url: URL) -> Engine:
    ours = {"connect_timeout": 10, "options": _timeouts(url), **_KEEPALIVES}
    theirs = url.query.keys() - {"options"}
    engine = create_engine(
        url, connect_args={name: value for name, value in ours.items() if name not in theirs}
    )
    event.listen(engine, "checkin", _note_rest)
    event.listen(engine, "checkout", partial(_replace_if_dead, engine))
    return engine


def _note_rest(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[_AT_REST_SINCE] = time.monotonic()


def _replace_if_dead(engine: Engine, connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
    """To ask the server before each transaction, as `pool_pre_ping` does, costs a round trip for each.

    A server that ends a connection says so, and then there is something to read. Only of a machine that was
    cut off nothing is heard: so a connection that was not used for a while is tried.
    """
    since = record.info.pop(_AT_REST_SINCE, None)
    if since is None:  # it is new
        return
    try:
        is_dead = _can_be_read(connection.fileno())
        if not is_dead and time.monotonic() - since > _LONG_REST_S:
            engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error:
        is_dead = True
    if is_dead:
        raise InvalidatePoolError("the server has ended the connection")


def _can_be_read(file: int) -> bool:
    waiting = sockets.poll()
    waiting.register(file, sockets.POLLIN)
    return bool(waiting.poll(0))


def _timeouts(url: URL) -> str:
    """Timeouts, so that a machine that stands still within a transaction does not make all others wait."""
    limits = {"lock_timeout": BUSY_TIMEOUT_S, "idle_in_transaction_session_timeout": SILENCE_TIMEOUT_S}
    given = url.query.get("options", "")
    return " ".join([*(f"-c {name}={int(1000 * s)}" for name, s in limits.items()), str(given)]).strip()


def _open_sqlite(url: URL, pragmas: Sequence[str], cure: str) -> Engine:
    file = Path(url.database or "")
    _refuse_network_file_system(file, cure)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise InfrastructureError(
            f"the folder of the database, {file.parent}, cannot be made: {exc}"
        ) from exc
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "do_connect", partial(_connect_sqlite, pragmas))
    event.listen(engine, "checkin", _drop_if_exclusive)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _connect_sqlite(
    pragmas: Sequence[str],
    dialect: Dialect,
    record: ConnectionPoolEntry,
    arguments: Sequence[Any],
    options: Mapping[str, Any],
) -> sqlite3.Connection:
    try:
        return _configured(dialect.connect(*arguments, **options), *pragmas)
    except sqlite3.OperationalError as exc:
        if exc.sqlite_errorcode != sqlite3.SQLITE_IOERR_SHMSIZE:
            raise
    record.info[_EXCLUSIVE] = True
    return _configured(dialect.connect(*arguments, **options), "locking_mode=EXCLUSIVE", *pragmas)


def _configured(connection: Any, *pragmas: str) -> sqlite3.Connection:
    sqlite: sqlite3.Connection = connection
    sqlite.isolation_level = None  # the driver begins nothing by itself: _begin_sqlite does
    try:
        for pragma in pragmas:
            sqlite.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        sqlite.close()
        raise
    return sqlite


def _drop_if_exclusive(_connection: sqlite3.Connection | None, record: ConnectionPoolEntry) -> None:
    if record.info.pop(_EXCLUSIVE, False):
        record.invalidate()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("bakeoff_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _start_anew(engine: Engine) -> None:
    """Called in a forked child, which must neither use nor close the connections of its parent."""
    _turns.pop(engine, None)  # a thread of the parent may hold it, which is not there in the child
    _inherited.append(engine.pool)
    engine.dispose(close=False)


def _refuse_network_file_system(file: Path, cure: str) -> None:
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    mounts = [m for m in psutil.disk_partitions(all=True) if folder.is_relative_to(m.mountpoint)]
    kind = max(mounts, key=lambda m: len(m.mountpoint)).fstype if mounts else ""
    if kind.startswith(_NETWORK_FILE_SYSTEMS):
        raise InvalidInputError(
            f"the database {file} would lie on a network file system ({kind}), where SQLite corrupts: {cure}"
        )


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the database and changes nothing."""
    with (
        _translating_errors(engine),
        engine.connect().execution_options(**_SNAPSHOT_OPTIONS[engine.dialect.name]) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is committed whole at the end, or not at all."""
    with (
        _translating_errors(engine),
        _turn_of_this_thread(engine),
        engine.connect().execution_options(bakeoff_writes=True) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def _turn_of_this_thread(engine: Engine) -> Iterator[None]:
    """Threads of a process write to an SQLite file one after the other, without waiting in SQLite.

    SQLite would have each that finds the file locked sleep, for longer and longer, and look again. Whoever
    waits here goes on at once. One that has waited too long takes its chance with SQLite, which then says so.
    """
    if engine.dialect.name != "sqlite":
        yield
        return
    turn = _turns.setdefault(engine, Lock())
    is_held = turn.acquire(timeout=BUSY_TIMEOUT_S)
    try:
        yield
    finally:
        if is_held:
            turn.release()


@contextmanager
def _translating_errors(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as exc:
        raise database_failed(engine, exc.orig) from exc


def database_failed(engine: Engine, why: object) -> InfrastructureError:
    where = engine.url.render_as_string(hide_password=True)
    return InfrastructureError(f"the database {where} failed: {why}; {_cure(engine)}")


def pooled_connection(engine: Engine) -> PoolProxiedConnection:
    """A connection of the driver, for what SQLAlchemy cannot do. `close` gives it back."""
    with _translating_errors(engine):
        return engine.raw_connection()


def _cure(engine: Engine) -> str:
    folder = Path(engine.url.database or "").parent
    if engine.dialect.name == "sqlite" and free_bytes(folder) < _NEARLY_FULL_BYTES:
        return f"{free(folder)}: make room there, what waits then goes on"
    return "`bakeoff doctor` tells more"


def one_at_a_time(connection: Connection, purpose: str) -> None:
    """Takes a lock: until the end of this transaction no other one gets past this call for the same purpose.

    On SQLite nothing is needed, since it has one writer at a time.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(purpose))))


def now(connection: Connection) -> datetime:
    """The time by which leases are measured: that of the server, because the clocks of machines differ."""
    if connection.dialect.name == "postgresql":
        return connection.execute(_CLOCK).scalar_one().astimezone(UTC)
    return utc_now()


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows, or overwrites those with the same key.

    They are written in the order of their keys, because two transactions that lock the same rows in different
    orders would wait for each other for ever.
    """
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    dialect = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")  # each takes long to load
    statement = dialect.insert(table)
    changed = {column.name: column for column in statement.excluded if column.name not in keys}
    connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=changed),
        sorted(rows, key=lambda row: [row[key] for key in keys]),
    )
