"""Suites: the responses to starting, listing and reading them."""

from typing import Annotated

from pydantic import Field

from bakeoff.api.schemas.schema_base import Id, Moment, Out
from bakeoff.domain.runs.verdict import Standing
from bakeoff.evaluation.planning.parse_request_bodies import PRINTABLE, Body
from bakeoff.operations.suites.suite_report import SuiteState


class SuiteBody(Body):
    suite: Annotated[str, Field(min_length=1, max_length=100, pattern=PRINTABLE)] = Field(
        description="Name in the configuration, under `suites`."
    )
    fresh: bool = Field(False, description="Fit them all, whatever was fitted before.")


class SuiteMemberOut(Out):
    dataset: str
    run_id: Id | None = Field(description="null: its run is still to be started, or could not be")
    status: str = Field(description="the state of its run; else open, failed, or removed")
    error: str | None = Field(description="why its run could not be started so far")
    recommended: str | None = Field(description="the candidate to take for this dataset alone")
    sentence: str | None = Field(description="the verdict of its run; null until it is judged")


class RankedCandidateOut(Out):
    model_id: str
    mean_rank: float = Field(description="over the datasets; 1 is the best")
    interval: list[float] = Field(description="half a critical difference to each side")
    ranks: list[float] = Field(description="in the order of `datasets`")
    wins: int = Field(description="how often the verdict of a run shows it better than another candidate")
    ties: int = Field(description="how often that verdict tells the two not apart")
    losses: int
    standing: Standing


class PairAcrossOut(Out):
    a: str
    b: str
    median_difference: float = Field(description="of a's score minus b's")
    a_leads: int = Field(description="datasets on which a has the better score")
    b_leads: int
    p_value: float = Field(description="of the signed ranks, adjusted for all pairs")
    better: str | None = Field(description="the one that is shown to be better; null: neither")


class SuiteVerdictOut(Out):
    sentence: str
    metric: str | None = Field(description="null: the datasets are scored by different ones")
    greater_is_better: bool
    level: float
    datasets: list[str]
    candidates: list[RankedCandidateOut] = Field(description="the best mean rank first")
    pairs: list[PairAcrossOut] = Field(description="empty where nothing can be claimed")
    critical_difference: float | None = Field(description="of two mean ranks")
    recommended: str | None = Field(
        description="the one to take when one must serve all; null where nothing says so"
    )
    left_out: dict[str, str] = Field(description="candidates and datasets that are not compared, and why")


class SuiteOut(Out):
    suite_id: Id
    name: str
    created_at: Moment
    status: SuiteState
    members: list[SuiteMemberOut]
    verdict: SuiteVerdictOut | None = Field(description="null until all runs are judged")


class SuitePageOut(Out):
    items: list[SuiteOut]
    next_cursor: str | None = Field(description="the `cursor` of the next page; null: this is the last")
