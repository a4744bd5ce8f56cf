"""Backups of the SQLite database: they are made while others write, checked, and restored.

In both directions SQLite copies the database page by page, as of one moment. A backup gets its name when it
has been checked. A restore replaces the database in one transaction, so a kill leaves the former state.
"""

import os
import shlex
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
from sqlalchemy import URL, Engine, text

from bakeoff.domain.errors import InfrastructureError, InvalidInputError, NotFoundError
from bakeoff.domain.machine.own_packages_and_disk_space import free
from bakeoff.store.database import schema_version
from bakeoff.store.database.engine_and_transactions import reading

_PAGES = 1000  #: copied between two calls of `progress`
_LOCK_TIMEOUT_S = 2
#: SQLite leaves WAL mode only while no other connection is open: so this fails as busy if one is.
_TAKE_EXCLUSIVELY = (
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA journal_mode=DELETE",
    "BEGIN EXCLUSIVE",
    "COMMIT",
)
_SQLITE_BEGINS = b"SQLite format 3\0"
_CONTENT = "SELECT version_num, (SELECT count(*) FROM evaluation_runs) FROM alembic_version"

#: Called with the number of pages that are copied, and of all pages.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class BackupCopy:
    file: Path
    bytes: int
    schema: str
    runs: int


@dataclass(frozen=True, kw_only=True)
class Restored:
    copy: BackupCopy  #: the backup that was restored
    former: Path | None  #: where the former database was moved to; None when there was none


def back_up(engine: Engine, file: Path, progress: Progress, *, force: bool = False) -> BackupCopy:
    """Writes a backup to `file`. `force`: replace an existing file."""
    database = _file_of(engine, "pg_dump", "--format=custom", f"--file={file}", folder=file.parent)
    if not database.is_file():
        raise NotFoundError(f"there is no database {database} yet: `bakeoff run` makes it")
    if file.exists():
        _refuse_to_replace(file, database, force=force)
    try:
        with reading(engine) as connection, _draft(file) as draft:
            version, runs = connection.execute(
                text(_CONTENT)
            ).one()  # the first read: from here on the transaction sees one state
            source: Any = connection.connection.driver_connection
            with closing(sqlite3.connect(draft)) as target:
                _copy(source, target, progress)
                target.execute("PRAGMA journal_mode=DELETE")  # without WAL the backup is one file
    except sqlite3.Error as exc:
        raise InfrastructureError(f"the database {database} cannot be copied: {exc}") from exc
    return BackupCopy(file=file, bytes=file.stat().st_size, schema=version, runs=runs)


def _refuse_to_replace(file: Path, database: Path, *, force: bool) -> None:
    if file.samefile(database):
        raise InvalidInputError(f"{file} is the database itself: name another file")
    if not file.is_file():  # a folder, or a device, which root would replace by a file
        raise InvalidInputError(f"{file} is no file that could be written: name another one")
    if not force:
        raise InvalidInputError(f"{file} exists: name another file, or replace it with --force")


def read_backup(file: Path) -> BackupCopy:
    """Checks a backup and says what is in it. An error unless it is a whole database with a known schema."""
    if not file.is_file():
        raise NotFoundError(f"there is no file {file}")
    try:
        with closing(_open(file)) as connection:
            _check(connection)
            found = connection.execute(_CONTENT).fetchone()
    except sqlite3.Error as exc:
        raise InvalidInputError(f"{file} is no whole database of Bakeoff's: {exc}") from exc
    if found is None:
        raise InvalidInputError(f"{file} is no whole database of Bakeoff's: it has no schema")
    schema_version.refuse_unknown(str(file), found[0])
    return BackupCopy(file=file, bytes=file.stat().st_size, schema=found[0], runs=found[1])


def restore(engine: Engine, file: Path, former: Path, progress: Progress) -> Restored:
    """Replace the database by the backup `file`; the database is kept as `former`."""
    if engine.dialect.name != "sqlite" and _is_sqlite(file):
        raise InvalidInputError(
            f"{file} is a backup of a SQLite database, and the database is on a PostgreSQL server: put it "
            "back with `databaseUrl: sqlite:///data/bakeoff.db`, then `bakeoff db copy --to` an empty "
            "database on the server"
        )
    database = _file_of(engine, "pg_restore", "--clean", "--if-exists", "--single-transaction", str(file))
    copy = read_backup(file)
    engine.dispose()
    was_there = database.exists()
    if was_there and file.samefile(database):
        raise InvalidInputError(f"{file} is the database itself: name a copy of it")
    with closing(_open(file)) as source:
        if not (was_there and _overwrite(source, database, former, progress)):
            _set_aside(database, former)
            with _draft(database) as draft, closing(sqlite3.connect(draft)) as target:
                _copy(source, target, progress)
    return Restored(copy=copy, former=former if was_there else None)


def _is_sqlite(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(len(_SQLITE_BEGINS)) == _SQLITE_BEGINS


def require_unused(engine: Engine) -> None:
    """Raises an error while another process has the database open: it would write to the old one."""
    database = _file_of(engine, "pg_dump", "--format=custom")
    engine.dispose()
    connection = _connect_exclusively(database)
    if connection is None:
        raise InvalidInputError(
            f"{database} is no whole database: `bakeoff db restore` puts a backup into its place"
        )
    connection.close()


def _overwrite(source: sqlite3.Connection, database: Path, former: Path, progress: Progress) -> bool:
    """Copies the backup over the database. False if the database is too damaged for that."""
    target = _connect_exclusively(database)
    if target is None:
        return False
    with closing(target):
        if not _keep_former(target, former):
            return False
        try:
            _copy(source, target, progress)
        except sqlite3.Error as exc:
            raise _unwritable(database, exc) from exc
    return True


def _connect_exclusively(database: Path) -> sqlite3.Connection | None:
    """A connection while no other process has the database open; InfrastructureError while one has.

    None when the file is no database, or a broken one.
    """
    connection = sqlite3.connect(database, isolation_level=None, timeout=_LOCK_TIMEOUT_S)
    try:
        for statement in _TAKE_EXCLUSIVELY:
            connection.execute(statement)
    except sqlite3.Error as exc:
        connection.close()
        if _primary(exc) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return None
        if _primary(exc) == sqlite3.SQLITE_BUSY:
            raise InfrastructureError(
                f"the database {database} is in use{_users(database)}: "
                "stop the workers and whatever else uses it, then try again"
            ) from exc
        raise _unwritable(database, exc) from exc
    return connection


def _keep_former(database: sqlite3.Connection, former: Path) -> bool:
    try:
        with _draft(former) as draft, closing(sqlite3.connect(draft)) as copy:
            _copy(database, copy, lambda *_: None)
    except sqlite3.DatabaseError:
        return False
    return True


def _users(database: Path) -> str:
    """The processes that have the file open, as far as this user may see."""
    users = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(file.path == str(database.resolve()) for file in process.open_files()):
                users.append(f"{process.pid} ({process.name()})")
    return f" by process {', '.join(users)}" if users else ""


def _set_aside(database: Path, former: Path) -> None:
    """Moves the database away, with the files beside it, which would corrupt the next database."""
    for suffix in ("-wal", "-shm", "-journal", ""):
        with suppress(FileNotFoundError):
            database.with_name(database.name + suffix).rename(former.with_name(former.name + suffix))


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, progress: Progress) -> None:
    source.backup(target, pages=_PAGES, progress=lambda _, left, total: progress(total - left, total))
    _check(target)


def _check(connection: sqlite3.Connection) -> None:
    finding = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if finding != "ok":
        raise sqlite3.DatabaseError(finding)


def _primary(exc: sqlite3.Error) -> int:
    """The primary error code, without the extended part."""
    return exc.sqlite_errorcode & 0xFF


def _open(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)


@contextmanager
def _draft(file: Path) -> Iterator[Path]:
    """A file that gets its name when the block succeeds, and is removed when it fails."""
    draft = file.with_name(f".{file.name}.{uuid4().hex}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        _to_disk(draft)
        draft.replace(file)
        _to_disk(file.parent)
    except (OSError, sqlite3.OperationalError) as exc:
        raise _unwritable(file, exc) from exc
    finally:
        for left in file.parent.glob(f"{draft.name}*"):
            left.unlink()


def _unwritable(file: Path, exc: Exception) -> InfrastructureError:
    return InfrastructureError(f"{file} cannot be written: {exc}; {free(file.parent)}")


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file_of(engine: Engine, *tool: str, folder: Path | None = None) -> Path:
    """The file of the database. For PostgreSQL an error that names the command of its own `tool`.

    `folder`: the tool writes there, and does not make it.
    """
    if engine.dialect.name == "sqlite":
        return Path(engine.url.database or "")
    command = shlex.join([tool[0], f"--dbname={_without_password(engine.url)}", *tool[1:]])
    if folder is not None and not folder.exists():
        command = f"{shlex.join(['mkdir', '-p', str(folder)])} && {command}"
    raise InvalidInputError(
        f"the database is on a PostgreSQL server, whose own tool does this: {command}   "
        "(PGPASSWORD or ~/.pgpass may hold the password)"
    )


def _without_password(url: URL) -> str:
    query = {key: value for key, value in url.query.items() if "password" not in key}
    bare = URL.create("postgresql", url.username, None, url.host, url.port, url.database, query)
    return bare.render_as_string()
