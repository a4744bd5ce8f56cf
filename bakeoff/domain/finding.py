"""A finding: something that a check saw in a dataset or in the results of a run, with its evidence.

Findings on data are made when a snapshot is pinned; findings on results when a run is judged. They never stop
a run. With `strict`, an open finding of high severity keeps a run from recommending or saving a candidate.

A dataset's `accept` says which findings are known and why they are no problem. It is a list of mappings, each
of a slug, or of a slug and a column, to the reason:

    accept:
      - leaky-feature petal length: a flower is told by it
      - tiny-class: the rare class is what we look for
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Self

from bakeoff.domain.wording import joined

#: The finding on a candidate that `bakeoff check` found fault with.
FAILED_CHECKS = "failed-checks"

#: Every finding there is, and what it says.
SLUGS = {
    # on the data
    "small-data": "there are few rows",
    "duplicate-rows": "rows repeat earlier ones",
    "contradicting-labels": "equal rows have different labels",
    "split-overlap": "test rows equal training rows",
    "near-duplicate-rows": "test rows nearly equal training rows",
    "target-copy": "a column is the target in other words",
    "leaky-feature": "a column alone predicts the target",
    "missing-by-class": "whether a value is missing tells the target",
    "id-like": "a column differs in every row",
    "useless-column": "a column has one value, or none",
    "group-overlap": "rows that belong together are on both sides of the split",
    "time-order": "test rows are older than training rows, of data that change with time",
    "distribution-shift": "training and test rows can be told apart",
    "tiny-class": "a class has few test rows",
    "unseen-class": "a class has no training row",
    "not-stratified": "the split could not be stratified",
    "target-kind": "numbers of the target may be classes",
    "text-dates": "a column of text looks like dates",
    # on results
    "below-dummy": "a candidate is less often right than the most frequent class, which nearly all rows have",
    "constant-prediction": "a candidate predicts the same for every row",
    "too-good": "a candidate makes almost no error where a linear one makes many",
    "shuffled-labels-score": "a candidate predicts the test rows without having learned from their like",
    "shuffled-labels-unknown": "whether one does could not be found out",
    FAILED_CHECKS: "a candidate does not keep the contract of plugins",
    "mixed-versions": "candidates were fitted with different versions of a package",
    "not-better-than-baseline": "nobody is shown to beat the dummy",
    "few-rows": "there are too few test rows to claim anything",
    "few-groups": "there are too few groups to claim anything",
    "rests-on-few-rows": "few rows decide a score",
    "predictions-not-kept": "the predictions behind a score are gone",
    "test-set-reused": "many candidates were scored on the same test rows",
    "test-set-worn": "very many were, or one was improved on them again and again",
    "seal-broken": "rows that were sealed were open in another run",
    "sealed-rows-not-opened": "the last word could not be had",
    "production-not-compared": "the version in Production could not be compared",
    "production-may-know-rows": "the version in Production may have been fitted on these test rows",
}


class Severity(StrEnum):
    """How much a finding says against the scores of a run."""

    HIGH = "high"  #: the scores are probably wrong
    MEDIUM = "medium"  #: the scores may be wrong, or say less than they seem to
    LOW = "low"  #: worth knowing

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True, kw_only=True)
class Finding:
    slug: str  #: which check saw it, such as `leaky-feature`
    severity: Severity
    message: str  #: what was seen, with its figures, in one line
    cure: str = ""  #: what answers it: a line of configuration where there is one
    columns: tuple[str, ...] = ()  #: where it was seen; empty: not in certain columns
    rows: int | None = None  #: how many rows it concerns; None: it is not about certain rows
    examples: tuple[int, ...] = ()  #: a few of those rows, counted from 0 as in the dataset
    candidates: tuple[str, ...] = ()  #: whose results it concerns; empty: those of all
    accepted: str | None = None  #: the reason why it is no problem; None: it is open

    @property
    def blocks(self) -> bool:
        """Whether a strict run recommends nobody because of it."""
        return self.severity is Severity.HIGH and self.accepted is None

    def to_record(self) -> dict[str, Any]:
        """The finding as JSON, over HTTP, in `--json`, and in the database."""
        return asdict(self) | {
            name: list(getattr(self, name)) for name in ("columns", "examples", "candidates")
        }

    @classmethod
    def from_record(cls, stored: Mapping[str, Any]) -> Self:
        if "code" in stored:  # as verdicts were stored before findings had severities
            slug = stored["code"].replace("_", "-")
            return cls(slug=slug, severity=Severity.MEDIUM, message=stored["message"])
        return cls(
            **{
                **stored,
                "severity": Severity(stored["severity"]),
                **{name: tuple(stored[name]) for name in ("columns", "examples", "candidates")},
            }
        )


@dataclass(frozen=True, kw_only=True)
class ShuffleCheck:
    """A candidate that was fitted again, to shuffled training labels: it should predict as chance does."""

    candidate: str
    above_chance: tuple[float, ...]  #: of each refit, in order; the first one that is not above 0 ends it
    problem: str = ""  #: why there are fewer refits than it takes to tell; empty: there are enough

    @property
    def passed(self) -> bool:
        """Whether a refit was at chance or below it."""
        return any(score <= 0 for score in self.above_chance)

    def to_record(self) -> dict[str, Any]:
        return {
            "candidate": self.candidate,
            "aboveChance": list(self.above_chance),
            "passed": self.passed,
            "problem": self.problem,
        }

    @classmethod
    def from_data(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**{**stored, "above_chance": tuple(stored["above_chance"])})


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """One line of a dataset's `accept`."""

    slug: str
    column: str | None = None  #: None: wherever it was seen
    reason: str

    @classmethod
    def parse(cls, what: str, reason: str) -> Self:
        """`what`: a slug, or a slug and a column with a space between."""
        slug, _, column = what.strip().partition(" ")
        return cls(slug=slug, column=column.strip() or None, reason=reason)


def unseen_rows(*, may_seal: bool) -> str:
    """What answers test rows that were looked at often, in the words of a cure."""
    if may_seal:
        return "new test rows; `seal: 0.2` keeps some of them for the last word"
    return "new test rows, such as some that are kept out of the dataset, since this design can seal none"


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Open ones before accepted ones, and of each the worst first."""
    return tuple(sorted(findings, key=lambda one: (one.accepted is not None, one.severity.rank)))


def with_accepted(findings: Iterable[Finding], accepted: Sequence[Acceptance]) -> tuple[Finding, ...]:
    """The findings, those with a reason that are accepted. One on several columns needs all of them named."""
    return tuple(replace(finding, accepted=_reason(finding, accepted)) for finding in findings)


def _reason(finding: Finding, accepted: Sequence[Acceptance]) -> str | None:
    named = [one for one in accepted if one.slug == finding.slug]
    for one in named:
        if one.column is None:
            return one.reason
    by_column = {one.column: one.reason for one in named}
    if finding.columns and by_column.keys() >= set(finding.columns):
        return "; ".join(dict.fromkeys(by_column[column] for column in finding.columns))
    return None


def blocking(findings: Iterable[Finding]) -> list[Finding]:
    """The findings because of which a strict run recommends nobody."""
    return [one for one in findings if one.blocks]


def before_cure(message: str) -> str:
    """What stands between a message and its cure, so that the two do not run together."""
    return " Cure: " if message.endswith((".", "!", "?")) else ". Cure: "


def in_short(findings: Sequence[Finding]) -> list[tuple[Finding, str]]:
    """A line for each kind: the worst finding of it, and its message with what the others concern."""
    kinds: dict[tuple[str, bool], list[Finding]] = {}
    for finding in worst_first(findings):
        kinds.setdefault((finding.slug, finding.accepted is None), []).append(finding)
    return [(alike[0], _with_the_others(alike)) for alike in kinds.values()]


def _with_the_others(alike: Sequence[Finding]) -> str:
    first, *others = alike
    if not others:
        return first.message
    columns = list(dict.fromkeys(column for one in others for column in one.columns))
    names = [*columns[:3], *([f"{len(columns) - 3:,} more"] if columns[3:] else [])]
    more = f"also {joined(names)}" if names else f"{len(others)} more of this kind"
    return f"{first.message}; {more}"
