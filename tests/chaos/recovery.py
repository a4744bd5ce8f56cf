"""How long it took from a fault until the work that it had stopped went on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chaos.audit import Move
from chaos.faults import Fault
from chaos.schedule import Kind


@dataclass(frozen=True, kw_only=True)
class Recovery:
    kind: Kind
    seconds: float


def recoveries(
    faults: Sequence[Fault], moves: Sequence[Move], run_of: Mapping[str, str]
) -> Iterator[Recovery]:
    """`run_of`: the run of each job."""
    for fault in faults:
        for at in _resumed(fault, faults, moves, run_of):
            yield Recovery(kind=fault.kind, seconds=at - fault.at)


def _resumed(
    fault: Fault, faults: Sequence[Fault], moves: Sequence[Move], run_of: Mapping[str, str]
) -> Iterator[float]:
    """When each job that it had stopped was claimed again; else, when the next job of all, or of its run."""
    later = [move for move in moves if move.at > fault.at]
    if fault.jobs:
        for job_id in fault.jobs:
            yield from _taken_again(job_id, fault, faults, later)
        return
    claims = [move.at for move in later if move.became == "running" and move.thing in run_of]
    if fault.run is not None:
        of_run = {job_id for job_id, run_id in run_of.items() if run_id == fault.run}
        claims = [move.at for move in later if move.became == "running" and move.thing in of_run]
    yield from claims[:1]


def _taken_again(
    job_id: str, fault: Fault, faults: Sequence[Fault], later: Sequence[Move]
) -> Iterator[float]:
    """Not at all if the next thing it did was to end; of two faults the second one counts."""
    mine = [move for move in later if move.thing == job_id]
    if len(mine) < 2 or mine[0].became != "queued":
        return
    if not any(fault.at < other.at < mine[0].at and job_id in other.jobs for other in faults):
        yield mine[1].at
