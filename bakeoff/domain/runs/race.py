"""A race: all candidates go through the folds in rounds, and between the rounds some are stopped.

    round 1        each candidate is fitted on the first fold, and then waits without a slot
    look 1         the last one has done it: who is shown not to be the best, is stopped; the others go on
    round 2        …
    the last fold  no look follows: the verdict judges those who are left

A look is a function of what all candidates predicted in the folds so far, so it does not depend on which
worker was faster. It is stored in one transaction with what follows from it. It is the last one if a single
candidate is left, or a single fold.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from bakeoff.domain.snapshot_reference_and_split_design import Design


def looks_of(design: Design) -> int:
    """How many looks there are at most: one after each split but the last."""
    return design.splits - 1


@dataclass(frozen=True, kw_only=True)
class RaceLook:
    number: int  #: from 1; as many folds does each candidate have
    looks: int  #: how many there may be
    level: float  #: of the level of the run, what this look may spend
    leader: str | None  #: the best score so far; None: nothing could be compared
    p_values: Mapping[str, float] = field(default_factory=dict)  #: by candidate, of being among the best
    stopped: tuple[str, ...] = ()  #: ids of candidates
    is_last: bool = False  #: the others go on to the end
    problem: str = ""  #: why nobody was compared, where that was a fault

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{**data, "stopped": tuple(data["stopped"])})

    def stop_record(self, candidate: str) -> dict[str, Any]:
        """Why a candidate was stopped, as JSON."""
        return {
            "afterFolds": self.number,
            "ofFolds": self.looks + 1,
            "leader": self.leader,
            "pValue": self.p_values[candidate],
            "level": self.level,
        }
