"""Every change of state, written down by triggers in the transaction that made it.

What a sampling observer could miss, such as a third lease for a millisecond, stands here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, text

from bakeoff.store.database.engine_and_transactions import reading, writing

_RUNNING = "(SELECT count(*) FROM evaluation_jobs WHERE state = 'running')"
_RUNNING_HERE = "(SELECT count(*) FROM evaluation_jobs WHERE state = 'running' AND node = NEW.node)"
_COLUMNS = "at, thing, was, became, worker, running, running_here"
_TABLE = """
CREATE TABLE chaos_moves (
    number {serial} PRIMARY KEY, at DOUBLE PRECISION, thing TEXT, was TEXT, became TEXT, worker TEXT,
    running INTEGER, running_here INTEGER
)
"""
_OF_A_JOB = f"""
INSERT INTO chaos_moves ({_COLUMNS})
VALUES ({{now}}, NEW.id, OLD.state, NEW.state, NEW.worker, {_RUNNING}, {_RUNNING_HERE});
"""
_OF_A_RUN = f"""
INSERT INTO chaos_moves ({_COLUMNS}) VALUES ({{now}}, NEW.id, OLD.state, NEW.state, NULL, NULL, NULL);
"""
_NOW = {
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "extract(epoch FROM clock_timestamp())",
}
_SERIAL = {"sqlite": "INTEGER", "postgresql": "BIGSERIAL"}
_TRIGGERS: Mapping[str, tuple[str, ...]] = {
    "sqlite": (
        "CREATE TRIGGER {name} AFTER UPDATE OF state ON {table} WHEN OLD.state <> NEW.state BEGIN {act} END",
    ),
    "postgresql": (
        "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {act} RETURN NULL; END $$",
        """CREATE TRIGGER {name} AFTER UPDATE OF state ON {table} FOR EACH ROW
        WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION {name}()""",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Move:
    at: float  #: seconds since the epoch
    thing: str  #: id of a job or a run
    was: str
    became: str
    worker: str | None  #: None for a run
    running: int | None  #: leases after it, on all machines
    running_here: int | None  #: and on the machine of this job


def install(engine: Engine) -> None:
    kind = engine.dialect.name
    with writing(engine) as connection:
        connection.exec_driver_sql(_TABLE.format(serial=_SERIAL[kind]))
        for table, act in (("evaluation_jobs", _OF_A_JOB), ("evaluation_runs", _OF_A_RUN)):
            for statement in _TRIGGERS[kind]:
                name, what = f"chaos_{table}", act.format(now=_NOW[kind])
                connection.exec_driver_sql(statement.format(name=name, table=table, act=what))


def moves(engine: Engine) -> list[Move]:
    """Those of one thing in the order in which they were committed."""
    with reading(engine) as connection:
        rows = connection.execute(text(f"SELECT {_COLUMNS} FROM chaos_moves ORDER BY number"))
        return [Move(**row._mapping) for row in rows]
