"""A suite is several runs of the same candidates on different datasets, judged together.

    open      the run of the member is still to be started
    started   its run exists
    failed    its run could not be started, and is not tried again

The ids of all runs are chosen when the suite is written, in one transaction and before any of them is
started: whoever starts a member a second time finds its run and makes no other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from bakeoff.domain.runs.verdict import Standing


class MemberState(StrEnum):
    OPEN = "open"
    STARTED = "started"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class SuiteMember:
    place: int  #: in the suite, from 0
    dataset: str
    run_id: str  #: the id that its run has, or will have
    request: Mapping[str, Any]  #: for the run, as its HTTP body
    state: MemberState = MemberState.OPEN
    tries: int = 0
    error: str = ""  #: why its run could not be started


@dataclass(frozen=True, kw_only=True)
class Suite:
    id: str
    name: str  #: of the section `suites`, or the names of its datasets
    members: Sequence[SuiteMember]
    created_at: datetime
    verdict: "SuiteVerdict | None" = None  #: None until all its runs are judged

    @property
    def is_started(self) -> bool:
        """Whether no run is still to be started."""
        return all(member.state is not MemberState.OPEN for member in self.members)

    @property
    def is_fresh(self) -> bool:
        """Whether its runs fit all candidates, whatever was fitted before."""
        return all(member.request.get("fresh", False) for member in self.members)

    def run_name(self, member: SuiteMember) -> str:
        return f"{self.name}-{member.dataset}"[:200]


@dataclass(frozen=True, kw_only=True)
class RankedCandidate:
    """A candidate of a suite. Ranks are counted from 1, the best; those of equal scores are averaged."""

    id: str
    mean_rank: float
    low: float  #: of the interval of the mean rank
    high: float
    ranks: tuple[float, ...]  #: by dataset
    wins: int  #: how often the verdict of a run shows it better than another candidate
    ties: int  #: how often that verdict tells the two not apart
    losses: int
    standing: Standing

    def to_record(self) -> dict[str, Any]:
        return {
            "modelId": self.id,
            "meanRank": self.mean_rank,
            "interval": [self.low, self.high],
            "ranks": list(self.ranks),
            "wins": self.wins,
            "ties": self.ties,
            "losses": self.losses,
            "standing": str(self.standing),
        }


@dataclass(frozen=True, kw_only=True)
class PairAcross:
    """Two candidates compared with the datasets as units."""

    a: str
    b: str
    median: float  #: of a's score minus b's
    a_leads: int  #: datasets on which a has the better score
    b_leads: int
    p_value: float  #: of the signed ranks, adjusted for all pairs
    better: str | None  #: the one that is shown to be better; None: neither

    def to_record(self) -> dict[str, Any]:
        return {
            "a": self.a,
            "b": self.b,
            "medianDifference": self.median,
            "aLeads": self.a_leads,
            "bLeads": self.b_leads,
            "pValue": self.p_value,
            "better": self.better,
        }


@dataclass(frozen=True, kw_only=True)
class SuiteVerdict:
    """What can be said of the candidates of a suite, with its datasets as units."""

    sentence: str
    metric: str | None  #: None where the runs rank by different ones: then ranks alone can be given
    greater_is_better: bool
    level: float
    datasets: tuple[str, ...]  #: that all these candidates have a score on
    candidates: tuple[RankedCandidate, ...]  #: the best mean rank first
    pairs: tuple[PairAcross, ...]  #: empty where nothing can be claimed
    critical_difference: float | None  #: of two mean ranks; None for fewer than two candidates or datasets
    recommended: str | None  #: the one to take when one must serve all; None: nothing says so
    left_out: Mapping[str, str]  #: candidates and datasets that are not compared, and why

    def to_record(self) -> dict[str, Any]:
        return {
            "sentence": self.sentence,
            "metric": self.metric,
            "greaterIsBetter": self.greater_is_better,
            "level": self.level,
            "datasets": list(self.datasets),
            "candidates": [one.to_record() for one in self.candidates],
            "pairs": [pair.to_record() for pair in self.pairs],
            "criticalDifference": self.critical_difference,
            "recommended": self.recommended,
            "leftOut": dict(self.left_out),
        }

    def to_data(self) -> dict[str, Any]:
        """Everything, as JSON stores it."""
        return asdict(self)

    @classmethod
    def from_data(cls, stored: Mapping[str, Any]) -> Self:
        return cls(
            **{
                **stored,
                "datasets": tuple(stored["datasets"]),
                "candidates": tuple(
                    RankedCandidate(
                        **{**one, "ranks": tuple(one["ranks"]), "standing": Standing(one["standing"])}
                    )
                    for one in stored["candidates"]
                ),
                "pairs": tuple(PairAcross(**pair) for pair in stored["pairs"]),
            }
        )
