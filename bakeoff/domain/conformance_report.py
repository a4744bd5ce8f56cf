"""What the conformance kit checks of a plugin, and the report of it.

A failed check never keeps a candidate out of a run. It stands beside the candidate wherever it is listed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

#: The checks of a candidate, in the order in which they run, with what each of them claims.
CANDIDATE_CHECKS = {
    "loads": "its class is found and constructed",
    "constructor-light": "its constructor does no work",
    "params-round-trip": "its parameters are those it was given, and make an equal copy",
    "learns": "it is fitted to a small table",
    "shape": "it predicts one value for each row",
    "predict-repeatable": "the same rows get the same predictions again",
    "deterministic": "a second fit with the same seed predicts the same",
    "honours-random-state": "with its random_state given, the global seed changes nothing",
    "no-global-random": "it leaves the global random generators as they were",
    "refit-clean": "a second fit forgets the first one",
    "input-untouched": "it does not change the frames that it is given",
    "target-untouched": "it does not change the labels that it is given",
    "feature-names": "columns in another order are told apart by their names, or refused",
    "index-ignored": "the index of the frame changes nothing",
    "row-order": "the order of the rows changes no prediction",
    "batch-split": "a row gets the same prediction in a smaller batch",
    "single-row": "it predicts a single row",
    "unseen-category": "it predicts rows with a category that it has not seen",
    "missing-values": "it predicts rows with missing values, or refuses them",
    "label-type": "it predicts labels as they were in training",
    "proba-sums": "its probabilities are from 0 to 1 and add up to 1",
    "proba-order": "its probabilities are in the order of the sorted classes",
    "proba-agrees": "it predicts the class that it finds most probable",
    "pickles": "it can be saved",
    "round-trip": "it predicts the same when it was saved and loaded",
    "no-network": "it uses no network",
    "thread-budget": "it uses no more threads than it was granted",
    "memory-linear": "its memory grows no faster than the rows",
    "latency-steady": "it does not become slower from call to call",
    "leak-free": "what one model has seen, another one does not know",
    "time-independent": "the clock changes nothing",
    "memorises": "how much better it knows the rows of its training",
    "self-contained": "it predicts the same in another process, without the files and variables of its fit",
}

#: The checks of a signal model.
SIGNAL_CHECKS = {
    "loads": "its class loads, and has what the contract requires",
    "learns": "it learns the saved models that it names",
    "constructs": "it is constructed with data and artefacts",
    "answers": "it answers what can be used",
    "deterministic": "the same question gets the same answer",
    "row-order": "the order of the symbols changes nothing",
    "batch-split": "a symbol alone gets the same answer as among others",
    "explains": "it explains what it says",
    "sell-confidence": "its sell answers come with a low probability of a positive return",
}


class CheckOutcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"  #: it does not apply, or a check that it needs has failed


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    slug: str
    outcome: CheckOutcome
    seen: str = ""  #: what was seen, with its figures, or why it was skipped
    cure: str = ""
    traceback: str = ""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        fields = ("slug", "seen", "cure", "traceback")
        return cls(
            outcome=CheckOutcome(record["outcome"]), **{name: str(record.get(name, "")) for name in fields}
        )


@dataclass(frozen=True, kw_only=True)
class ConformanceReport:
    subject: str  #: id of the catalog, or path of the class
    checks: tuple[CheckResult, ...]
    seconds: float = 0.0

    def number(self, outcome: CheckOutcome) -> int:
        return sum(check.outcome is outcome for check in self.checks)

    @property
    def failed(self) -> list[str]:
        return [check.slug for check in self.checks if check.outcome is CheckOutcome.FAILED]

    @property
    def counts(self) -> dict[str, int]:
        skipped = self.number(CheckOutcome.SKIPPED)
        return {
            "run": len(self.checks) - skipped,
            "passed": self.number(CheckOutcome.PASSED),
            "failed": self.number(CheckOutcome.FAILED),
            "skipped": skipped,
        }

    def to_record(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            **self.counts,
            "seconds": round(self.seconds, 3),
            "checks": [asdict(check) for check in self.checks],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        return cls(
            subject=record["subject"],
            checks=tuple(map(CheckResult.from_record, record["checks"])),
            seconds=record["seconds"],
        )


def in_order(checks: Sequence[CheckResult], slugs: Mapping[str, str]) -> tuple[CheckResult, ...]:
    places = {slug: place for place, slug in enumerate(slugs)}
    return tuple(sorted(checks, key=lambda check: places.get(check.slug, len(places))))
