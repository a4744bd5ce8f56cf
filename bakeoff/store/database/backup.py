"""Copies of the database: made while others write, checked, and put back into its place.

Both ways it is SQLite that copies, page by page, as of one moment. A copy gets its name when it has been
checked; what is put back replaces what was there in one transaction: a kill leaves the former state.
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
from bakeoff.domain.folders import free
from bakeoff.store.database import schema_version
from bakeoff.store.database.engine import reading

_PAGES = 1000  #: copied between two words on how far it is
_PATIENCE_S = 2
_TAKE_ALONE = (
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA journal_mode=DELETE",
    "BEGIN EXCLUSIVE",
    "COMMIT",
)
_CONTENT = "SELECT version_num, (SELECT count(*) FROM evaluation_runs) FROM alembic_version"

#: Told how many pages are copied, and how many there are.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class BackupCopy:
    file: Path
    bytes: int
    schema: str
    runs: int


@dataclass(frozen=True, kw_only=True)
class Restored:
    copy: BackupCopy  #: what was put back
    former: Path | None  #: where that is now which was there before


def back_up(engine: Engine, file: Path, progress: Progress, *, force: bool = False) -> BackupCopy:
    """`force`: a file that is there is replaced."""
    database = _file_of(engine, "pg_dump", "--format=custom", f"--file={file}")
    if not database.is_file():
        raise NotFoundError(f"there is no database {database} yet: `bakeoff run` makes it")
    if file.exists() and (file.samefile(database) or not force):
        raise InvalidInputError(f"{file} exists: name another file, or replace it with --force")
    try:
        with reading(engine) as connection, _draft(file) as draft:
            version, runs = connection.execute(text(_CONTENT)).one()  # from here on it sees one state
            source: Any = connection.connection.driver_connection
            with closing(sqlite3.connect(draft)) as target:
                _copy(source, target, progress)
                target.execute("PRAGMA journal_mode=DELETE")  # all in one file, to be read anywhere
    except sqlite3.Error as exc:
        raise InfrastructureError(f"the database {database} cannot be copied: {exc}") from exc
    return BackupCopy(file=file, bytes=file.stat().st_size, schema=version, runs=runs)


def examine(file: Path) -> BackupCopy:
    """What is in a file, if it is a whole database of Bakeoff's, of a schema that this version knows."""
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
    """Put the copy `file` into the place of the database, which is kept as `former`."""
    database = _file_of(engine, "pg_restore", "--clean", "--if-exists", "--single-transaction", str(file))
    copy = examine(file)
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


def require_alone(engine: Engine) -> None:
    """Whoever has the database open would go on with what is left behind."""
    database = _file_of(engine, "pg_dump", "--format=custom")
    engine.dispose()
    connection = _alone(database)
    if connection is None:
        raise InvalidInputError(
            f"{database} is no whole database: `bakeoff db restore` puts a backup into its place"
        )
    connection.close()


def _overwrite(source: sqlite3.Connection, database: Path, former: Path, progress: Progress) -> bool:
    """False when what is there is too broken for a copy to be made of it."""
    target = _alone(database)
    if target is None:
        return False
    with closing(target):
        if not _is_kept(target, former):
            return False
        try:
            _copy(source, target, progress)
        except sqlite3.Error as exc:
            raise _unwritable(database, exc) from exc
    return True


def _alone(database: Path) -> sqlite3.Connection | None:
    """Nobody else has it open: while somebody has, it cannot leave the mode in which all work with it.

    None when it is no database.
    """
    connection = sqlite3.connect(database, isolation_level=None, timeout=_PATIENCE_S)
    try:
        for statement in _TAKE_ALONE:
            connection.execute(statement)
    except sqlite3.Error as exc:
        connection.close()
        if _primary(exc) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return None
        if _primary(exc) == sqlite3.SQLITE_BUSY:
            raise InfrastructureError(
                f"the database {database} is in use{_by_whom(database)}: "
                "stop the workers and whatever else uses it, then try again"
            ) from exc
        raise _unwritable(database, exc) from exc
    return connection


def _is_kept(database: sqlite3.Connection, former: Path) -> bool:
    try:
        with _draft(former) as draft, closing(sqlite3.connect(draft)) as copy:
            _copy(database, copy, lambda *_: None)
    except sqlite3.DatabaseError:
        return False
    return True


def _by_whom(database: Path) -> str:
    """As far as it can be seen."""
    users = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(file.path == str(database.resolve()) for file in process.open_files()):
                users.append(f"{process.pid} ({process.name()})")
    return f" by process {', '.join(users)}" if users else ""


def _set_aside(database: Path, former: Path) -> None:
    """As it is, with what SQLite keeps beside it: that must not come to lie beside another database."""
    for suffix in ("-wal", "-shm", "-journal", ""):
        with suppress(FileNotFoundError):
            database.with_name(database.name + suffix).rename(former.with_name(former.name + suffix))


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, progress: Progress) -> None:
    source.backup(target, pages=_PAGES, progress=lambda _, left, total: progress(total - left, total))
    _check(target)


def _check(connection: sqlite3.Connection) -> None:
    said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if said != "ok":
        raise sqlite3.DatabaseError(said)


def _primary(exc: sqlite3.Error) -> int:
    """Without the details."""
    return exc.sqlite_errorcode & 0xFF


def _open(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)


@contextmanager
def _draft(file: Path) -> Iterator[Path]:
    """A file that gets its name at the end, or is removed."""
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


def _file_of(engine: Engine, *tool: str) -> Path:
    """The file of the database; a server has a `tool` of its own."""
    if engine.dialect.name == "sqlite":
        return Path(engine.url.database or "")
    command = shlex.join([tool[0], f"--dbname={_without_password(engine.url)}", *tool[1:]])
    raise InvalidInputError(
        f"the database is on a PostgreSQL server, whose own tool does this: {command}   "
        "(PGPASSWORD or ~/.pgpass may hold the password)"
    )


def _without_password(url: URL) -> str:
    query = {key: value for key, value in url.query.items() if "password" not in key}
    bare = URL.create("postgresql", url.username, None, url.host, url.port, url.database, query)
    return bare.render_as_string()
