"""A verdict is what can be said about the candidates of a run, and how surely.

    best           alone in the set of those that may be the best
    tied           in that set with others: not told apart from the best
    equivalent     as tied, and shown to be within the user's margin of the best
    worse          shown not to be the best
    stopped        shown not to be the best after some folds of a race, and not fitted on the others
    insufficient   no score, nobody to be compared with, or too few rows to claim anything

A tie is no proof of equality: only a margin, and enough rows, make an `equivalent`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from bakeoff.domain.finding import Finding, ShuffleCheck
from bakeoff.domain.metric_names_and_scoring_rules import short_name


class Standing(StrEnum):
    BEST = "best"
    TIED = "tied"
    EQUIVALENT = "equivalent"
    WORSE = "worse"
    STOPPED = "stopped"
    INSUFFICIENT = "insufficient"


class Against(StrEnum):
    """What is shown of a candidate in comparison with a fixed reference."""

    BETTER = "better"
    WORSE = "worse"
    NOT_SHOWN = "not_shown"
    INSUFFICIENT = "insufficient"


class PreferAmongTied(StrEnum):
    """Which of the candidates in first place is recommended: one of those that are cheap by this cost."""

    PREDICT_TIME = "predict_time"
    FIT_TIME = "fit_time"
    MEMORY = "memory"


#: A cost counts as much higher if it is more than so many times another.
_MUCH = 2.0


def is_cheap(cost: float, least: float) -> bool:
    """Beside the least cost of those that one may take."""
    return cost <= _MUCH * least


@dataclass(frozen=True, kw_only=True)
class Interval:
    low: float
    high: float
    rests_on: int | None = None  #: rows, where they are so few that the interval is to be read with care


@dataclass(frozen=True, kw_only=True)
class PairDifference:
    """The difference of two candidates by one metric. Intervals and p-values hold for all pairs at once."""

    a: str
    b: str
    difference: float  #: a's value minus b's, in the unit of the metric
    low: float | None  #: None where nothing can be claimed, as is `high`
    high: float | None
    p_value: float  #: adjusted; 1 where nothing can be claimed
    n_eff: float  #: rows that the difference rests on
    better: str | None = None  #: the one that is shown to be better; None: neither

    def turned(self) -> Self:
        """The same, as b minus a."""
        return replace(
            self,
            a=self.b,
            b=self.a,
            difference=-self.difference,
            low=None if self.high is None else -self.high,
            high=None if self.low is None else -self.low,
        )

    def to_record(self) -> dict[str, Any]:
        return {
            "a": self.a,
            "b": self.b,
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
            "pValue": self.p_value,
            "restsOn": round(self.n_eff),
            "better": self.better,
        }


@dataclass(frozen=True, kw_only=True)
class ReferenceComparison:
    """A candidate compared with something fixed: the dummy baseline, or Production of the run's name."""

    reference: str
    candidate: str
    outcome: Against
    difference: float  #: the candidate's value minus the reference's
    low: float | None  #: None where nothing can be claimed, as is `high`
    high: float | None
    p_value: float  #: adjusted over the candidates compared with this reference
    n_eff: float

    def to_record(self) -> dict[str, Any]:
        return {
            "reference": self.reference,
            "candidate": self.candidate,
            "outcome": str(self.outcome),
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
            "pValue": self.p_value,
            "restsOn": round(self.n_eff),
        }


@dataclass(frozen=True, kw_only=True)
class CorrectedScore:
    """The highest score, less what choosing the highest adds on average."""

    candidate: str
    value: float
    low: float
    high: float


class SplitReuse(StrEnum):
    """What follows from using the same test rows in one run after another."""

    COUNT = "count"
    SPEND = "spend"


@dataclass(frozen=True, kw_only=True)
class SealedScore:
    """The score of the recommended candidate on the sealed rows, on which no candidate was scored before."""

    candidate: str
    value: float
    low: float | None  #: None where too little is known, as is `high`
    high: float | None
    rows: int
    opened: int  #: how often the sealed rows of this split have been opened, this time included


@dataclass(frozen=True, kw_only=True)
class Spending:
    """Whether the recommended candidate replaces the one that an earlier run on these rows adopted."""

    run: int  #: counted on these rows, from 1
    level: float  #: of the test whether it is better; the levels of all runs sum to that of the verdict
    champion: str | None  #: what was adopted before, as `candidate of run`; None: nothing was
    p_value: float | None
    adopted: str | None  #: the evaluation that is adopted from now on; None: none ever was

    def to_record(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "level": self.level,
            "champion": self.champion,
            "pValue": self.p_value,
            "adopted": self.adopted,
        }


@dataclass(frozen=True, kw_only=True)
class ProductionScores:
    """The version that was in Production when the run was judged, scored like a candidate."""

    name: str  #: of the model, in the registry
    version: str | None  #: None where the registry did not say which
    metrics: Mapping[str, float | None] = field(default_factory=dict)  #: empty where `problem` says why
    problem: str = ""  #: why it could not be compared
    may_know_rows: bool = False  #: whether these test rows may be among those that it was fitted on

    @property
    def title(self) -> str:
        """The name in sentences, in findings, and in `ReferenceComparison.reference`."""
        return f"Production ({self.name} {self.version})" if self.version else f"Production ({self.name})"

    def to_record(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "reference": self.title,
            "metrics": dict(self.metrics),
            "problem": self.problem,
            "mayKnowRows": self.may_know_rows,
        }


#: Marks in leaderboards of candidates that are not shown to beat a baseline.
NOT_BETTER = "not better"
TOO_FEW_ROWS = "too few rows"


@dataclass(frozen=True, kw_only=True)
class RunVerdict:
    metric: str
    greater_is_better: bool
    level: float  #: the share of runs of equal candidates in which something false is claimed, at most
    method: str
    seed: int  #: of the draws
    rows: int | None  #: test rows; None: no candidate has a score
    best: str | None  #: None where nobody is shown to be alone at the top
    tied: tuple[str, ...] = ()  #: who shares the first place, highest score first; empty if there is one best
    recommended: str | None = None  #: the one to take
    standings: Mapping[str, Standing] = field(default_factory=dict)
    bands: Mapping[str, tuple[int, int]] = field(
        default_factory=dict
    )  #: first and last place; absent: no score
    to_best: Mapping[str, PairDifference] = field(
        default_factory=dict
    )  #: each minus the one with the highest score
    pairs: tuple[PairDifference, ...] = ()  #: all of them, of candidates with a score
    corrected_score: CorrectedScore | None = None
    minimum_detectable_difference: float | None = None  #: found in 80 % of such runs
    expected_flattery: float | None = (
        None  #: of the best of all that were scored on this split, if all were equal
    )
    references: tuple[ReferenceComparison, ...] = ()
    production: ProductionScores | None = None  #: None where nothing was in Production, or nothing is saved
    test_set_uses: int | None = None  #: distinct candidates ever scored on this split; None: nobody counted
    sealed: SealedScore | None = None
    spending: Spending | None = None  #: with the setting `reuse: spend`
    shuffled: tuple[ShuffleCheck, ...] = ()  #: of candidates that were checked; empty: nobody asked
    findings: tuple[Finding, ...] = ()  #: on the data and on the results, the worst first
    sentence: str = ""

    @property
    def metric_name(self) -> str:
        """As sentences call it."""
        return short_name(self.metric)

    @property
    def undecided(self) -> tuple[str, ...]:
        """Who may be the best where too few rows tell any of them apart, highest score first.

        Empty where somebody is the best or some tie: then the rows say something of the first place.
        """
        if self.best is not None or self.tied or not self.to_best:
            return ()
        leader = next(iter(self.to_best.values())).b
        behind = sorted(self.to_best.values(), key=lambda pair: (abs(pair.difference), pair.a))
        by_score = (leader, *(pair.a for pair in behind))
        return tuple(id_ for id_ in by_score if self.standings.get(id_) is Standing.INSUFFICIENT)

    def to_record(self) -> dict[str, Any]:
        """The verdict as JSON, over HTTP and in `--json`. The pairs are under an address of their own."""
        corrected = self.corrected_score
        return {
            "sentence": self.sentence,
            "best": self.best,
            "tied": list(self.tied),
            "recommended": self.recommended,
            "correctedScore": asdict(corrected) if corrected else None,
            "minimumDetectableDifference": self.minimum_detectable_difference,
            "metric": self.metric,
            "greaterIsBetter": self.greater_is_better,
            "level": self.level,
            "method": self.method,
            "seed": self.seed,
            "references": [comparison.to_record() for comparison in self.references],
            "production": self.production.to_record() if self.production else None,
            "testSetUses": self.test_set_uses,
            "expectedFlattery": self.expected_flattery,
            "sealed": asdict(self.sealed) if self.sealed else None,
            "spending": self.spending.to_record() if self.spending else None,
            "shuffleChecks": [check.to_record() for check in self.shuffled],
            "findings": [finding.to_record() for finding in self.findings],
        }

    def record_of(self, candidate: str) -> dict[str, Any]:
        """What the leaderboard shows of one candidate."""
        band = self.bands.get(candidate)
        to_best = self.to_best.get(candidate)
        return {
            "standing": str(self.standings.get(candidate, Standing.INSUFFICIENT)),
            "band": list(band) if band else None,
            "toBest": {
                "difference": to_best.difference,
                "low": to_best.low,
                "high": to_best.high,
                "pValue": to_best.p_value,
            }
            if to_best
            else None,
            "findings": self.findings_on(candidate),
        }

    def findings_on(self, candidate: str) -> list[str]:
        """The slugs of the findings that name the candidate, such as `failed-checks`."""
        return list(dict.fromkeys(one.slug for one in self.findings if candidate in one.candidates))

    def beats_baselines(self, candidate: str) -> bool | None:
        """Whether it is shown to beat each of them. None: not compared, or too little is known for it."""
        outcomes = set(self._beside_baselines(candidate).values())
        if not outcomes or Against.INSUFFICIENT in outcomes:
            return None
        return outcomes == {Against.BETTER}

    def baseline_mark(self, candidate: str, *, dummy: str | None) -> str:
        """What leaderboards say where it is not shown to beat each baseline; empty if it is, or not compared.

        The baseline is named where it is not the dummy.
        """
        outcomes = self._beside_baselines(candidate)
        if Against.INSUFFICIENT in outcomes.values():
            return TOO_FEW_ROWS
        unbeaten = [name for name, outcome in outcomes.items() if outcome is not Against.BETTER]
        if not unbeaten:
            return ""
        return NOT_BETTER if dummy in unbeaten else f"{NOT_BETTER} than {unbeaten[0]}"

    def _beside_baselines(self, candidate: str) -> dict[str, Against]:
        title = self.production.title if self.production else None
        return {
            one.reference: one.outcome
            for one in self.references
            if one.candidate == candidate and one.reference != title
        }

    def against_production(self, candidate: str) -> ReferenceComparison | None:
        """The comparison; None if the two were not compared."""
        title = self.production.title if self.production else None
        return next(
            (one for one in self.references if (one.reference, one.candidate) == (title, candidate)), None
        )

    def to_data(self) -> dict[str, Any]:
        """Everything, as JSON stores it."""
        return asdict(self)

    @classmethod
    def from_data(cls, stored: Mapping[str, Any]) -> Self:
        corrected, sealed, spending = (stored[name] for name in ("corrected_score", "sealed", "spending"))
        production = stored.get("production")
        return cls(
            **{
                **stored,
                "tied": tuple(stored["tied"]),
                "standings": {name: Standing(standing) for name, standing in stored["standings"].items()},
                "bands": {name: (first, last) for name, (first, last) in stored["bands"].items()},
                "to_best": {name: PairDifference(**pair) for name, pair in stored["to_best"].items()},
                "pairs": tuple(PairDifference(**pair) for pair in stored["pairs"]),
                "corrected_score": CorrectedScore(**corrected) if corrected else None,
                "sealed": SealedScore(**sealed) if sealed else None,
                "spending": Spending(**spending) if spending else None,
                "references": tuple(
                    ReferenceComparison(**{**one, "outcome": Against(one["outcome"])})
                    for one in stored["references"]
                ),
                "production": ProductionScores(**production) if production else None,
                "shuffled": tuple(map(ShuffleCheck.from_data, stored.get("shuffled", ()))),
                "findings": tuple(map(Finding.from_record, stored["findings"])),
            }
        )
