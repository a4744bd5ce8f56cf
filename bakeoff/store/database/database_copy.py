"""Copies all rows of an SQLite database into an empty one on a PostgreSQL server.

All rows are written in one transaction, which is committed if the numbers of rows agree. A copy that is
killed leaves tables without rows, and the next copy begins anew. The source is locked for writers meanwhile,
and is not changed.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    RowMapping,
    Table,
    bindparam,
    func,
    insert,
    select,
    text,
    update,
)

from bakeoff.domain.errors import ConflictError, InfrastructureError, InvalidInputError
from bakeoff.store.database import schema_version
from bakeoff.store.database.all_tables import metadata
from bakeoff.store.database.backup import require_unused
from bakeoff.store.database.engine_and_transactions import writing

_BATCH = 500
_LAST_NUMBER = text("SELECT seq FROM sqlite_sequence WHERE name = :table")

#: Called with the number of rows that are copied, and of all rows.
Progress = Callable[[int, int], None]


def copy(source: Engine, target: Engine, progress: Progress) -> Mapping[str, int]:
    """Copy, and return the number of rows of each table."""
    require_unused(source)
    _require_a_server(target)
    schema_version.ensure(source)
    schema_version.ensure(target)
    with writing(source) as old, writing(target) as new:
        _refuse_rows(new)
        numbers = _count(old)
        _copy_rows(old, new, lambda done: progress(done, sum(numbers.values())))
        if (found := _count(new)) != numbers:
            raise InfrastructureError(f"{numbers} rows became {found}: nothing is kept; copy again")
    return numbers


def _require_a_server(target: Engine) -> None:
    if target.dialect.name != "postgresql":
        raise InvalidInputError(
            f"{_name(target)} is a file: expected postgresql+psycopg://user@host/name; `bakeoff db backup` "
            "copies a database to a file"
        )


def _refuse_rows(target: Connection) -> None:
    there = [f"{table} ({number:,})" for table, number in _count(target).items() if number]
    if there:
        raise ConflictError(
            f"the database {_name(target.engine)} is not empty: it has rows in {', '.join(there)}; "
            "name an empty one"
        )


def _count(connection: Connection) -> dict[str, int]:
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
    }


def _copy_rows(old: Connection, new: Connection, progress: Callable[[int], None]) -> None:
    done = 0
    for table in metadata.sorted_tables:
        for rows in old.execute(select(table)).mappings().partitions(_BATCH):
            _write(new, table, rows)
            done += len(rows)
            progress(done)
        for column in _self_references(table):
            _write_references(old, new, column)
        _set_sequence(old, new, table)


def _write(new: Connection, table: Table, rows: Sequence[RowMapping]) -> None:
    """Writes rows without references to rows of the same table, which may not be written yet."""
    empty = dict.fromkeys((column.name for column in _self_references(table)), None)
    new.execute(insert(table), [{**row, **empty} for row in rows])


def _self_references(table: Table) -> list[Column[Any]]:
    return [
        column for column in table.columns if any(key.column.table is table for key in column.foreign_keys)
    ]


def _write_references(old: Connection, new: Connection, column: Column[Any]) -> None:
    table = column.table
    pairs = old.execute(select(table.c.id.label("row"), column.label("to")).where(column.is_not(None)))
    move = update(table).where(table.c.id == bindparam("row")).values({column: bindparam("to")})
    for rows in pairs.mappings().partitions(_BATCH):
        new.execute(move, [dict(row) for row in rows])


def _set_sequence(old: Connection, new: Connection, table: Table) -> None:
    """Lets new numbers begin after the last one ever given, so that those of deleted rows are not reused."""
    column = table.autoincrement_column
    last = None if column is None else old.execute(_LAST_NUMBER, {"table": table.name}).scalar()
    if column is not None and last is not None:
        new.execute(select(func.setval(func.pg_get_serial_sequence(table.name, column.name), last)))


def _name(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)
