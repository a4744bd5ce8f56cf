"""Transactions, and what is said when the database fails."""

import os
import sqlite3
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from fixtures.values.stored import a_stored_run, claim
from sqlalchemy import Engine, select, text

from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.store.bakeoffs import job_queries, leased_jobs, run_rows
from bakeoff.store.database import all_tables
from bakeoff.store.database import engine_and_transactions as engine_module
from bakeoff.store.database.engine_and_transactions import now, one_at_a_time, open_database, reading, writing

sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
postgresql_only = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.services)], indirect=True
)


def _message(url: str) -> str:
    with pytest.raises(InfrastructureError) as failed:
        run_rows.page(open_database(url), limit=1)
    open_database(url).dispose()
    return str(failed.value)


def test_a_process_has_one_engine_for_a_database(database_url: str) -> None:
    assert open_database(database_url) is open_database(database_url)


def test_a_reader_sees_one_state_while_others_write(engine: Engine) -> None:
    run, [job] = a_stored_run(engine)
    state = select(all_tables.jobs.c.state).where(all_tables.jobs.c.id == job.id)

    with reading(engine) as connection:
        before = connection.execute(state).scalar_one()
        _in_a_thread(lambda: claim(engine, job))
        after = connection.execute(state).scalar_one()

    assert (before, after) == ("queued", "queued")
    assert job_queries.of_run(engine, run.id)[0].state == "running"


def test_a_writer_reads_what_others_have_committed(engine: Engine) -> None:
    _, [job] = a_stored_run(engine)
    with reading(engine) as connection:
        connection.execute(select(all_tables.jobs)).all()

    claim(engine, job)

    with writing(engine) as connection:
        assert connection.execute(select(all_tables.jobs.c.state)).scalar_one() == "running"


def test_a_transaction_that_fails_leaves_nothing(engine: Engine) -> None:
    _, [job] = a_stored_run(engine)

    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        connection.execute(all_tables.jobs.delete()).rowcount / 0

    assert job_queries.get(engine, job.id) == job


def test_writers_for_one_purpose_take_turns(engine: Engine) -> None:
    a_stored_run(engine)
    inside: list[str] = []

    def enter() -> None:
        with writing(engine) as connection:
            one_at_a_time(connection, "test")
            inside.append("second")

    with writing(engine) as connection:
        one_at_a_time(connection, "test")
        other = threading.Thread(target=enter)
        other.start()
        other.join(0.1)
        inside.append("first")
    other.join(10)

    assert inside == ["first", "second"]


def test_the_clock_of_the_database_is_aware_and_in_utc(engine: Engine) -> None:
    before = utc_now()
    with reading(engine) as connection:
        at = now(connection)

    assert at.tzinfo is before.tzinfo
    assert abs((at - before).total_seconds()) < 5


def test_a_child_by_fork_leaves_the_connections_to_its_parent(engine: Engine) -> None:
    """A child that closed or used them would break the parent's locks."""
    _, [job] = a_stored_run(engine)

    child = os.fork()
    if not child:
        code = 1
        try:
            inherited = engine_module._inherited[-1]
            code = 0 if inherited is not engine.pool and claim(engine, job).job.id == job.id else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert job_queries.get(engine, job.id).state == "running"


@sqlite_only
def test_sqlite_keeps_a_log_and_checks_references(engine: Engine) -> None:
    with reading(engine) as connection:
        journal = connection.execute(text("PRAGMA journal_mode")).scalar()
        foreign_keys = connection.execute(text("PRAGMA foreign_keys")).scalar()

    assert (journal, foreign_keys) == ("wal", 1)


def test_the_folder_of_the_database_is_made(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/a/b/own.db")
    with reading(engine) as connection:
        connection.execute(text("SELECT 1"))
    engine.dispose()

    assert (tmp_path / "a/b/own.db").is_file()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(InfrastructureError) as failed:
        open_database(f"sqlite:///{tmp_path}/file/own.db")

    assert str(failed.value).startswith(f"the folder of the database, {tmp_path}/file, cannot be made: ")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.db").write_text("this is a letter, and long enough to have a header" * 100)

    assert _message(f"sqlite:///{tmp_path}/own.db") == (
        f"the database sqlite:///{tmp_path}/own.db failed: file is not a database; "
        f"`bakeoff doctor` tells more"
    )


def test_a_folder_in_the_place_of_the_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.db").mkdir()

    assert _message(f"sqlite:///{tmp_path}/own.db") == (
        f"the database sqlite:///{tmp_path}/own.db failed: unable to open database file; "
        f"`bakeoff doctor` tells more"
    )


def test_a_database_without_tables_is_named(empty_database_url: str) -> None:
    assert "evaluation_runs" in _message(empty_database_url)


@sqlite_only
def test_a_database_that_stays_locked_is_named(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "BUSY_TIMEOUT_S", 0.05)
    engine = open_database(database_url)
    other = sqlite3.connect(engine.url.database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    assert leased_jobs.expire(engine) == 0
    with pytest.raises(InfrastructureError) as failed:
        a_stored_run(engine)
    other.close()

    assert str(failed.value) == (
        f"the database {database_url} failed: database is locked; `bakeoff doctor` tells more"
    )


@postgresql_only
def test_a_table_that_stays_locked_is_named(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "BUSY_TIMEOUT_S", 0.05)
    engine = open_database(database_url)

    with engine.begin() as other:
        other.execute(text("LOCK TABLE evaluation_runs"))
        with pytest.raises(InfrastructureError) as failed:
            a_stored_run(engine)

    assert "failed: canceling statement due to lock timeout" in str(failed.value)


@postgresql_only
def test_who_stands_still_within_a_transaction_stops_the_others_for_seconds_and_not_for_good(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "SILENCE_TIMEOUT_S", 0.2)
    engine = open_database(database_url)
    _, [job] = a_stored_run(engine)

    frozen = ExitStack()
    frozen.enter_context(writing(engine)).execute(
        text("LOCK TABLE alembic_version IN SHARE UPDATE EXCLUSIVE MODE")  # as a claim does
    )
    assert claim(engine, job).job.id == job.id
    with pytest.raises(InfrastructureError, match="idle-in-transaction timeout"):
        frozen.close()


@postgresql_only
def test_the_address_of_a_server_may_say_otherwise(database_url: str) -> None:
    engine = open_database(f"{database_url}&options=-c%20lock_timeout%3D7s&connect_timeout=3")

    with engine.connect() as connection:
        limits = [
            connection.execute(text(f"SHOW {name}")).scalar()
            for name in ("lock_timeout", "idle_in_transaction_session_timeout")
        ]
    engine.dispose()

    assert limits == ["7s", "10s"]


@sqlite_only
def test_a_reader_does_not_wait_for_a_writer(engine: Engine) -> None:
    a_stored_run(engine)

    with writing(engine) as connection:
        connection.execute(all_tables.jobs.delete())
        assert job_queries.backlog(engine).queued == 1


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("bakeoff.db", "bakeoff.db"),
        ("", ""),
        ("mysql://me:secret@host/own", "mysql://me:secret@host/own"),
        ("nosuch://host/own", "nosuch://host/own"),
        ("sqlite+nosuch:///own.db", "sqlite+nosuch:///own.db"),
        ("postgresql+psycopg2://host/own", "postgresql+psycopg2://host/own"),
    ],
)
def test_a_url_of_another_kind_is_refused(url: str, shown: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        open_database(url)

    assert str(refused.value) == (
        f"databaseUrl is {shown!r}: expected a SQLAlchemy URL such as sqlite:///data/bakeoff.db, or "
        f"postgresql+psycopg://user@host/name with `pip install 'bakeoff[postgresql]'`"
    )


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mount:
        mountpoint = str(tmp_path)
        fstype = "nfs4"

    monkeypatch.setattr("psutil.disk_partitions", lambda **_: [Mount])

    with pytest.raises(InvalidInputError) as refused:
        open_database(f"sqlite:///{tmp_path}/net/own.db")

    assert str(refused.value) == (
        f"the database {tmp_path}/net/own.db would lie on a network file system (nfs4), "
        f"where SQLite corrupts: set databaseUrl to a file on a local disk, or to a PostgreSQL server"
    )


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    said = _message("postgresql+psycopg://me:secret@/own?host=/nowhere")

    assert said.startswith("the database postgresql+psycopg://me:***@/own?host=%2Fnowhere failed: connection")
    assert said.endswith("; `bakeoff doctor` tells more")
    assert "secret" not in said


@postgresql_only
def test_a_connection_that_the_server_closed_is_replaced(engine: Engine) -> None:
    import psycopg

    run, _ = a_stored_run(engine)
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    with psycopg.connect(engine.url.set(drivername="postgresql").render_as_string()) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")

    assert run_rows.get(engine, run.id) == run


def _in_a_thread(act: object) -> None:
    assert callable(act)
    thread = threading.Thread(target=act)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()


@sqlite_only
def test_threads_that_write_to_a_file_wait_for_each_other_and_not_in_sqlite(engine: Engine) -> None:
    begun: list[str] = []
    with writing(engine):
        waiting = threading.Thread(target=lambda: _note_write(engine, begun))
        waiting.start()
        waiting.join(0.2)
        opened = engine.pool.checkedout()  # type: ignore[attr-defined]
    waiting.join(10)

    assert (opened, begun) == (1, ["second"])


def _note_write(engine: Engine, begun: list[str]) -> None:
    with writing(engine):
        begun.append("second")


@sqlite_only
def test_a_forked_child_does_not_wait_for_a_thread_of_its_parent(engine: Engine) -> None:
    with writing(engine):
        child = os.fork()
        if child == 0:
            turn = engine_module._turns.get(engine)
            os._exit(0 if turn is None or not turn.locked() else 1)
        _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
