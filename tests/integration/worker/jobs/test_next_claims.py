"""The job that is claimed as one ends: it is worked on next, or goes back at once."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from fixtures.values.samples import a_result
from fixtures.values.stored import PLENTY, a_stored_run, claim
from sqlalchemy import Engine

from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.runs.job import JobState
from bakeoff.store.bakeoffs import job_queries, leased_jobs
from bakeoff.store.bakeoffs.queue import claims
from bakeoff.store.bakeoffs.queue.claims import Claim, Holder, NextClaim
from bakeoff.worker.jobs import job_runner, several_jobs_in_one_task
from bakeoff.worker.jobs.job_at_work import Completed
from bakeoff.worker.jobs.job_runner import JobRunner
from bakeoff.worker.jobs.several_jobs_in_one_task import JobBatch


def a_runner(engine: Engine, doorbells: Callable[..., list[str] | None] = lambda **_: []) -> JobRunner:
    context: Any = SimpleNamespace(
        engine=engine,
        configuration=SimpleNamespace(settings=SimpleNamespace(node="here", lease_seconds=60)),
        shared_caps=SimpleNamespace(present=lambda: PLENTY),
        messenger=SimpleNamespace(jobs_with_doorbell=doorbells),
    )
    task: Any = SimpleNamespace(request=SimpleNamespace(hostname="w1", id="t1"))
    memory: Any = SimpleNamespace(is_stopping=lambda: False)
    return JobRunner(context, memory, task)


def end_and_claim_next(engine: Engine, ended: Claim, batch: JobBatch) -> None:
    holder = Holder(node="here", worker="w1")
    then = batch.note_next_claim(NextClaim(excluded=[], holder=holder, caps=PLENTY, lease_s=60))
    assert leased_jobs.complete(engine, ended.lease, a_result(ended.job), then=then)


def test_it_is_the_one_that_is_worked_on_next(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    _, [first, second] = a_stored_run(engine, 2)
    runner, worked_on = a_runner(engine), []

    def supervise(at_work: Claim, batch: JobBatch, **_: Any) -> str:
        worked_on.append(at_work.job.id)
        end_and_claim_next(engine, at_work, batch)
        return "completed"

    monkeypatch.setattr(runner, "_supervise", supervise)
    said = runner._run_batch(claim(engine, first))

    assert worked_on == [first.id, second.id]
    assert said == "completed; and 1 more, the last one: completed"


@pytest.mark.parametrize("fault", [SystemExit(0), InfrastructureError("the disk is gone")])
def test_it_goes_back_without_an_attempt_if_the_worker_must_stop_before_it_begins(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    _, [first, second] = a_stored_run(engine, 2)
    runner = a_runner(engine)

    def supervise(at_work: Claim, batch: JobBatch, **_: Any) -> str:
        end_and_claim_next(engine, at_work, batch)
        assert job_queries.get(engine, second.id).state is JobState.RUNNING
        raise fault

    monkeypatch.setattr(runner, "_supervise", supervise)
    with pytest.raises(type(fault)):
        runner._run_batch(claim(engine, first))

    waiting = job_queries.get(engine, second.id)
    assert (waiting.state, waiting.attempt) == (JobState.QUEUED, 0)


def end_at_work(runner: JobRunner, engine: Engine, ended: Claim, monkeypatch: pytest.MonkeyPatch) -> JobBatch:
    """Lets the runner write the end of a job whose kind has completed it."""
    batch = JobBatch(runner._task, runner._memory)

    def work(_: Any) -> Completed:
        result = a_result(ended.job)
        return Completed(
            write=lambda then: leased_jobs.complete(engine, ended.lease, result, then=then), summary="well"
        )

    at_work: Any = SimpleNamespace(
        job=ended.job, lease=ended.lease, monitor=SimpleNamespace(insist=lambda write: write())
    )
    monkeypatch.setattr(job_runner, "_WORK", {ended.job.kind: work})
    monkeypatch.setattr(job_runner, "_slot", SimpleNamespace(warm=SimpleNamespace(is_alive=lambda: True)))
    monkeypatch.setattr(batch, "lasts", lambda: True)
    assert runner._work(at_work, batch) == "completed, well"
    return batch


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_runner, "full_disk", lambda _: None)


@pytest.mark.usefixtures("room")
def test_it_is_claimed_as_the_one_before_is_written(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    _, [first, second] = a_stored_run(engine, 2)
    batch = end_at_work(a_runner(engine), engine, claim(engine, first), monkeypatch)

    asked = batch.take_next_claim()
    assert asked is not None
    assert asked.claimed is not None
    assert asked.claimed.job.id == second.id


@pytest.mark.usefixtures("room")
def test_a_fault_of_the_search_for_it_costs_the_one_before_no_result(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(**_: Any) -> list[str]:
        raise OSError("the broker is gone")

    _, [first, second] = a_stored_run(engine, 2)
    batch = end_at_work(a_runner(engine, lost), engine, claim(engine, first), monkeypatch)

    assert batch.take_next_claim() is None
    assert job_queries.get(engine, first.id).state is JobState.COMPLETED
    assert job_queries.get(engine, second.id).state is JobState.QUEUED


@pytest.mark.usefixtures("room")
def test_one_that_cannot_be_read_costs_the_one_before_no_result_and_stays_queued(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, [first, second] = a_stored_run(engine, 2)
    ended = claim(engine, first)

    def unreadable(_: Any) -> Any:
        raise KeyError("of a later version")

    monkeypatch.setattr(claims, "job_from_row", unreadable)
    asked = end_at_work(a_runner(engine), engine, ended, monkeypatch).take_next_claim()

    assert asked is not None
    assert asked.claimed is None
    assert job_queries.get(engine, first.id).state is JobState.COMPLETED
    waiting = job_queries.get(engine, second.id)
    assert (waiting.state, waiting.attempt) == (JobState.QUEUED, 0)


def test_which_jobs_have_a_doorbell_is_not_asked_again_for_each_short_job(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(several_jobs_in_one_task, "_DOORBELLS_S", 60.0)
    asked = []

    def doorbells(*, most: int) -> list[str]:
        asked.append(most)
        return ["j1"]

    runner = a_runner(engine, doorbells)
    batch = JobBatch(runner._task, runner._memory)

    assert [batch.jobs_with_doorbell(runner._context) for _ in range(3)] == [["j1"], ["j1"], ["j1"]]
    assert len(asked) == 1
