"""Saving the models of a run: the request, and the outcome.

the run ends -> due -> done     the models are in the registry, or it is known why they are not
                due -> due      another attempt later: the registry was away, or the saver was killed
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from bakeoff.domain.ids_and_times import iso


class SavePolicy(StrEnum):
    NONE = "none"
    BEST = "best"  #: the model of the best candidate, if it beats the baseline
    ALL = "all"  #: the model of each candidate that completed, the baseline excepted


@dataclass(frozen=True, kw_only=True)
class SaveRequest:
    policy: SavePolicy
    name: str  #: what the models are called in the registry

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(policy=SavePolicy(data["policy"]), name=data["name"])


@dataclass(frozen=True, kw_only=True)
class Saved:
    candidate: str
    run_id: str  #: the run that it was fitted in: an earlier one, for a reused result
    evaluation_id: str
    name: str
    version: str
    already: bool = False  #: it was there before: an earlier run saved the same model

    @property
    def uri(self) -> str:
        return f"models:/{self.name}/{self.version}"


@dataclass(frozen=True, kw_only=True)
class NotSaved:
    candidate: str
    evaluation_id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PromotionOutcome:
    """Whether the best version was promoted, as the settings of `promotion` want."""

    version: str
    stage: str  #: the stage that it was to be promoted to
    promoted: bool
    replaced: str | None = None  #: the version that was in Production before
    reason: str = ""  #: why it was not promoted
    failed_hooks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SavingOutcome:
    saved: tuple[Saved, ...] = ()
    not_saved: tuple[NotSaved, ...] = ()
    promotion: PromotionOutcome | None = None  #: None when the settings want none
    remark: str = ""  #: why there is nothing to save or to promote, or why it is this model
    error: str = ""  #: why this attempt failed

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        promotion = data["promotion"]
        return cls(
            saved=tuple(Saved(**one) for one in data["saved"]),
            not_saved=tuple(NotSaved(**one) for one in data["not_saved"]),
            promotion=None if promotion is None else _advance(promotion),
            remark=data["remark"],
            error=data["error"],
        )


def _advance(data: Mapping[str, Any]) -> PromotionOutcome:
    return PromotionOutcome(**{**data, "failed_hooks": tuple(data["failed_hooks"])})


@dataclass(frozen=True, kw_only=True)
class Saving:
    """The state of the saving of one run, from the end of the run on."""

    run_id: str
    due_at: datetime  #: when the next attempt may begin; while one is under way, when its lease ends
    tries: int
    outcome: SavingOutcome | None  #: of the last attempt; None before the first one has ended
    done_at: datetime | None  #: None: there will be another attempt

    def to_record(self) -> dict[str, Any]:
        """The saving as JSON, over HTTP and in `--json`."""
        outcome = self.outcome or SavingOutcome()
        return {
            "state": "done" if self.done_at else "waiting",
            "models": [_saved_record(saved) for saved in outcome.saved],
            "notSaved": [{"modelId": one.candidate, "reason": one.reason} for one in outcome.not_saved],
            "promotion": None if outcome.promotion is None else _advance_record(outcome.promotion),
            "remark": outcome.remark,
            "error": outcome.error,
            "tries": self.tries,
            "dueAt": iso(self.due_at),
            "doneAt": None if self.done_at is None else iso(self.done_at),
        }


def _saved_record(saved: Saved) -> dict[str, Any]:
    return {
        "modelId": saved.candidate,
        "runId": saved.run_id,
        "evaluationId": saved.evaluation_id,
        "name": saved.name,
        "version": saved.version,
        "uri": saved.uri,
        "savedAlready": saved.already,
    }


def _advance_record(advance: PromotionOutcome) -> dict[str, Any]:
    return {
        "promoted": advance.promoted,
        "version": advance.version,
        "stage": advance.stage,
        "replaced": advance.replaced,
        "reason": advance.reason,
        "failedHooks": list(advance.failed_hooks),
    }
