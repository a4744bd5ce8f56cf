"""What a run does with a candidate, and why: fit it, score its earlier predictions anew, or reuse its result.

A result is reused only if all that decides the predictions is unchanged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bakeoff.domain.candidate import Candidate, OutputKind
from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules, is_custom
from bakeoff.domain.runs.column_importance import IMPORTANCE, was_measured_by
from bakeoff.domain.runs.result import Fit, Part, Parts
from bakeoff.domain.runs.run import Run
from bakeoff.evaluation.metrics.metric_names import importance_rules, need_more_than_labels
from bakeoff.evaluation.reuse.used_files_unchanged import first_change

_MOST_NAMED = 3
_FIRST_CALLS_S = 0.1  #: of `fit` and `predict`, for imports and threads, however few the rows are


class Way(StrEnum):
    RUN = "run"  #: fit the candidate
    SCORE = "score"  #: score the predictions of an earlier evaluation, in a worker
    REUSE = "reuse"  #: copy the result of an earlier evaluation


@dataclass(frozen=True, kw_only=True)
class Prospect:
    candidate: Candidate
    way: Way
    why: str
    fit: Fit | None = None  #: the earlier one that is scored or reused
    expected_s: float | None = None  #: None when it was never timed

    def to_record(self) -> dict[str, object]:
        return {
            "modelId": self.candidate.id,
            "modelVersion": self.candidate.version,
            "action": self.way,
            "why": self.why,
            "reusedFrom": self.fit.result.evaluation_id if self.fit else None,
            "expectedSeconds": self.expected_s,
        }


@dataclass(frozen=True, kw_only=True)
class ProspectGroup:
    """Members of one grid with which a run does the same for the same reason, or a single candidate."""

    prospects: Sequence[Prospect]

    @property
    def first(self) -> Prospect:
        return self.prospects[0]

    @property
    def title(self) -> str:
        if len(self.prospects) == 1:
            return self.first.candidate.id
        return f"{self.first.candidate.family} ({len(self.prospects)} members)"

    @property
    def expected_s(self) -> float | None:
        """Of all together; None when one of them was never timed."""
        times = [one.expected_s for one in self.prospects if one.expected_s is not None]
        return sum(times) if len(times) == len(self.prospects) else None


@dataclass(frozen=True, kw_only=True)
class Past:
    """What is known about the earlier fits of a candidate when a run begins."""

    parts: Parts  #: of the fingerprint that a fit would have now
    surroundings: Mapping[str, str]
    fits: Sequence[Fit] = ()  #: with exactly these parts, newest first
    latest: Fit | None = None  #: where there are none, the last fit of this candidate, with any parts
    alike: Fit | None = None  #: where it was never fitted, one of the candidate that its grid varies
    fresh: bool = False  #: the request wants everything fitted anew


def prospect_of(candidate: Candidate, run: Run, past: Past, *, root: Path) -> Prospect:
    try:
        fit = _choose(candidate, run, past, root)
    except _MustBeFittedError as must:
        expected_s = _expected_s(run, past.fits[0] if past.fits else past.latest or past.alike)
        return Prospect(candidate=candidate, way=Way.RUN, why=str(must), expected_s=expected_s)
    if _is_scored_alike(fit, run.rules):
        why = f"nothing has changed since run {fit.result.run_id[:8]}"
        return Prospect(candidate=candidate, way=Way.REUSE, why=why, fit=fit, expected_s=0.0)
    why = f"it predicts what it did in run {fit.result.run_id[:8]}, and is scored by other rules"
    return Prospect(candidate=candidate, way=Way.SCORE, why=why, fit=fit, expected_s=0.0)


def grouped(prospects: Sequence[Prospect], *, whole: bool = False) -> list[ProspectGroup]:
    """A grid of three hundred would bury the other candidates, and says the same three hundred times.

    `whole`: each member by itself.
    """
    groups: dict[object, list[Prospect]] = {}
    for one in prospects:
        family = None if whole else one.candidate.family
        alike = (family, one.way, one.why) if family else one.candidate.id
        groups.setdefault(alike, []).append(one)
    return [ProspectGroup(prospects=group) for group in groups.values()]


def longest_first(prospects: Sequence[Prospect]) -> list[Prospect]:
    """Candidates without a known time come first; equal ones keep their order."""
    return sorted(prospects, key=lambda one: (one.expected_s is not None, -(one.expected_s or 0.0)))


def work_s(prospects: Sequence[Prospect], run: Run) -> tuple[float, float]:
    """The least and the most work of those that were timed before. They differ in a race alone.

    There it is least if the first look stops all but one, and the cheapest is the one that is left.
    """
    times = {one.candidate.id: one.expected_s or 0.0 for one in prospects if one.fit is None}
    most = sum(times.values())
    racers = [time for id_, time in times.items() if id_ != run.baseline_id]
    splits = run.dataset.design.splits
    if not run.is_race or not racers:
        return most, most
    return most - (sum(racers) - min(racers)) * (splits - 1) / splits, most


class _MustBeFittedError(Exception):
    """Why no earlier fit can be used."""


def _choose(candidate: Candidate, run: Run, past: Past, root: Path) -> Fit:
    """The newest fit that can be used; one that needs no scoring is preferred."""
    if past.fresh:
        raise _MustBeFittedError("it is to be fitted afresh")
    if run.save is not None and candidate.id != run.baseline_id:
        raise _MustBeFittedError("the run saves models, and can save only those that it fits")
    fits = _valid(past, root)
    _require_that_they_agree(fits)
    if run.repeat_check:
        fits = [fit for fit in fits if fit.is_deterministic]
        if not fits:
            raise _MustBeFittedError("it is to be fitted twice, and was fitted once")
    if run.options.get(IMPORTANCE) and candidate.id != run.baseline_id:
        rules = importance_rules(run.rules, run.dataset.target_kind)
        fits = [fit for fit in fits if was_measured_by(rules, fit.result.details)]
        if not fits:
            raise _MustBeFittedError(
                "the importance of its columns is asked for, and was not measured so before"
            )
    fits = [fit for fit in fits if _has_answers_for(run, fit, candidate)]
    if not fits:
        raise _MustBeFittedError(
            "a metric or the threshold needs probabilities, which were not stored before"
        )
    return next((fit for fit in fits if _is_scored_alike(fit, run.rules)), fits[0])


def _valid(past: Past, root: Path) -> list[Fit]:
    """The fits that would predict the same today."""
    obstacles = [_obstacle(fit, root) for fit in past.fits]
    valid = [fit for fit, obstacle in zip(past.fits, obstacles, strict=True) if not obstacle]
    if not valid:
        raise _MustBeFittedError(obstacles[0] if obstacles else _what_changed(past))
    return valid


def _obstacle(fit: Fit, root: Path) -> str:
    if fit.provenance.obstacle:
        return f"it is not known whether it would predict the same: {fit.provenance.obstacle}"
    changed = first_change(fit.provenance.seen, root=root)
    return f"{changed}, which it used, has changed" if changed else ""


def _what_changed(past: Past) -> str:
    if past.latest is None:
        return "it was never fitted"
    before = past.latest.provenance
    changed = [part for part in Part if past.parts[part] != before.parts.get(part)]
    return f"changed: {', '.join(changed)}{_version_changes(before.manifest.packages, past.surroundings)}"


def _version_changes(before: Mapping[str, str], surroundings: Mapping[str, str]) -> str:
    now = {name: identity.partition(" ")[0] for name, identity in surroundings.items()}
    changed = [
        f"{name} {before[name]} to {now[name]}" for name in now if before.get(name, now[name]) != now[name]
    ]
    return f" ({', '.join(changed[:_MOST_NAMED])})" if changed else ""


def _require_that_they_agree(fits: Sequence[Fit]) -> None:
    """Refuses fits that differ: the candidate predicts something else each time."""
    first = fits[0].provenance
    if any(fit.is_deterministic is False or not first.predicted_like(fit.provenance) for fit in fits):
        raise _MustBeFittedError("it does not predict the same each time")


def _has_answers_for(run: Run, fit: Fit, candidate: Candidate) -> bool:
    """Whether the fit has stored what the rules need. It has probabilities if its own rules needed them."""
    if candidate.writes is not OutputKind.LABELS or _is_scored_alike(fit, run.rules):
        return True
    kind = run.dataset.target_kind
    return need_more_than_labels(fit.rules, kind) or not need_more_than_labels(run.rules, kind)


def _is_scored_alike(fit: Fit, rules: ScoringRules) -> bool:
    """Whether the fit has the values of these metrics. A custom metric never counts: it may have changed."""
    if any(map(is_custom, rules.metrics)) or not set(rules.metrics) <= fit.result.metrics.keys():
        return False
    return fit.rules.treat_alike(rules)


def _expected_s(run: Run, latest: Fit | None) -> float | None:
    """The expected time: that of an earlier fit, times the number of fits.

    Only what it spent in `fit` and `predict` grows with the rows. To start a cell, to load the code and to
    score takes as long on few rows as on many, and on few it is nearly all.
    """
    if latest is None:
        return None
    rows = run.dataset.train_rows / max(1, latest.train_rows)
    cost, each_s = latest.result.cost, latest.result.duration_s / latest.fits
    of_rows_s = max(0.0, (cost.fit_s + cost.predict_s) / latest.fits - _FIRST_CALLS_S)
    of_rows_s = min(of_rows_s, each_s)
    return run.dataset.design.fits * (each_s - of_rows_s + of_rows_s * rows)
