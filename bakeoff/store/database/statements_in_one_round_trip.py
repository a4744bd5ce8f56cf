"""Several statements in one round trip to PostgreSQL, prepared by the server: for what happens once per job.

A claim and a finish are a few short statements each. One by one through SQLAlchemy, most of their time is
spent on the way to the server and in Python, while other workers wait for the locks that they hold. Here
all statements of one or more transactions are sent at once, by functions of libpq that psycopg wraps, and
locks are held no longer than the server works. What is rare is left to SQLAlchemy, which is easier to read.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from select import POLLIN, POLLOUT, poll
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, PoolProxiedConnection

from bakeoff.store.database.engine_and_transactions import database_failed, pooled_connection

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_PREPARED = (
    "bakeoff_prepared"  #: in what the pool remembers of a connection: the names of prepared statements
)
_FORGOTTEN = "26000"  #: SQLSTATE of a prepared statement that the server has forgotten

Values = Mapping[str, str | None]
Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Statement:
    """An SQL statement with placeholders such as `%(job)s`, whose values are given as text.

    Each placeholder needs a cast in the SQL where the server cannot tell its type from the place.
    """

    name: str
    sql: str
    numbered: bytes = field(init=False, repr=False)
    parameters: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        names = tuple(dict.fromkeys(_PLACEHOLDER.findall(self.sql)))
        numbered = _PLACEHOLDER.sub(lambda found: f"${names.index(found[1]) + 1}", self.sql)
        object.__setattr__(self, "parameters", names)
        object.__setattr__(self, "numbered", numbered.encode())

    def bound(self, values: Values) -> list[bytes | None]:
        return [None if (value := values[name]) is None else value.encode() for name in self.parameters]


Transaction = Sequence[tuple[Statement, Values]]


#: Waits until all that was committed before is on the disk. A transaction that is committed without waiting
#: for the disk frees its locks at once; with this one behind it, nobody is told of its success too early. It
#: writes a record to the log, because the commit of a transaction that wrote nothing waits for nothing.
WAIT_FOR_DISK = Statement("bakeoff_disk", "SELECT pg_logical_emit_message(true, 'bakeoff', '')")
# The end of a transaction is a statement, too, so that all answers come at once, behind the last transaction:
# each `pipeline_sync` would wake the client for a part of them.
_BEGIN = Statement("bakeoff_begin", "BEGIN")
_COMMIT = Statement("bakeoff_commit", "COMMIT")


def send(engine: Engine, *transactions: Transaction) -> list[list[Row]]:
    """Runs the transactions, one after another, and returns the rows of each statement.

    Each transaction is committed whole or not at all. Raises InfrastructureError if one was not; then those
    behind it were not run.
    """
    pooled = pooled_connection(engine)
    try:
        try:
            return _send(pooled, transactions)
        except _RefusedError as exc:
            if exc.sqlstate != _FORGOTTEN:
                raise
        # psycopg lets the server forget all prepared statements after a rollback. They are in all
        # transactions or in none, so nothing was done, and it can be done again.
        pooled.info.pop(_PREPARED, None)
        return _send(pooled, transactions)
    except _RefusedError as exc:
        raise database_failed(engine, exc.message) from None
    finally:
        pooled.close()


class _RefusedError(Exception):
    """The server refused a statement, or is gone."""

    def __init__(self, message: str, sqlstate: str | None = None) -> None:
        super().__init__(message, sqlstate)
        self.message = message
        self.sqlstate = sqlstate


def _send(pooled: PoolProxiedConnection, transactions: Sequence[Transaction]) -> list[list[Row]]:
    import psycopg  # here, because who uses SQLite need not have it

    connection: Any = pooled.driver_connection
    libpq: PGconn = connection.pgconn
    prepared: set[str] = pooled.info.setdefault(_PREPARED, set())
    try:
        libpq.enter_pipeline_mode()
        expected = _queue(libpq, transactions, prepared)
        results = [_result(libpq) for _ in expected]
        libpq.exit_pipeline_mode()
    except psycopg.OperationalError as exc:
        pooled.invalidate()
        raise _RefusedError(str(exc)) from None
    except BaseException:  # such as a signal: answers that nobody reads must not meet the next statement
        pooled.invalidate()
        raise
    outcomes = list(zip(expected, results, strict=True))
    prepared.update(what for what, result in outcomes if isinstance(what, str) and _is_done(result))
    for _, result in outcomes:
        # The first error is the cause: what follows it in its transaction was only passed over.
        if result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
            state = result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) or b""
            raise _RefusedError(result.get_error_message(), state.decode())
    return [_rows(result) for what, result in outcomes if isinstance(what, Statement)]


def _is_done(result: "PGresult") -> bool:
    import psycopg

    return result.status == psycopg.pq.ExecStatus.COMMAND_OK


def _queue(
    libpq: "PGconn", transactions: Sequence[Transaction], prepared: Collection[str]
) -> list[Statement | str | None]:
    """Returns what results will come: of a statement, of the preparation of one (its name), or of neither."""
    expected: list[Statement | str | None] = []
    known = set(prepared)
    for transaction in transactions:
        for statement, values in [(_BEGIN, {}), *transaction, (_COMMIT, {})]:
            name = statement.name.encode()
            if statement.name not in known:
                known.add(statement.name)
                libpq.send_prepare(name, statement.numbered)
                expected.append(statement.name)
            libpq.send_query_prepared(name, statement.bound(values))
            expected.append(None if statement is _BEGIN or statement is _COMMIT else statement)
    libpq.pipeline_sync()
    expected.append(None)
    return expected


def _result(libpq: "PGconn") -> "PGresult":
    """The next result. Other threads of this process go on while we wait for it."""
    while True:
        while (is_more_to_send := libpq.flush()) or libpq.is_busy():
            socket = poll()
            socket.register(libpq.socket, POLLIN | (POLLOUT if is_more_to_send else 0))
            socket.poll()
            libpq.consume_input()
        if (result := libpq.get_result()) is not None:  # None: the end of the results of one statement
            return result


def _rows(result: "PGresult") -> list[Row]:
    return [
        tuple(
            None if (value := result.get_value(row, column)) is None else value.decode()
            for column in range(result.nfields)
        )
        for row in range(result.ntuples)
    ]
