"""What the verdict must not overlook, each shown to it alone."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice, pairwise

import pytest
from chaos.audit import Move
from chaos.faults import Fault
from chaos.recovery import Recovery, recoveries
from chaos.schedule import Database, Kind, draw, kinds
from chaos.site import Told
from chaos.verdict import Evidence, judge
from fixtures.values.samples import NOON, a_job, a_result, a_run

from bakeoff.domain.runs.job import JobError, JobState, Phase
from bakeoff.domain.runs.run import RunState

RUN = a_run()
JOB = a_job(RUN, state=JobState.COMPLETED, attempt=2, ended_at=NOON)
RESULT = a_result(JOB, attempt=2)


def moved(thing: str, *states: str, running: int = 1, at: float = 0.0) -> list[Move]:
    return [
        Move(
            at=at + place,
            thing=thing,
            was=was,
            became=became,
            worker="one",
            running=running,
            running_here=running,
        )
        for place, (was, became) in enumerate(pairwise(states))
    ]


EVENTS = [
    Told(id=kind, type=kind, run_id=RUN.id)
    for kind in ("evaluation.started", "evaluation.completed", "run.completed")
]

#: A job whose first worker died, and that another one finished.
WELL = Evidence(
    moves=[
        *moved(JOB.id, "queued", "running", "queued", "running", "completed"),
        *moved(RUN.id, "queued", "running", "completed"),
    ],
    run_states={RUN.id: RunState.COMPLETED},
    jobs=[JOB],
    results=[RESULT],
    committed=EVENTS,
    unpublished=0,
    told=[*EVENTS, *EVENTS],
    reference={"m0": {"f1": 0.75, "accuracy": None}},
)


def test_a_round_in_which_all_went_well_has_no_breach() -> None:
    assert judge(WELL) == []


AGAIN = Told(id="again", type="evaluation.completed", run_id=RUN.id)
LOST = JobError(type="WorkerLost", message="it died 30 times in a row", phase=Phase.START)

ILLS: dict[str, tuple[str, Callable[[Evidence], Evidence]]] = {
    "a run that goes on": ("stuck", lambda e: replace(e, run_states={RUN.id: RunState.RUNNING})),
    "a job that goes on": ("stuck", lambda e: replace(e, jobs=[replace(JOB, state=JobState.RUNNING)])),
    "a job that ended twice": (
        "doubled",
        lambda e: replace(e, moves=[*e.moves, *moved(JOB.id, "running", "completed")]),
    ),
    "a job that moved after its end": (
        "wrong",
        lambda e: replace(e, moves=[*e.moves, *moved(JOB.id, "completed", "queued")]),
    ),
    "an innocent job that failed": ("wrong", lambda e: replace(e, jobs=[replace(JOB, error=LOST)])),
    "no result": ("lost", lambda e: replace(e, results=[])),
    "two results": ("doubled", lambda e: replace(e, results=[RESULT, RESULT])),
    "a result of a ghost": ("doubled", lambda e: replace(e, results=[replace(RESULT, attempt=1)])),
    "other numbers": ("wrong", lambda e: replace(e, results=[replace(RESULT, metrics={"f1": 0.7})])),
    "a lease too many": ("wrong", lambda e: replace(e, moves=[*e.moves, *moved("x", "a", "b", running=4)])),
    "an event too few": ("lost", lambda e: replace(e, committed=EVENTS[1:], told=EVENTS[1:])),
    "an event too many": ("doubled", lambda e: replace(e, committed=[*EVENTS, AGAIN], told=[*EVENTS, AGAIN])),
    "an event that was not told": ("lost", lambda e: replace(e, told=EVENTS[:2])),
    "an event that is still to be told": ("lost", lambda e: replace(e, unpublished=1)),
    "an event of nothing": ("wrong", lambda e: replace(e, told=[*EVENTS, AGAIN])),
    "events in another order": ("wrong", lambda e: replace(e, told=EVENTS[::-1])),
}


@pytest.mark.parametrize("ill", ILLS)
def test_the_verdict_names(ill: str) -> None:
    sort, spoil = ILLS[ill]

    assert sort in [breach.sort for breach in judge(spoil(WELL))]


@pytest.mark.parametrize("database", Database)
def test_the_same_seed_gives_the_same_schedule_of_all_that_can_strike(database: Database) -> None:
    first = list(islice(draw("7/0", kinds(database)), 40))

    assert first == list(islice(draw("7/0", kinds(database)), 40))
    assert first != list(islice(draw("7/1", kinds(database)), 40))
    assert {stroke.kind for stroke in first} == set(kinds(database))
    assert (Kind.KEEPER in kinds(database)) is (database == "sqlite")
    assert (Kind.CRASHED in kinds(database)) is (database == "postgresql")


def test_a_recovery_counts_from_the_last_fault_that_stopped_the_job() -> None:
    moves = moved("j", "queued", "running", "queued", "running", "completed", at=10.0)
    faults = [Fault(kind=Kind.POOL, at=10.2, jobs=("j",)), Fault(kind=Kind.WORKER, at=10.5, jobs=("j",))]

    assert list(recoveries(faults, moves, {"j": "r"})) == [
        Recovery(kind=Kind.WORKER, noticed_s=0.5, taken_s=1.5)
    ]


def test_a_job_that_ended_although_its_worker_was_struck_needed_no_recovery() -> None:
    moves = moved("j", "queued", "running", "completed", at=10.0)

    assert list(recoveries([Fault(kind=Kind.CELL, at=10.5, jobs=("j",))], moves, {"j": "r"})) == []
