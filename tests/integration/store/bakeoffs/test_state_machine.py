"""Chance sequences of moves by several holders, against a small model of what should happen."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from fixtures.values.samples import NOON, a_job, a_result, a_run
from fixtures.values.stored import an_error, judge_all
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, select

from bakeoff.domain.runs.job import Job, JobState
from bakeoff.store.bakeoffs import cancellation, job_queries, leased_jobs, outbox, run_rows
from bakeoff.store.bakeoffs.leased_jobs import LeaseStanding
from bakeoff.store.bakeoffs.queue import claims
from bakeoff.store.bakeoffs.queue.claims import Caps, Claim, ClaimRefusal, Holder, Lease
from bakeoff.store.bakeoffs.queue.queue_order import NEXT_RUN, next_jobs
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import reading, writing

CAPS = Caps(per_node=2, overall=3)
MAX_ATTEMPTS = 2
FIRST, SECOND = RUNS = (range(2), range(2, 5))
PLACES = st.integers(0, 4)
NODES = st.sampled_from(["left", "right"])
ENDED = {"completed", "failed", "timed_out", "cancelled"}


@dataclass
class Modelled:
    """What a job should be like."""

    state: str = "queued"
    attempt: int = 0
    token: str | None = None
    node: str | None = None
    silent: int = 0  #: when its holder fell silent, 0 when it has not
    unwanted: bool = False
    started: bool = False


@dataclass
class Model:
    """Two runs: the jobs 0 and 1, and the jobs 2, 3 and 4."""

    jobs: list[Modelled] = field(default_factory=lambda: [Modelled() for _ in range(5)])
    told: list[str] = field(default_factory=list)
    silences: int = 0
    priorities: dict[range, int] = field(default_factory=lambda: {FIRST: 0, SECOND: 0})
    served: list[range] = field(default_factory=list)  #: runs, in the order in which jobs of theirs began

    def run_of(self, place: int) -> range:
        return FIRST if place in FIRST else SECOND

    def line(self) -> list[int]:
        """The queued jobs as they would start if none ended."""
        queued = {run: [place for place in run if self.jobs[place].state == "queued"] for run in RUNS}
        running = {run: sum(self.jobs[place].state == "running" for place in run) for run in RUNS}
        served, line = list(self.served), []
        while any(queued.values()):
            best = max(self.priorities[run] for run in RUNS if queued[run])
            rivals = [run for run in RUNS if queued[run] and self.priorities[run] == best]
            fewest = min(running[run] for run in rivals)
            rivals = [run for run in rivals if running[run] == fewest]
            never = [run for run in rivals if run not in served]
            turn = never[0] if never else max(rivals, key=served[::-1].index)
            line.append(queued[turn].pop(0))
            running[turn] += 1
            served.append(turn)
        return line

    def is_in_line(self, place: int) -> bool:
        return self.run_of(self.line()[0]) == self.run_of(place)

    def holds(self, place: int, token: str) -> bool:
        return self.jobs[place].token == token

    def full(self, node: str) -> bool:
        nodes = Counter(job.node for job in self.jobs if job.state == "running")
        return nodes.total() >= 3 or nodes[node] >= 2

    def start(self, place: int, node: str, token: str) -> None:
        job = self.jobs[place]
        if not job.started:
            self.told.append(f"evaluation.started {place}")
        job.state, job.node, job.token, job.started = "running", node, token, True
        job.attempt += 1
        self.served.append(self.run_of(place))

    def let_go(self, place: int, state: str) -> None:
        job = self.jobs[place]
        job.state, job.token, job.silent = state, None, 0
        if state in ENDED:
            self.told.append(f"evaluation.{'failed' if state == 'timed_out' else state} {place}")
            self._close(self.run_of(place))

    def give_up(self, place: int) -> None:
        job = self.jobs[place]
        if job.unwanted:
            self.let_go(place, "cancelled")
        else:
            self.let_go(place, "queued" if job.attempt < MAX_ATTEMPTS else "failed")

    def cancel(self, places: range) -> bool:
        """A whole run, or one job: a run is closed after all its queued jobs have been told of."""
        queued = [place for place in places if self.jobs[place].state == "queued"]
        running = [place for place in places if self.jobs[place].state == "running"]
        for place in queued:
            self.jobs[place].state = "cancelled"
            self.told.append(f"evaluation.cancelled {place}")
        for place in running:
            self.jobs[place].unwanted = True
        if queued:
            self._close(self.run_of(places[0]))
        return bool(queued or running)

    def _close(self, run: range) -> None:
        if all(self.jobs[place].state in ENDED for place in run):
            self.told.append(f"run.completed {self.run_state(run)}")

    def run_state(self, run: range) -> str:
        found = {self.jobs[place].state for place in run}
        if not found <= ENDED:
            return "running" if any(self.jobs[place].started for place in run) else "queued"
        if "cancelled" in found:
            return "cancelled"
        if found == {"completed"}:
            return "completed"
        return "partial" if "completed" in found else "failed"


class Leases(RuleBasedStateMachine):
    engine: Engine

    taken = Bundle("taken")  #: all leases that were ever given, with the place of their job

    def __init__(self) -> None:
        super().__init__()
        with writing(self.engine) as connection:
            for table in reversed(all_tables.metadata.sorted_tables):
                connection.execute(table.delete())
        self.model = Model()
        self.runs = [a_run(), a_run(created_at=NOON + timedelta(hours=1))]
        self.jobs = [self._job(place) for place in range(5)]
        for run in self.runs:
            run_rows.create(self.engine, run, [job for job in self.jobs if job.run_id == run.id])

    def _job(self, place: int) -> Job:
        return a_job(self.runs[place >= 2], place, max_attempts=MAX_ATTEMPTS)

    @rule(target=taken, place=PLACES, node=NODES)
    def claim(self, place: int, node: str) -> tuple[int, Lease]:
        return self._claim(place, node)

    @precondition(lambda self: self.model.line())
    @rule(target=taken, node=NODES)
    def claim_the_next(self, node: str) -> tuple[int, Lease]:
        return self._claim(self.model.line()[0], node)

    def _claim(self, place: int, node: str) -> tuple[int, Lease]:
        got = claims.claim(
            self.engine,
            self.jobs[place].id,
            holder=Holder(node=node, worker="w"),
            caps=CAPS,
            lease_s=60,
        )
        state = self.model.jobs[place].state
        if isinstance(got, Claim):
            assert state == "queued"
            assert not self.model.full(node)
            assert self.model.is_in_line(place)
            self.model.start(place, node, got.lease.token)
            return place, got.lease
        kept = ClaimRefusal.FULL if self.model.full(node) else ClaimRefusal.OUT_OF_TURN
        assert got is {"running": ClaimRefusal.RUNNING, "queued": kept}.get(state, ClaimRefusal.ENDED)
        assert got is not ClaimRefusal.OUT_OF_TURN or not self.model.is_in_line(place)
        return place, Lease(
            job_id=self.jobs[place].id, run_id=self.jobs[place].run_id, token="none", attempt=1
        )

    @rule(lease=taken)
    def renew(self, lease: tuple[int, Lease]) -> None:
        place, held = lease
        renewed = leased_jobs.renew(self.engine, held, lease_s=60)
        assert renewed is self.model.holds(place, held.token)
        if renewed:
            self.model.jobs[place].silent = 0

    @rule(lease=taken)
    def fall_silent(self, lease: tuple[int, Lease]) -> None:
        place, held = lease
        if leased_jobs.renew(self.engine, held, lease_s=-1):
            self.model.silences += 1
            self.model.jobs[place].silent = self.model.silences

    @rule()
    def expire(self) -> None:
        silent = [place for place in range(5) if self.model.jobs[place].silent]
        assert leased_jobs.expire(self.engine) == len(silent)
        for place in sorted(silent, key=lambda place: self.model.jobs[place].silent):
            self.model.give_up(place)

    @rule(lease=taken)
    def look(self, lease: tuple[int, Lease]) -> None:
        place, held = lease
        expected = LeaseStanding.LOST
        if self.model.holds(place, held.token):
            expected = LeaseStanding.CANCELLED if self.model.jobs[place].unwanted else LeaseStanding.HELD
        assert leased_jobs.standing(self.engine, held) is expected

    @rule(lease=taken)
    def complete(self, lease: tuple[int, Lease]) -> None:
        place, held = lease
        done = leased_jobs.complete(self.engine, held, a_result(self.jobs[place]))
        self._ended(place, held, done, "completed")

    @rule(lease=taken, state=st.sampled_from([JobState.FAILED, JobState.TIMED_OUT]))
    def fail(self, lease: tuple[int, Lease], state: JobState) -> None:
        place, held = lease
        self._ended(place, held, leased_jobs.fail(self.engine, held, an_error(), state=state), str(state))

    @rule(lease=taken)
    def cancel(self, lease: tuple[int, Lease]) -> None:
        place, held = lease
        self._ended(place, held, leased_jobs.cancel(self.engine, held), "cancelled")

    @rule(lease=taken)
    def release(self, lease: tuple[int, Lease]) -> None:
        place, held = lease
        done = leased_jobs.release(self.engine, held)
        unwanted = self.model.jobs[place].unwanted
        self._ended(place, held, done, "cancelled" if unwanted else "queued")
        if done and not unwanted:
            self.model.jobs[place].attempt -= 1

    @rule(lease=taken)
    def give_up(self, lease: tuple[int, Lease]) -> None:
        place, held = lease
        done = leased_jobs.retry_or_fail(self.engine, held, an_error())
        assert done is self.model.holds(place, held.token)
        if done:
            self.model.give_up(place)

    @rule(place=PLACES)
    def cancel_job(self, place: int) -> None:
        done = cancellation.cancel_job(self.engine, self.jobs[place].id)
        assert done is self.model.cancel(range(place, place + 1))

    @rule(place=st.sampled_from([0, 2]))
    def cancel_run(self, place: int) -> None:
        done = cancellation.cancel_run(self.engine, self.jobs[place].run_id)
        assert done is self.model.cancel(self.model.run_of(place))

    @rule(run=st.sampled_from(RUNS), priority=st.integers(-1, 1))
    def prioritise(self, run: range, priority: int) -> None:
        done = run_rows.prioritise(self.engine, self.jobs[run[0]].run_id, priority)
        assert done is (self.model.run_state(run) in {"queued", "running"})
        if done:
            self.model.priorities[run] = priority

    def _ended(self, place: int, held: Lease, done: object, state: str) -> None:
        assert done is self.model.holds(place, held.token)
        if done:
            self.model.let_go(place, state)

    @invariant()
    def each_job_is_where_the_model_has_it(self) -> None:
        found = [job for run in self.runs for job in job_queries.of_run(self.engine, run.id)]

        assert [(job.state, job.attempt) for job in found] == [
            (job.state, job.attempt) for job in self.model.jobs
        ]
        assert [bool(job.cancel_requested_at) for job in found] == [job.unwanted for job in self.model.jobs]

    @invariant()
    def those_who_wait_stand_in_line(self) -> None:
        line = next_jobs(self.engine, limit=9)
        with reading(self.engine) as connection:
            in_line = connection.execute(select(NEXT_RUN)).scalar()

        assert [waiting.job_id for waiting in line] == [self.jobs[place].id for place in self.model.line()]
        assert in_line == (line[0].run_id if line else None)

    @invariant()
    def the_caps_are_kept(self) -> None:
        assert job_queries.backlog(self.engine).running <= 3

    @invariant()
    def each_completed_job_has_one_result_and_no_other_has(self) -> None:
        found = [
            result.evaluation_id
            for run in self.runs
            for result in job_queries.results_of_run(self.engine, run.id)
        ]
        completed = [
            self.jobs[place].id for place, job in enumerate(self.model.jobs) if job.state == "completed"
        ]

        assert sorted(found) == sorted(completed)

    @invariant()
    def each_run_follows_its_jobs(self) -> None:
        found = [str(run_rows.get(self.engine, run.id).state) for run in self.runs]

        assert found == [self.model.run_state(range(2)), self.model.run_state(range(2, 5))]

    @invariant()
    def each_change_is_told_once_and_in_order(self) -> None:
        places = {job.id: place for place, job in enumerate(self.jobs)}
        judge_all(self.engine)
        told = [pending.event for pending in outbox.pending(self.engine, limit=1000)]

        assert [
            f"{event.type} {event.payload['status']}"
            if event.type == "run.completed"
            else f"{event.type} {places[event.payload['evaluationId']]}"
            for event in told
        ] == self.model.told


def test_whatever_the_holders_do_the_store_does_as_the_model(engine: Engine) -> None:
    here: type[Leases] = type("LeasesHere", (Leases,), {"engine": engine})

    run_state_machine_as_test(
        here,
        settings=settings(
            max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
