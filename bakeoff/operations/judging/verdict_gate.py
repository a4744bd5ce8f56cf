"""Whether a verdict lets a change pass, as `bakeoff report --fail-on` asks for programs that decide by it."""

from collections.abc import Sequence
from enum import StrEnum

from bakeoff.domain.errors import NotFoundError, RefusedError
from bakeoff.domain.finding import blocking
from bakeoff.domain.runs.verdict import Against, RunVerdict
from bakeoff.domain.wording import listed, nearest


class FailOn(StrEnum):
    """What must not be."""

    WORSE = "worse"  #: the candidate is shown to be worse than Production
    NOT_BETTER = "not-better"  #: it is not shown to be better than Production
    FINDING = "finding"  #: a finding of high severity is open


def check_verdict(
    verdict: RunVerdict | None, conditions: Sequence[FailOn], *, run: str, candidate: str | None = None
) -> list[str]:
    """RefusedError names each condition that holds. Returns what could not be asked, and why that passes.

    `candidate`: None means the one that the verdict recommends. `run` is its title, for messages.
    """
    if verdict is None:
        raise RefusedError(
            f"run {run} has no verdict, so nothing can be said against or for it: "
            "`bakeoff show` says whether it has ended"
        )
    refused: list[str] = []
    notes: list[str] = []
    if FailOn.FINDING in conditions:
        refused += [f"{finding.slug}: {finding.message}" for finding in blocking(verdict.findings)]
    if any(condition is not FailOn.FINDING for condition in conditions):
        _compare_with_production(verdict, conditions, run, candidate, refused, notes)
    if refused:
        raise RefusedError("; ".join(refused))
    return notes


def _compare_with_production(  # noqa: PLR0917 - the two lists are what it adds to
    verdict: RunVerdict,
    conditions: Sequence[FailOn],
    run: str,
    asked: str | None,
    refused: list[str],
    notes: list[str],
) -> None:
    if asked is not None and asked not in verdict.standings:
        raise NotFoundError(
            f"run {run} has no verdict on {asked!r}{nearest(asked, verdict.standings)}; "
            f"it has one on {listed(verdict.standings)}"
        )
    candidate, production = asked or verdict.recommended, verdict.production
    found = verdict.against_production(candidate) if candidate else None
    if production is None:
        notes.append(f"nothing to compare with: run {run} met no version in Production")
    elif production.problem:
        refused.append(f"{production.title} could not be compared: {production.problem}")
    elif candidate is None:
        refused.append(f"run {run} recommends no candidate")
    elif found is None:
        refused.append(f"{candidate} was not compared with {production.title}")
    elif found.outcome is Against.WORSE:
        by = f"{abs(found.difference):.3g} {verdict.metric}"
        refused.append(f"{candidate} is worse than {production.title} by {by}")
    elif found.outcome is not Against.BETTER and FailOn.NOT_BETTER in conditions:
        refused.append(f"{candidate} is not shown to be better than {production.title}")
    elif found.outcome is Against.INSUFFICIENT:
        notes.append(f"too few rows tell {candidate} and {production.title} apart")
