"""The way of a database from nothing to the schema that the code needs."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from fixtures.places import ROOT
from fixtures.projects.crowd import in_processes, set_up
from fixtures.values.shape import shape_of
from fixtures.values.stored import a_stored_run
from sqlalchemy import Engine, text

from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.ids_and_times import new_id
from bakeoff.store.bakeoffs import run_rows
from bakeoff.store.bakeoffs.queue.queue_order import next_jobs
from bakeoff.store.database import schema_version
from bakeoff.store.database.engine_and_transactions import open_database, reading, writing
from bakeoff.store.database.schema_version import Branch

MIGRATIONS = ROOT / "migrations"


@pytest.fixture
def empty(empty_database_url: str) -> Engine:
    return open_database(empty_database_url)


def _pretend(engine: Engine, revision: str) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def test_an_empty_database_is_set_up(empty: Engine) -> None:
    assert schema_version.current(empty) is None

    schema_version.ensure(empty)

    assert schema_version.current(empty) == schema_version.HEAD
    a_stored_run(empty)


def _assert_equal_to_migrations(engine: Engine, branch: Branch) -> None:
    schema_version.ensure(engine, branch)
    set_up_at_once = shape_of(engine)
    assert len({table for table, _ in set_up_at_once}) >= 4

    schema_version.downgrade(engine, "base", branch)
    schema_version.upgrade(engine, branch=branch)

    assert shape_of(engine) == set_up_at_once


def test_what_is_set_up_at_once_is_what_all_migrations_make(empty: Engine) -> None:
    _assert_equal_to_migrations(empty, Branch.RUNS)


def test_so_is_a_registry_which_is_a_file(tmp_path: Path) -> None:
    _assert_equal_to_migrations(open_database(f"sqlite:///{tmp_path}/registry.db"), Branch.REGISTRY)


def test_the_rules_of_jobs_are_in_the_schema(empty: Engine) -> None:
    schema_version.ensure(empty)

    assert any("ck_evaluation_jobs_running_has_lease" in part for _, part in shape_of(empty))


def test_what_is_set_up_is_left_as_it_is(empty: Engine) -> None:
    schema_version.ensure(empty)
    run, _ = a_stored_run(empty)

    schema_version.ensure(empty)
    schema_version.upgrade(empty)

    assert run_rows.get(empty, run.id) == run


def test_the_way_down_leads_to_nothing_and_up_again(empty: Engine) -> None:
    schema_version.upgrade(empty)
    whole = shape_of(empty)

    schema_version.downgrade(empty, "base")
    assert schema_version.current(empty) is None
    assert {name for name, _ in shape_of(empty)} <= {"alembic_version"}

    schema_version.upgrade(empty)
    assert shape_of(empty) == whole


def test_runs_of_the_first_schema_stand_in_line_after_an_upgrade(empty: Engine) -> None:
    schema_version.upgrade(empty, "0001")
    with writing(empty) as connection:
        for statement in _A_RUN_OF_THE_FIRST_SCHEMA:
            connection.execute(text(statement))

    schema_version.upgrade(empty)

    assert [waiting.job_id for waiting in next_jobs(empty, limit=2)] == ["j1"]
    with reading(empty) as connection:
        assert connection.execute(text("SELECT priority FROM evaluation_runs")).scalar_one() == 0


_A_RUN_OF_THE_FIRST_SCHEMA = (
    """
    INSERT INTO evaluation_runs
        (id, name, state, dataset_id, split_id, dataset, rules, seed, test_size, repeat_check, created_at)
    VALUES ('r1', 'old', 'queued', 'd', 's', '{}', '{}', 0, 0.25, false, '2026-05-04 12:00:00.000000')
    """,
    """
    INSERT INTO evaluation_jobs
        (id, run_id, kind, model_id, model_version, candidate, state, attempt, max_attempts, timeout_s,
         position, created_at)
    VALUES
        ('j1', 'r1', 'evaluation', 'tree', '1', '{}', 'queued', 0, 3, 60, 0, '2026-05-04 12:00:00.000000')
    """,
)


def test_events_are_numbered_on_behind_the_last_one_that_was_ever_told(empty: Engine) -> None:
    schema_version.upgrade(empty, "0008")
    with writing(empty) as connection:
        for _ in range(3):
            connection.execute(text(_AN_EVENT), {"id": new_id()})
        connection.execute(text("DELETE FROM outbox WHERE position > 1"))

    schema_version.upgrade(empty)
    with writing(empty) as connection:
        connection.execute(text(_AN_EVENT), {"id": new_id()})

    with reading(empty) as connection:
        assert connection.execute(text("SELECT max(position) FROM outbox")).scalar_one() == 4


_AN_EVENT = """
    INSERT INTO outbox (event_id, event_type, run_id, occurred_at, payload)
    VALUES (:id, 'run.completed', 'r1', '2026-05-04 12:00:00.000000', '{}')
"""


def test_the_head_is_the_newest_script() -> None:
    scripts = sorted(path.name for path in (MIGRATIONS / "versions").glob("*.py"))

    assert scripts[-1].startswith(f"{schema_version.HEAD}_")


def test_an_older_schema_is_refused_with_the_command_that_mends_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = schema_version.current(engine)
    monkeypatch.setattr(schema_version, "HEAD", "0999")

    with pytest.raises(InfrastructureError) as refused:
        schema_version.ensure(engine)

    assert str(refused.value) == (
        f"the database {engine.url.render_as_string()} has schema {found} and this version needs 0999: "
        f"stop the workers, then run `bakeoff db upgrade`"
    )


@pytest.mark.parametrize(
    "act", [schema_version.ensure, schema_version.upgrade, partial(schema_version.downgrade, to="base")]
)
def test_a_newer_schema_is_refused_and_left_alone(empty: Engine, act: Callable[[Engine], None]) -> None:
    schema_version.ensure(empty)
    _pretend(empty, "9999")

    with pytest.raises(InvalidInputError) as refused:
        act(empty)

    assert str(refused.value) == (
        f"the database {empty.url.render_as_string()} has schema 9999, which is newer than this version of "
        f"Bakeoff knows ({schema_version.HEAD}): install the version that made it"
    )
    assert schema_version.current(empty) == "9999"


def test_ten_processes_set_up_one_database_together(empty_database_url: str) -> None:
    found = in_processes(set_up, [(empty_database_url,)] * 10)

    assert found == [schema_version.HEAD] * 10
    a_stored_run(open_database(empty_database_url))


def test_the_scripts_are_found_in_a_folder_with_a_percent_sign(
    empty: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        schema_version, "_SCRIPTS", shutil.copytree(MIGRATIONS, tmp_path / "100%" / "migrations")
    )

    schema_version.ensure(empty)

    assert schema_version.current(empty) == schema_version.HEAD
