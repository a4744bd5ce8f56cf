"""Looks of a race without a worker: who looks, what a fault does, and what a process that dies leaves."""

import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fixtures.values.samples import DATASET, RULES
from fixtures.values.stored import a_stored_run, claim, states

from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.runs.result import Cost, FoldResult
from bakeoff.domain.runs.run import Run
from bakeoff.domain.snapshot_reference_and_split_design import Design
from bakeoff.evaluation.statistics import race_elimination
from bakeoff.evaluation.statistics.sketches.row_blocks import deal_rows
from bakeoff.evaluation.statistics.sketches.sketch import IntervalKind, make_sketch
from bakeoff.operations.context import Context
from bakeoff.operations.judging.race_rounds import look_of, look_where_rounds_are_over
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import leased_jobs
from bakeoff.store.bakeoffs.results import fold_rows, race_rows
from bakeoff.store.database import schema_version
from bakeoff.worker import judge_and_save_process

FIVE = replace(DATASET, design=Design(folds=5), test_rows=1000)
COST = Cost(fit_s=1.0, predict_s=0.5, cpu_s=1.0, peak_memory_mb=10.0, granted_threads=1)
SHARES = (0.9, 0.89, 0.5)  #: of the rows of the first fold that each candidate has right


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bakeoff.yaml").write_text("{}")
    context = Context(load(tmp_path / "config" / "bakeoff.yaml", environment={}))
    schema_version.ensure(context.engine)
    return context


@pytest.fixture
def run(context: Context) -> Run:
    """Three candidates that have done the first fold, and wait. Nobody has looked."""
    rules = replace(RULES, metrics=("accuracy",))
    run, queued = a_stored_run(context.engine, 3, dataset=FIVE, rules=rules, options={"race": True})
    rows = np.arange(200)
    fold_map = deal_rows(1000, split="one for all").fold(rows)
    random = np.random.RandomState(1)
    for job, share in zip(queued, SHARES, strict=True):
        hits = (random.random(200) < share).astype(float)
        sums = fold_map.sums(hits - hits.mean())
        sketch = make_sketch("accuracy", hits.mean(), sums, fold_map, kind=IntervalKind.BOUNDED, base=100)
        fold = FoldResult(place=0, metrics={"accuracy": hits.mean()}, cost=COST, duration_s=1.0)
        lease = claim(context.engine, job).lease
        assert fold_rows.keep(context.engine, lease, FIVE.design, fold, sketch.to_bytes())
        assert leased_jobs.wait(context.engine, lease)
    return run


def test_whoever_comes_by_looks_once(context: Context, run: Run) -> None:
    assert look_where_rounds_are_over(context) == 1
    assert states(context.engine, run) == ["queued", "queued", "stopped"]
    assert look_where_rounds_are_over(context) == 0

    [look] = race_rows.looks(context.engine, run.id)
    assert (look.leader, look.stopped, look.is_last) == ("m0", ("m2",), False)
    assert look.level == pytest.approx(0.0125)


def test_a_process_that_dies_before_it_has_written_leaves_the_round_as_it_was(
    context: Context, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = look_of(context, run, 1)
    with monkeypatch.context() as dying:
        dying.setattr(race_rows, "write", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            look_where_rounds_are_over(context)
    assert states(context.engine, run) == ["waiting"] * 3

    assert look_where_rounds_are_over(context) == 1
    assert race_rows.looks(context.engine, run.id) == [found]


def test_a_fault_in_the_statistics_stops_nobody_and_the_race_goes_on(
    context: Context, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("no variance")

    monkeypatch.setattr(race_elimination, "look", broken)
    assert look_where_rounds_are_over(context) == 1

    assert states(context.engine, run) == ["queued"] * 3
    [look] = race_rows.looks(context.engine, run.id)
    assert (look.stopped, look.problem) == ((), "ZeroDivisionError: no variance")


def test_a_look_that_cannot_read_the_database_is_made_later(
    context: Context, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise InfrastructureError("the database failed")

    with monkeypatch.context() as outage:
        outage.setattr(race_rows, "fold_sketches", away)
        with pytest.raises(InfrastructureError):
            look_where_rounds_are_over(context)
    assert states(context.engine, run) == ["waiting"] * 3

    assert look_where_rounds_are_over(context) == 1
    assert states(context.engine, run) == ["queued", "queued", "stopped"]


def test_the_saver_looks_where_nobody_did_for_two_checks(
    context: Context, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    class Ended:
        def __init__(self, command: list[str], **_: object) -> None:
            started.append(command[-1])

        def poll(self) -> int:
            return 0

    # There alone: the rest of this process goes on to start real ones.
    monkeypatch.setattr(
        judge_and_save_process, "subprocess", SimpleNamespace(Popen=Ended, DEVNULL=subprocess.DEVNULL)
    )
    saver = judge_and_save_process.Saver(context)
    saver.start_if_due()
    assert started == []  # whoever ended the last job may be about to look
    saver.start_if_due()
    assert started == ["bakeoff.worker.judge_and_save_process"]
    look_where_rounds_are_over(context)
    saver.start_if_due()
    assert started == ["bakeoff.worker.judge_and_save_process"]
