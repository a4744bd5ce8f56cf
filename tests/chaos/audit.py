"""Every change of state, written down by triggers in the transaction that made it.

What a sampling observer could miss, such as a third lease for a millisecond, stands here.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_NOW = "(julianday('now') - 2440587.5) * 86400.0"
_RUNNING = "(SELECT count(*) FROM evaluation_jobs WHERE state = 'running')"
_RUNNING_HERE = "(SELECT count(*) FROM evaluation_jobs WHERE state = 'running' AND node = NEW.node)"

_SCRIPT = f"""
CREATE TABLE chaos_moves (
    number INTEGER PRIMARY KEY, at REAL, thing TEXT, was TEXT, became TEXT, worker TEXT,
    running INTEGER, running_here INTEGER
);
CREATE TRIGGER chaos_job_moves AFTER UPDATE OF state ON evaluation_jobs WHEN OLD.state <> NEW.state BEGIN
    INSERT INTO chaos_moves (at, thing, was, became, worker, running, running_here)
    VALUES ({_NOW}, NEW.id, OLD.state, NEW.state, NEW.worker, {_RUNNING}, {_RUNNING_HERE});
END;
CREATE TRIGGER chaos_run_moves AFTER UPDATE OF state ON evaluation_runs WHEN OLD.state <> NEW.state BEGIN
    INSERT INTO chaos_moves (at, thing, was, became) VALUES ({_NOW}, NEW.id, OLD.state, NEW.state);
END;
"""


@dataclass(frozen=True, kw_only=True)
class Move:
    at: float  #: seconds since the epoch
    thing: str  #: id of a job or a run
    was: str
    became: str
    worker: str | None  #: None for a run
    running: int | None  #: leases after it, on all machines
    running_here: int | None  #: and on the machine of this job


def install(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(_SCRIPT)


def moves(database: Path) -> list[Move]:
    """In the order in which they were committed."""
    columns = ", ".join(Move.__dataclass_fields__)
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        rows = connection.execute(f"SELECT {columns} FROM chaos_moves ORDER BY number").fetchall()
    return [Move(**dict(zip(Move.__dataclass_fields__, row, strict=True))) for row in rows]
