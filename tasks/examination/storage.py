"""The database: whether it is there, as new as this version, and whether anything in it is stuck."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.loading import Configuration
from config.masking import masked
from store import jobs, schema
from store.jobs import Backlog
from tasks import wiring
from tasks.examination.finding import Finding, fail, ok, warn

#: Where an SQLite file says how it is written, and what it says when it is in WAL mode.
_MODE_AT, _WAL = 18, b"\x02\x02"


@dataclass(frozen=True, kw_only=True)
class StorageLook:
    schema: str | None  #: None for a database that is not there yet
    backlog: Backlog | None  #: None when the schema is not the one that is needed
    findings: Sequence[Finding]


def look(configuration: Configuration) -> StorageLook:
    if not wiring.has_database():
        none = ok("database", f"none yet, the first run makes it: {masked(configuration.database_url)}")
        return StorageLook(schema=None, backlog=None, findings=[none])
    current = schema.current(wiring.engine())
    if current != schema.HEAD:
        cure = "stop the workers, then `bakeoff db upgrade`"
        other = fail("database", f"{_name()} has schema {current}, this version needs {schema.HEAD}", cure)
        return StorageLook(schema=current, backlog=None, findings=[other])
    backlog = jobs.backlog(wiring.engine())
    return StorageLook(schema=current, backlog=backlog, findings=[_mode(configuration), _leases(backlog)])


def _name() -> str:
    return wiring.engine().url.render_as_string(hide_password=True)


def _mode(configuration: Configuration) -> Finding:
    if not configuration.database_url.startswith("sqlite"):
        return ok("database", f"{_name()}, schema {schema.HEAD}")
    with Path(str(wiring.engine().url.database)).open("rb") as file:
        file.seek(_MODE_AT)
        is_wal = file.read(len(_WAL)) == _WAL
    if is_wal:
        return ok("database", f"{_name()}, schema {schema.HEAD}, WAL")
    cure = "put databaseUrl on a local disk: readers and writers wait for each other there"
    return warn("database", f"{_name()} cannot be kept in WAL mode", cure)


def _leases(backlog: Backlog) -> Finding:
    said = f"{backlog.running} running, {backlog.queued} queued"
    if backlog.silent:
        cure = "start a worker, `bakeoff worker`: it puts them back into the queue within seconds"
        return warn("jobs", f"{said}; {backlog.silent} belong to workers that fell silent", cure)
    return ok("jobs", said)
