"""While a verdict takes longer than a lease, the process that judges the run keeps it."""

import time
from pathlib import Path

import pytest
from fixtures.servers.databases import create_tables
from fixtures.values.samples import a_result
from fixtures.values.stored import a_stored_run, claim, sketches_of_scores

from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.operations.context import Context
from bakeoff.operations.judging import compute_run_verdict, judge_ended_runs
from bakeoff.operations.judging.judge_ended_runs import judge_run
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import leased_jobs
from bakeoff.store.bakeoffs.results import verdict_rows

LEASE_S = 1


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bakeoff.yaml").write_text(f"leaseSeconds: {LEASE_S}\n")
    context = Context(load(tmp_path / "config" / "bakeoff.yaml", environment={}))
    create_tables(context.engine)
    return context


@pytest.fixture
def ended(context: Context) -> Run:
    """A run whose only job has ended, and that nobody has judged."""
    run, [job] = a_stored_run(context.engine)
    claimed = claim(context.engine, job)
    result = a_result(claimed.job, metrics={"accuracy": 0.9})
    assert leased_jobs.complete(
        context.engine, claimed.lease, result, sketches=sketches_of_scores(accuracy=0.9)
    )
    return run


def slowed(monkeypatch: pytest.MonkeyPatch, by_s: float) -> None:
    judged = compute_run_verdict.verdict_of

    def slow(*given: object) -> RunVerdict:
        time.sleep(by_s)
        return judged(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(compute_run_verdict, "verdict_of", slow)


def test_a_verdict_that_takes_longer_than_a_lease_is_written_at_the_first_attempt(
    context: Context, ended: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowed(monkeypatch, by_s=1.5 * LEASE_S)
    due_meanwhile = []
    renewed = judge_ended_runs.work_while_leased

    def looked_at(*given: object, **named: object) -> object:
        found = renewed(*given, **named)  # type: ignore[arg-type]
        due_meanwhile.extend(verdict_rows.due(context.engine))
        return found

    monkeypatch.setattr(judge_ended_runs, "work_while_leased", looked_at)

    assert judge_run(context, ended.id)
    assert due_meanwhile == []
    assert verdict_rows.of_run(context.engine, ended.id) is not None


def test_who_loses_the_lease_leaves_the_run_to_another_process_and_goes_on(
    context: Context, ended: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowed(monkeypatch, by_s=2 * LEASE_S)
    monkeypatch.setattr(verdict_rows.RowLease, "renew", lambda *_, **__: False)

    assert not judge_run(context, ended.id)
    assert verdict_rows.of_run(context.engine, ended.id) is None
