"""How long it took from a fault until the work that it had stopped went on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chaos.audit import Move
from chaos.faults import Fault
from chaos.schedule import Kind


@dataclass(frozen=True, kw_only=True)
class Recovery:
    kind: Kind
    noticed_s: float | None  #: until the job was back in the queue; None if the fault had stopped no job
    taken_s: float  #: until it was claimed again; else, until the next claim of all, or of the run


def recoveries(
    faults: Sequence[Fault], moves: Sequence[Move], run_of: Mapping[str, str]
) -> Iterator[Recovery]:
    """`run_of`: the run of each job."""
    for fault in faults:
        later = [move for move in moves if move.at > fault.at and move.thing in run_of]
        if fault.run is not None:
            yield from _went_on(fault, [move for move in later if run_of[move.thing] == fault.run])
        elif not fault.jobs:
            yield from _went_on(fault, later)
        for job_id in fault.jobs:
            yield from _taken_again(job_id, fault, faults, later)


def _went_on(fault: Fault, later: Sequence[Move]) -> Iterator[Recovery]:
    claims = [move.at for move in later if move.became == "running"]
    for at in claims[:1]:
        yield Recovery(kind=fault.kind, noticed_s=None, taken_s=at - fault.at)


def _taken_again(
    job_id: str, fault: Fault, faults: Sequence[Fault], later: Sequence[Move]
) -> Iterator[Recovery]:
    """Nothing if it ended undisturbed; of two faults that stopped it the second one counts."""
    back, again = ([move for move in later if move.thing == job_id] + [None, None])[:2]
    if back is None or again is None or back.became != "queued":
        return
    if not any(fault.at < other.at < back.at and job_id in other.jobs for other in faults):
        yield Recovery(kind=fault.kind, noticed_s=back.at - fault.at, taken_s=again.at - fault.at)
