"""Datasets that a query returns. Nothing is written: SQLite files are opened read-only."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import listed
from bakeoff.evaluation.datasets.sources.csv_and_parquet_sources import located

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import URL

#: Keys under which a pointer file in JSON or YAML may name the database.
_POINTER_KEYS = ("path", "database", "file", "active")


def query(url: str, statement: str, root: Path) -> "pd.DataFrame":
    database = sqlite_file(url, root)
    if database is not None:
        return query_sqlite(database, statement)
    parsed = _parsed(url)
    return _run_query(parsed, statement, parsed.render_as_string(hide_password=True))


def query_sqlite(path: Path, statement: str) -> "pd.DataFrame":
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    return _run_query("sqlite://", statement, str(path), creator=lambda: sqlite3.connect(address, uri=True))


def follow(pointer: Path) -> Path:
    """The SQLite file that a pointer names: as plain text, or as JSON or YAML under `path`."""
    import yaml

    try:
        content = yaml.safe_load(pointer.read_text(encoding="utf-8"))
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as problem:
        raise InvalidInputError(f"pointer file {pointer} cannot be read: {problem}") from problem
    named = _named(content)
    if not isinstance(named, str) or not named.strip():
        raise InvalidInputError(
            f"pointer file {pointer} names no SQLite file: expected a path, as text or, in JSON or YAML, "
            f"under one of {listed(_POINTER_KEYS)}"
        )
    return located(named.strip(), pointer.parent)


def _named(content: Any) -> Any:
    if not isinstance(content, dict):
        return content
    return next((content[key] for key in _POINTER_KEYS if key in content), None)


def _parsed(url: str) -> "URL":
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        # The text may hold a password: it is not repeated.
        raise InvalidInputError(
            "the dataset's url is not one of SQLAlchemy: expected sqlite:///folder/file.db "
            "or postgresql+psycopg://user:password@host/database"
        ) from None


def sqlite_file(url: str, root: Path) -> Path | None:
    """The file behind a URL of SQLite; None for other databases."""
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    if parsed.database in {None, "", ":memory:"}:
        raise InvalidInputError(f"url {url} names no SQLite file: expected sqlite:///folder/file.db")
    return located(str(parsed.database), root)


def with_journal(database: Path) -> tuple[Path, ...]:
    """The file and its write-ahead log, which may hold the latest rows."""
    whole = database.resolve()
    return (whole, whole.with_name(whole.name + "-wal"))


def _run_query(
    url: "str | URL", statement: str, where: str, creator: Callable[[], sqlite3.Connection] | None = None
) -> "pd.DataFrame":
    import pandas as pd
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    options: dict[str, Any] = {"poolclass": NullPool} | ({"creator": creator} if creator else {})
    try:
        with create_engine(url, **options).connect() as connection:
            reading = connection.execution_options(postgresql_readonly=True)
            return pd.read_sql_query(statement, reading)
    except (SQLAlchemyError, pd.errors.DatabaseError, ImportError, ValueError) as problem:
        raise InvalidInputError(
            f"the query on {where} failed: {_cause(problem)}; it reads: {statement}"
        ) from problem


def _cause(problem: BaseException) -> object:
    """The error of the database itself, without the texts that pandas and SQLAlchemy put around it."""
    inner = problem.__cause__ or problem
    return getattr(inner, "orig", None) or inner
