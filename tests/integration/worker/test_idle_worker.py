"""The main process of a worker asks the database seldom while nothing happens, and misses nothing."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from fixtures.servers.databases import create_tables
from fixtures.values.samples import a_result
from fixtures.values.stored import a_stored_run, claim

from bakeoff.operations.context import Context
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import leased_jobs, outbox
from bakeoff.store.database import schema_version
from bakeoff.worker import worker_housekeeping
from bakeoff.worker.worker_housekeeping import Housekeeper

if TYPE_CHECKING:
    from bakeoff.worker.worker_lifecycle import WorkerNode

LONG_AGO_S = 60


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bakeoff.yaml").write_text("{}\n")
    (tmp_path / "config" / "models.yaml").write_text("models: {}\n")
    context = Context(load(tmp_path / "config" / "bakeoff.yaml", environment={}))
    create_tables(context.engine)
    schema_version.ensure(context.engine)  # opens it, so that there is a log
    return context


@pytest.fixture
def keeper(context: Context) -> Housekeeper:
    return Housekeeper(cast("WorkerNode", SimpleNamespace(context=context, oven=None)), worker=None)


@pytest.fixture
def sweeps(keeper: Housekeeper, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], int]:
    """How many of so many turns sweep."""
    done: list[Context] = []
    monkeypatch.setattr(worker_housekeeping, "sweep", done.append)

    def take_turns(number: int) -> int:
        done.clear()
        for _ in range(number):
            keeper.sweep()
        return len(done)

    return take_turns


def let_log_rest(context: Context) -> None:
    """As if the last write had been a minute ago."""
    log = Path(f"{context.configuration.database_file}-wal")
    at = time.time() - LONG_AGO_S
    os.utime(log, (at, at))


def publish_all(context: Context) -> None:
    waiting = outbox.pending(context.engine, limit=100)
    outbox.mark_published(context.engine, [item.position for item in waiting])


def test_a_worker_without_jobs_stops_sweeping_until_somebody_writes(
    context: Context, sweeps: Callable[[int], int]
) -> None:
    let_log_rest(context)
    assert sweeps(10) == 2  # as it begins; then it finds that there is nothing

    a_stored_run(context.engine)
    assert sweeps(10) == 10


def test_sweeps_go_on_beside_a_job_that_may_fall_silent(
    context: Context, sweeps: Callable[[int], int]
) -> None:
    _, [job] = a_stored_run(context.engine)
    claim(context.engine, job)
    publish_all(context)
    let_log_rest(context)

    assert sweeps(10) == 10


def test_sweeps_go_on_while_the_broker_has_not_taken_all_events(
    context: Context, sweeps: Callable[[int], int]
) -> None:
    _, [job] = a_stored_run(context.engine)
    assert leased_jobs.complete(context.engine, claim(context.engine, job).lease, a_result(job))
    let_log_rest(context)
    assert sweeps(10) == 10

    publish_all(context)
    let_log_rest(context)
    assert sweeps(10) <= 2  # as somebody has written; then it finds that there is nothing


def test_a_verdict_that_is_still_to_come_is_looked_for_again_soon(
    context: Context, keeper: Housekeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    monkeypatch.setattr(keeper, "_saver", SimpleNamespace(start_if_due=lambda: bool(looks.append("look"))))
    now_s = 1000.0
    monkeypatch.setattr(keeper._what_is_due, "_clock", lambda: now_s)

    def looks_within(seconds: int) -> int:
        nonlocal now_s
        looks.clear()
        for _ in range(seconds):
            now_s += 1
            keeper.start_what_is_due()
        return len(looks)

    let_log_rest(context)
    looks_within(20)
    assert looks_within(120) == 2

    _, [job] = a_stored_run(context.engine)
    assert leased_jobs.complete(context.engine, claim(context.engine, job).lease, a_result(job))
    let_log_rest(context)
    assert looks_within(120) == 12
