"""What must hold when a round is over, read from the database, the audit and the stream."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from chaos.audit import Move
from chaos.candidates import MAX_ATTEMPTS, POISON
from chaos.site import OVERALL, PER_NODE, Site, Told
from sqlalchemy import select

from bakeoff.domain.runs.job import Job
from bakeoff.domain.runs.result import Result
from bakeoff.domain.runs.run import RunState
from bakeoff.store.bakeoffs import job_queries, run_rows
from bakeoff.store.database.all_tables import outbox
from bakeoff.store.database.engine_and_transactions import reading

Metrics = Mapping[str, Mapping[str, float | None]]  #: by candidate

#: The arrows, once more, as literals.
_ARROWS = {
    ("queued", "running"),
    ("running", "queued"),
    ("running", "completed"),
    ("running", "failed"),
}
_ENDS = {"completed": "evaluation.completed", "failed": "evaluation.failed"}
_RUN_PATHS = (
    [("queued", "running"), ("running", "partial")],
    [("queued", "running"), ("running", "completed")],
)


class Sort(StrEnum):
    LOST = "lost"
    DOUBLED = "doubled"
    STUCK = "stuck"
    WRONG = "wrong"
    LEFT = "left behind"


@dataclass(frozen=True)
class Breach:
    sort: Sort
    what: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    moves: Sequence[Move]
    run_states: Mapping[str, RunState]
    jobs: Sequence[Job]
    results: Sequence[Result]
    committed: Sequence[Told]  #: the outbox, in its order
    unpublished: int
    told: Sequence[Told]  #: the stream, as a reader got it
    reference: Metrics


def gather(site: Site, moves: Sequence[Move], reference: Metrics) -> Evidence:
    engine = site.project.engine
    with reading(engine) as connection:
        rows = connection.execute(select(outbox).order_by(outbox.c.position)).all()
    return Evidence(
        moves=moves,
        run_states={run_id: run_rows.get(engine, run_id).state for run_id in site.run_ids},
        jobs=[job for run_id in site.run_ids for job in job_queries.of_run(engine, run_id)],
        results=[result for run_id in site.run_ids for result in job_queries.results_of_run(engine, run_id)],
        committed=[Told(id=row.event_id, type=row.event_type, run_id=row.run_id) for row in rows],
        unpublished=sum(row.published_at is None for row in rows),
        told=site.told,
        reference=reference,
    )


def judge(evidence: Evidence) -> list[Breach]:
    checks = (_runs, _jobs, _results, _caps, _events, _stream)
    return [breach for check in checks for breach in check(evidence)]


def _moves_of(evidence: Evidence) -> dict[str, list[Move]]:
    found = defaultdict(list)
    for move in evidence.moves:
        found[move.thing].append(move)
    return found


def _runs(evidence: Evidence) -> Iterator[Breach]:
    """Each has ended once."""
    moves = _moves_of(evidence)
    for run_id, state in evidence.run_states.items():
        path = [(move.was, move.became) for move in moves[run_id]]
        if not state.has_ended:
            yield Breach(Sort.STUCK, f"run {run_id} is {state}")
        elif path not in _RUN_PATHS:
            yield Breach(Sort.WRONG, f"run {run_id} went {path}")


def _jobs(evidence: Evidence) -> Iterator[Breach]:
    moves = _moves_of(evidence)
    for job in evidence.jobs:
        name = f"{job.candidate.id} ({job.id})"
        path = [(move.was, move.became) for move in moves[job.id]]
        ends = [became for _, became in path if became in _ENDS]
        if not job.state.has_ended:
            yield Breach(Sort.STUCK, f"{name} is {job.state}: {path}")
        elif len(ends) > 1:
            yield Breach(Sort.DOUBLED, f"{name} ended {len(ends)} times: {path}")
        elif not _is_a_way(path):
            yield Breach(Sort.WRONG, f"{name} went {path}")
        elif not _is_due(job):
            yield Breach(Sort.WRONG, f"{name} is {job.state} after {job.attempt} attempts: {job.error}")


def _is_due(job: Job) -> bool:
    """Poison that kills its cell uses up its attempts, whoever was killed at the last one."""
    if job.candidate.id == "kills-itself":
        return job.state == "failed" and job.attempt == MAX_ATTEMPTS
    return (job.error.type if job.error else None) == POISON.get(job.candidate.id)


def _is_a_way(path: list[tuple[str, str]]) -> bool:
    joined = all(before[1] == after[0] for before, after in pairwise(path))
    return bool(path) and path[0][0] == "queued" and joined and set(path) <= _ARROWS


def _results(evidence: Evidence) -> Iterator[Breach]:
    """One for each completed job, by the attempt that completed it, with the numbers of a calm run."""
    found = defaultdict(list)
    for result in evidence.results:
        found[result.evaluation_id].append(result)
    for job in evidence.jobs:
        mine, wanted = found[job.id], int(job.state == "completed")
        if len(mine) != wanted:
            sort = Sort.DOUBLED if len(mine) > wanted else Sort.LOST
            yield Breach(sort, f"{job.candidate.id} ({job.id}) is {job.state} with {len(mine)} results")
        for result in mine:
            yield from _compare(job, result, evidence.reference.get(job.candidate.id, {}))


def _compare(job: Job, result: Result, metrics: Mapping[str, float | None]) -> Iterator[Breach]:
    if result.attempt != job.attempt:
        yield Breach(
            Sort.DOUBLED,
            f"{job.candidate.id} ({job.id}): attempt {result.attempt} wrote the result of {job.attempt}",
        )
    if result.metrics != metrics:
        yield Breach(Sort.WRONG, f"{job.candidate.id} ({job.id}) has {result.metrics}, undisturbed {metrics}")


def _caps(evidence: Evidence) -> Iterator[Breach]:
    most = max((move.running for move in evidence.moves if move.running is not None), default=0)
    here = max((move.running_here for move in evidence.moves if move.running_here is not None), default=0)
    if most > OVERALL or here > PER_NODE:
        yield Breach(Sort.WRONG, f"{most} leases at once, {here} on one machine")


def _events(evidence: Evidence) -> Iterator[Breach]:
    """What was committed against what is to be told of it."""
    committed = Counter((event.run_id, event.type) for event in evidence.committed)
    due = _due(evidence)
    for (run_id, kind), number in (due - committed).items():
        yield Breach(Sort.LOST, f"{number} events {kind} of run {run_id} were not written")
    for (run_id, kind), number in (committed - due).items():
        yield Breach(Sort.DOUBLED, f"{number} events {kind} of run {run_id} too many were written")


def _due(evidence: Evidence) -> Counter[tuple[str, str]]:
    """A start at the first claim of each job, an end at each end, an end of each run."""
    run_of = {job.id: job.run_id for job in evidence.jobs}
    due = Counter(
        (move.thing, "run.completed")
        for move in evidence.moves
        if move.became in {"partial", "completed"} and move.thing in evidence.run_states
    )
    for job_id, moves in _moves_of(evidence).items():
        if job_id in run_of:
            due[run_of[job_id], "evaluation.started"] += 1
            due.update((run_of[job_id], _ENDS[move.became]) for move in moves if move.became in _ENDS)
    return due


def _stream(evidence: Evidence) -> Iterator[Breach]:
    """What was told against what was committed: all of it, nothing else, in the order of each run."""
    committed = {event.id: event for event in evidence.committed}
    told = dict.fromkeys(event.id for event in evidence.told)
    if evidence.unpublished or committed.keys() - told.keys():
        missing = len(committed.keys() - told.keys())
        yield Breach(Sort.LOST, f"{missing} events were not told, {evidence.unpublished} are still to be")
    if told.keys() - committed.keys():
        yield Breach(Sort.WRONG, f"{len(told.keys() - committed.keys())} events were told and never happened")
    for run_id in evidence.run_states:
        happened = [event.id for event in evidence.committed if event.run_id == run_id and event.id in told]
        heard = [one for one in told if one in committed and committed[one].run_id == run_id]
        if happened != heard:
            yield Breach(Sort.WRONG, f"the events of run {run_id} were told in another order")
