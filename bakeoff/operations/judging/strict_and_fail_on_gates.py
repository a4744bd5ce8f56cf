"""Two gates of verdicts: a strict run recommends nobody while a finding of high severity is open, and
`bakeoff report --fail-on` fails, for programs that decide by it whether a change may pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from bakeoff.domain.errors import NotFoundError, RefusedError
from bakeoff.domain.finding import Finding, blocking
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import Against, RunVerdict, Standing
from bakeoff.domain.wording import joined, listed, nearest

if TYPE_CHECKING:
    from bakeoff.operations.context import Context

_MOST_NAMED = 3


def is_strict(context: "Context", run: Run) -> bool:
    return bool(run.options.get("strict")) or context.configuration.settings.strict


def is_held_back(context: "Context", run: Run) -> bool:
    """Whether an open finding kept a run that has been judged from recommending a candidate."""
    if not is_strict(context, run):
        return False
    from bakeoff.store.bakeoffs.results import verdict_rows

    verdict = verdict_rows.of_run(context.engine, run.id)
    return verdict is not None and bool(blocking(verdict.findings))


def without_crown(verdict: RunVerdict) -> RunVerdict:
    """The verdict of a strict run: as it is, unless a finding is in the way. Then it says which."""
    found = blocking(verdict.findings)
    if not found:
        return verdict
    standings = {
        name: Standing.INSUFFICIENT if standing is Standing.BEST else standing
        for name, standing in verdict.standings.items()
    }
    return replace(
        verdict,
        best=None,
        recommended=None,
        standings=standings,
        sentence=f"Nobody is recommended: strict is on, and {_named(found)}. By the scores alone: "
        f"{verdict.sentence}",
    )


def _named(found: list[Finding]) -> str:
    slugs = list(dict.fromkeys(f"{one.slug}{_place(one)}" for one in found))
    named = [*slugs[:_MOST_NAMED], *([f"{len(slugs) - _MOST_NAMED} more"] if slugs[_MOST_NAMED:] else [])]
    return f"{joined(named)} {'is' if len(slugs) == 1 else 'are'} open"


def _place(finding: Finding) -> str:
    return f" ({', '.join(finding.columns[:_MOST_NAMED])})" if finding.columns else ""


class FailOn(StrEnum):
    """What must not be."""

    WORSE = "worse"  #: the candidate is shown to be worse than what it is held against
    NOT_BETTER = "not-better"  #: it is not shown to be better
    FINDING = "finding"  #: a finding of high severity is open


@dataclass(frozen=True, kw_only=True)
class VerdictGate:
    """Who must not be what, beside whom."""

    conditions: Sequence[FailOn]
    candidate: str | None = None  #: None: the one that the verdict recommends
    against: str | None = None  #: another candidate of the run; None: the version in Production

    def check(self, verdict: RunVerdict | None, *, run: str) -> list[str]:
        """RefusedError names each condition that holds. Returns what could not be asked, and so passes.

        `run`: its title, for messages.
        """
        if verdict is None:
            raise RefusedError(
                f"run {run} has no verdict, so nothing can be said against or for it: "
                "`bakeoff show` says whether it has ended"
            )
        refused: list[str] = []
        notes: list[str] = []
        if FailOn.FINDING in self.conditions:
            refused += [f"{finding.slug}: {finding.message}" for finding in blocking(verdict.findings)]
        if any(condition is not FailOn.FINDING for condition in self.conditions):
            self._compare(verdict, run, refused, notes)
        if refused:
            raise RefusedError("; ".join(refused))
        return notes

    def _compare(self, verdict: RunVerdict, run: str, refused: list[str], notes: list[str]) -> None:
        for asked in (self.candidate, self.against):
            if asked is not None and asked not in verdict.standings:
                raise NotFoundError(
                    f"run {run} has no verdict on {asked!r}{nearest(asked, verdict.standings)}; "
                    + (
                        f"it has one on {listed(verdict.standings)}"
                        if verdict.standings
                        else "it has none on any candidate"
                    )
                )
        candidate, production = self.candidate or verdict.recommended, verdict.production
        if candidate is None:
            refused.append(f"run {run} recommends no candidate")
        elif self.against is not None:
            self._hold_against(verdict, candidate, self.against, refused, notes)
        elif production is None:
            notes.append(f"nothing to compare with: run {run} met no version in Production")
        elif production.problem:
            refused.append(f"{production.title} could not be compared: {production.problem}")
        else:
            self._hold_against(verdict, candidate, production.title, refused, notes)

    def _hold_against(
        self, verdict: RunVerdict, candidate: str, other: str, refused: list[str], notes: list[str]
    ) -> None:
        found = _outcome(verdict, candidate, other)
        if found is None:
            refused.append(f"{candidate} was not compared with {other}")
            return
        outcome, difference = found
        if outcome is Against.WORSE:
            refused.append(f"{candidate} is worse than {other} by {abs(difference):.3g} {verdict.metric}")
        elif outcome is not Against.BETTER and FailOn.NOT_BETTER in self.conditions:
            refused.append(f"{candidate} is not shown to be better than {other}")
        elif outcome is Against.INSUFFICIENT:
            notes.append(f"too few rows tell {candidate} and {other} apart")


def _outcome(verdict: RunVerdict, candidate: str, other: str) -> tuple[Against, float] | None:
    for reference in verdict.references:
        if (reference.candidate, reference.reference) == (candidate, other):
            return reference.outcome, reference.difference
    for pair in verdict.pairs:
        if {pair.a, pair.b} == {candidate, other}:
            if pair.better is not None:
                return Against.BETTER if pair.better == candidate else Against.WORSE, pair.difference
            return Against.INSUFFICIENT if pair.low is None else Against.NOT_SHOWN, pair.difference
    return None
