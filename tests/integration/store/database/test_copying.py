"""`bakeoff db copy`: from SQLite to PostgreSQL, with everything or not at all."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from fixtures.places import ROOT
from fixtures.projects.command_line import Project, a_mixed_run
from fixtures.projects.project import wait_for
from fixtures.servers import warm
from fixtures.servers.postgresql import Cluster
from fixtures.values.samples import NOON, a_job, a_run, a_signal
from fixtures.values.stored import a_stored_run
from sqlalchemy import Engine, select, text

from bakeoff.domain.candidate import Rejection
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.scored_and_labelled_item import Item, Label, Score
from bakeoff.domain.signal import ModelOutput, SignalType
from bakeoff.store.bakeoffs import rejected_candidate_rows, run_rows
from bakeoff.store.database import database_copy, schema_version
from bakeoff.store.database.all_tables import metadata
from bakeoff.store.database.engine_and_transactions import open_database, reading, writing
from bakeoff.store.feedback import feedback_items, feedback_labels
from bakeoff.store.signals import ensemble_signals, stored_answers_of_signal_models


def silent(_done: int, _total: int) -> None:
    pass


@pytest.fixture
def target(postgresql: Cluster) -> Iterator[Engine]:
    with postgresql.database() as url:
        yield open_database(url)
        open_database(url).dispose()


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def fill(engine: Engine) -> None:
    """Something of each table, and an older run that names a younger one."""
    younger, _ = a_stored_run(engine, 2)
    older = a_run(retry_of=younger.id, created_at=NOON - timedelta(days=1))
    assert run_rows.create(engine, older, [a_job(older)])
    score = Score(value=0.25, version="models:/churn/1.0.0")
    feedback_items.add(
        engine, [(Item(id=f"i{n}", features={"x": n / 3, "of": "é"}), score) for n in range(1100)]
    )
    feedback_labels.add(
        engine, [Label(item_id="i1", value=value, by=str(value)) for value in ("yes", 2, 2.5, True)]
    )
    rejected_candidate_rows.record(
        engine, [Rejection(id="bad", version="1", path="p:P", cause="it raised", fix="mend it")]
    )
    at_odds = a_signal("BRK/B", conflict_reason="m0=BUY, m1=SELL")
    ensemble_signals.add(engine, [at_odds], models={"m0": "1.0"}, failed=[])
    with writing(engine) as connection:
        stored_answers_of_signal_models.write_answers(
            connection,
            model_id="m0",
            model_version="1.0",
            fingerprint="f",
            as_of=at_odds.as_of,
            answers=[ModelOutput("BRK/B", SignalType.BUY, 0.75, 1 / 3, rank=1, metadata={"why": [1, "é"]})],
            at=NOON,
        )


def rows(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with reading(engine) as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


@pytest.mark.services
def test_every_row_of_every_table_is_there_as_it_was(project: Project, target: Engine) -> None:
    a_mixed_run(project)
    fill(project.engine)
    before = rows(project.engine)

    copied = database_copy.copy(project.engine, target, silent)

    assert rows(target) == before == rows(project.engine)
    assert copied == {name: len(found) for name, found in before.items()}
    assert {name for name, number in copied.items() if number} >= {
        "candidate_loads",
        "ensemble_signals",
        "evaluation_jobs",
        "evaluation_results",
        "evaluation_runs",
        "feedback_labels",
        "model_signals",
        "outbox",
        "results",
    }
    assert copied["results"] == 1100
    assert schema_version.current(target) == schema_version.current(project.engine) == schema_version.HEAD


@pytest.mark.services
def test_numbers_go_on_behind_the_last_one_that_was_ever_given(project: Project, target: Engine) -> None:
    fill(project.engine)
    with writing(project.engine) as connection:
        connection.execute(text("DELETE FROM feedback_labels WHERE position > 2"))

    database_copy.copy(project.engine, target, silent)
    feedback_labels.add(target, [Label(item_id="i2", value="no", by="ada")])
    a_stored_run(target)

    assert feedback_labels.page(target, limit=1)[0].position == 5


@pytest.mark.services
def test_a_target_with_rows_is_refused_and_left_alone(project: Project, target: Engine) -> None:
    fill(project.engine)
    schema_version.ensure(target)
    kept, _ = a_stored_run(target)

    said = project.bakeoff("db", "copy", "--to", url_of(target))

    assert said.exit_code == 2
    assert said.stderr.endswith(
        f"error: the database {url_of(target)} is not empty: it has rows in evaluation_runs (1), "
        "evaluation_jobs (1); name an empty one\n"
    )
    assert [summary.run.id for summary in run_rows.page(target, limit=10)] == [kept.id]


@pytest.mark.services
def test_the_command_says_what_was_copied_and_how_to_go_on(project: Project, target: Engine) -> None:
    fill(project.engine)

    record = json.loads(project.bakeoff("db", "copy", "--to", url_of(target), "--json").stdout)
    again = project.bakeoff("db", "copy", "--to", url_of(target))

    assert (record["schema"], record["rows"]["evaluation_runs"]) == (schema_version.HEAD, 2)
    assert again.exit_code == 2
    assert url_of(target) in record["to"]


@pytest.mark.services
def test_a_source_that_somebody_has_open_is_refused(project: Project, target: Engine) -> None:
    fill(project.engine)
    project.engine.dispose()
    with closing(sqlite3.connect(project.root / "data" / "bakeoff.db")) as other:
        other.execute("SELECT count(*) FROM results").fetchone()

        said = project.bakeoff("db", "copy", "--to", url_of(target))

    assert said.exit_code == 4
    assert "is in use" in said.output
    assert schema_version.current(target) is None


@pytest.mark.services
def test_an_older_source_is_refused_with_the_command_that_mends_it(project: Project, target: Engine) -> None:
    schema_version.downgrade(project.engine, "0003")

    said = project.bakeoff("db", "copy", "--to", url_of(target))

    assert said.exit_code == 4
    assert "bakeoff db upgrade" in said.output
    assert schema_version.current(target) is None


def test_a_file_is_no_target(project: Project, tmp_path: Path) -> None:
    other = open_database(f"sqlite:///{tmp_path}/other.db")

    with pytest.raises(InvalidInputError) as refused:
        database_copy.copy(project.engine, other, silent)

    assert str(refused.value) == (
        f"sqlite:///{tmp_path}/other.db is a file: expected postgresql+psycopg://user@host/name; "
        "`bakeoff db backup` copies a database to a file"
    )


@pytest.mark.services
def test_a_copy_that_is_killed_leaves_no_row_and_the_next_one_is_whole(
    project: Project, target: Engine
) -> None:
    fill(project.engine)
    before = rows(project.engine)
    project.engine.dispose()

    with warm.Popen(
        [sys.executable, "-c", _HALF_WAY, str(project.root), url_of(target)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    ) as copier:
        assert copier.stdout is not None
        assert copier.stdout.readline() == b"half way\n"
        copier.send_signal(signal.SIGKILL)

    wait_for(lambda: not any(rows(target).values()), "the end of the killed transaction")
    database_copy.copy(project.engine, target, silent)
    assert rows(target) == before


_HALF_WAY = """
import sys, time
from bakeoff.store.database import database_copy
from bakeoff.store.database.engine_and_transactions import open_database

def progress(done, total):
    if done >= 500:
        print("half way", flush=True)
        time.sleep(60)

source = open_database(f"sqlite:///{sys.argv[1]}/data/bakeoff.db")
database_copy.copy(source, open_database(sys.argv[2]), progress)
"""
