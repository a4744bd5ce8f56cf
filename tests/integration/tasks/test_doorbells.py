"""Which doorbells wait: few, the right ones, and always enough of them, whatever workers do and suffer.

The broker, the database, the ringing and the claims are real. The workers are moves of the test, so that each
order in which they may come can be tried.
"""

import base64
import json
from collections.abc import Iterator

import pytest
from fixtures.projects.project import Project, a_project
from fixtures.values.samples import a_result
from fixtures.values.stored import a_stored_run, try_claim
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bakeoff.operations.doorbells import ring_free_slots, ring_next
from bakeoff.store.bakeoffs import cancellation, job_queries, leased_jobs, run_rows
from bakeoff.store.bakeoffs.queue.claims import Caps, Claim, ClaimRefusal
from bakeoff.store.bakeoffs.queue.queue_order import next_jobs

CAPS = Caps(per_node=2, overall=3)
NODES = ("left", "right")


@pytest.fixture(scope="module")
def whole_project() -> Iterator[Project]:
    with a_project({}, evalWorkers=CAPS.per_node, maxRunning=CAPS.overall) as project:
        yield project


@pytest.fixture
def project(whole_project: Project) -> Project:
    whole_project.forget()
    return whole_project


def named(message: bytes) -> str:
    """The job that a message is about, read as a worker reads it."""
    _, keywords, _ = json.loads(base64.b64decode(json.loads(message)["body"]))
    return str(keywords["jobId"])


def waiting(project: Project) -> list[str]:
    """The jobs that messages wait for, the next one first."""
    return [named(message) for message in reversed(project.redis.lrange("evaluations", 0, -1))]


def take(project: Project) -> str | None:
    """The job of the next message, which is then gone."""
    message = project.redis.rpop("evaluations")
    return named(message) if isinstance(message, bytes) else None


def test_a_small_run_on_idle_machines_has_a_doorbell_for_each_job(project: Project) -> None:
    _, queued = a_stored_run(project.engine, 5)

    assert ring_next(project.context) == 5
    assert waiting(project) == [job.id for job in queued]


def test_a_large_run_has_no_more_than_are_needed_soon(project: Project) -> None:
    _, queued = a_stored_run(project.engine, 1000)

    assert ring_next(project.context) == 5
    assert ring_next(project.context) == 0
    assert waiting(project) == [job.id for job in queued[:5]]


def test_the_sweep_rings_for_the_free_slots_and_no_more(project: Project) -> None:
    _, queued = a_stored_run(project.engine, 9)
    try_claim(project.engine, queued[0])

    assert ring_free_slots(project.context) == 2
    assert waiting(project) == [job.id for job in queued[1:3]]
    for job in queued[1:3]:
        try_claim(project.engine, job)
    project.redis.delete("evaluations")
    assert ring_free_slots(project.context) == 0


def test_a_run_that_starts_while_all_slots_are_taken_can_wake_a_worker(project: Project) -> None:
    _, queued = a_stored_run(project.engine, 9)
    for job in queued[:3]:
        try_claim(project.engine, job)

    assert ring_next(project.context) == 3
    assert waiting(project) == [job.id for job in queued[3:6]]


def test_where_several_runs_wait_nothing_is_rung_to_spare(project: Project) -> None:
    """Whose turn it is next depends on whose job ends first."""
    for hour in range(2):
        a_stored_run(project.engine, 9, name=f"run {hour}")

    assert ring_next(project.context) == 3


def test_the_next_doorbells_are_rung_when_fewer_wait_than_slots_are_free(project: Project) -> None:
    _, queued = a_stored_run(project.engine, 9)
    ring_next(project.context)
    sent = []
    for _ in range(6):
        taken = try_claim(project.engine, take(project) or "")
        assert isinstance(taken, Claim)
        leased_jobs.complete(project.engine, taken.lease, a_result(taken.job))
        sent.append(ring_next(project.context))

    assert sent == [0, 0, 3, 0, 0, 1]
    assert waiting(project) == [job.id for job in queued[6:]]


def test_messages_of_strangers_are_not_taken_for_doorbells(project: Project) -> None:
    a_stored_run(project.engine, 9)
    for _ in range(9):
        project.redis.lpush("evaluations", b"rubbish")

    assert ring_next(project.context) == 5


class Doorbells(RuleBasedStateMachine):
    project: Project

    def __init__(self) -> None:
        super().__init__()
        self.project.forget()
        self.run_ids: list[str] = []
        self.held: list[Claim] = []
        self.is_lost = False  #: a message is gone, or a holder, and no sweep has looked since

    @property
    def free(self) -> int:
        return CAPS.overall - job_queries.running(self.project.engine)

    def nodes_with_room(self) -> list[str]:
        """Celery takes no message that no process of its pool is free for."""
        places = [taken.job.node for taken in self.held]
        return [node for node in NODES if places.count(node) < CAPS.per_node]

    @rule(number=st.integers(1, 6), priority=st.integers(-1, 1))
    def start_a_run(self, number: int, priority: int) -> None:
        run, _ = a_stored_run(self.project.engine, number, priority=priority)
        self.run_ids.append(run.id)
        ring_next(self.project.context)

    @precondition(lambda self: self.nodes_with_room())
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        self._answer(data.draw(st.sampled_from(self.nodes_with_room())))

    def _answer(self, node: str) -> Claim | ClaimRefusal | None:
        """What `tasks.evaluate` does with a message."""
        job_id = take(self.project)
        if job_id is None:
            return None
        head = next_jobs(self.project.engine, limit=1)
        said = try_claim(self.project.engine, job_id, node=node, caps=CAPS)
        if isinstance(said, Claim):
            assert said.run.id == head[0].run_id
            self.held.append(said)
        elif said is not ClaimRefusal.FULL:
            ring_next(self.project.context)
        return said

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        taken = self._let_go_of_one(data)
        leased_jobs.complete(self.project.engine, taken.lease, a_result(taken.job))
        ring_next(self.project.context)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def put_back(self, data: st.DataObject) -> None:
        leased_jobs.release(self.project.engine, self._let_go_of_one(data).lease)
        ring_next(self.project.context)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        """Somebody, or somebody's machine: nobody rings for the job."""
        leased_jobs.renew(self.project.engine, self._let_go_of_one(data).lease, lease_s=-1)
        self.is_lost = True

    def _let_go_of_one(self, data: st.DataObject) -> Claim:
        return self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))

    @rule()
    def lose_a_message(self) -> None:
        """Its worker was killed with it in hand."""
        self.is_lost = take(self.project) is not None or self.is_lost

    @rule()
    def wipe_the_broker(self) -> None:
        self.project.redis.delete("evaluations")
        self.is_lost = True

    @precondition(lambda self: self.run_ids)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        cancellation.cancel_run(self.project.engine, data.draw(st.sampled_from(self.run_ids)))

    @precondition(lambda self: self.run_ids)
    @rule(data=st.data(), priority=st.integers(-1, 1))
    def prioritise(self, data: st.DataObject, priority: int) -> None:
        run_rows.prioritise(self.project.engine, data.draw(st.sampled_from(self.run_ids)), priority)

    @rule()
    def sweep(self) -> None:
        leased_jobs.expire(self.project.engine)
        ring_free_slots(self.project.context)
        self.is_lost = False

    @invariant()
    def no_more_wait_than_slots_and_their_spares_and_none_twice(self) -> None:
        found = waiting(self.project)

        assert len(found) <= CAPS.overall + CAPS.per_node
        assert len(found) == len(set(found))

    @invariant()
    def a_free_slot_is_waited_for_if_anything_is_queued(self) -> None:
        if self.free and not self.is_lost and next_jobs(self.project.engine, limit=1):
            assert waiting(self.project)

    def teardown(self) -> None:
        """After one last sweep all goes on to its end, in few steps for each job."""
        self.sweep()
        while job_queries.backlog(self.project.engine).queued or self.held:
            self._fill_the_slots()
            if self.held:
                taken = self.held.pop(0)
                leased_jobs.complete(self.project.engine, taken.lease, a_result(taken.job))
                ring_next(self.project.context)
        super().teardown()

    def _fill_the_slots(self) -> None:
        in_vain = 0
        while self.free and next_jobs(self.project.engine, limit=1):
            said = self._answer(self.nodes_with_room()[0])
            assert said is not None, "jobs are queued, slots are free, and nobody is told"
            in_vain = 0 if isinstance(said, Claim) else in_vain + 1
            assert in_vain <= 2 * (CAPS.overall + CAPS.per_node), "doorbells are rung and refused in circles"


def test_whatever_workers_do_the_run_in_line_is_rung_for_and_none_goes_in_circles(
    project: Project,
) -> None:
    here: type[Doorbells] = type("DoorbellsHere", (Doorbells,), {"project": project})

    run_state_machine_as_test(
        here,
        settings=settings(
            max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
