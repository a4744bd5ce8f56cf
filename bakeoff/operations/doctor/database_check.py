"""The database: whether it is there, as new as this version, and whether anything in it is stuck."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bakeoff.domain.wording import masked
from bakeoff.operations.context import Context
from bakeoff.operations.doctor.diagnosis_levels import Diagnosis, fail, ok, warn
from bakeoff.store.bakeoffs import job_queries
from bakeoff.store.bakeoffs.job_queries import Backlog
from bakeoff.store.database import schema_version

#: Two bytes of an SQLite file say how it is written: their place, and their value in WAL mode.
_MODE_AT, _WAL = 18, b"\x02\x02"


@dataclass(frozen=True, kw_only=True)
class DatabaseStatus:
    schema: str | None  #: None for a database that is not there yet
    backlog: Backlog | None  #: None when the schema is not the one that is needed
    findings: Sequence[Diagnosis]


def check_database(context: Context) -> DatabaseStatus:
    if not context.has_database():
        none = ok(
            "database", f"none yet, the first run makes it: {masked(context.configuration.database_url)}"
        )
        return DatabaseStatus(schema=None, backlog=None, findings=[none])
    current = schema_version.current(context.engine)
    if current != schema_version.HEAD:
        cure = "stop the workers, then `bakeoff db upgrade`"
        other = fail(
            "database",
            f"{_name(context)} has schema {current}, this version needs {schema_version.HEAD}",
            cure,
        )
        return DatabaseStatus(schema=current, backlog=None, findings=[other])
    backlog = job_queries.backlog(context.engine)
    return DatabaseStatus(schema=current, backlog=backlog, findings=[_mode(context), _leases(backlog)])


def _name(context: Context) -> str:
    return context.engine.url.render_as_string(hide_password=True)


def _mode(context: Context) -> Diagnosis:
    if not context.configuration.database_url.startswith("sqlite"):
        return ok("database", f"{_name(context)}, schema {schema_version.HEAD}")
    with Path(str(context.engine.url.database)).open("rb") as file:
        file.seek(_MODE_AT)
        is_wal = file.read(len(_WAL)) == _WAL
    if is_wal:
        return ok("database", f"{_name(context)}, schema {schema_version.HEAD}, WAL")
    cure = "put databaseUrl on a local disk: readers and writers wait for each other there"
    return warn("database", f"{_name(context)} cannot be kept in WAL mode", cure)


def _leases(backlog: Backlog) -> Diagnosis:
    said = f"{backlog.running} running, {backlog.queued} queued"
    if backlog.silent:
        cure = "start a worker, `bakeoff worker`: it puts them back into the queue within seconds"
        return warn("jobs", f"{said}; {backlog.silent} belong to workers that fell silent", cure)
    return ok("jobs", said)
