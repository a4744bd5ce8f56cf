"""A strict run recommends nobody while a finding of high severity is open."""

from dataclasses import replace

from bakeoff.domain.finding import Finding, blocking
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import RunVerdict, Standing
from bakeoff.domain.wording import joined
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs.results import verdict_rows

_MOST_NAMED = 3


def is_strict(context: Context, run: Run) -> bool:
    return bool(run.options.get("strict")) or context.configuration.settings.strict


def is_held_back(context: Context, run: Run) -> bool:
    """Whether an open finding kept a run that has been judged from recommending a candidate."""
    if not is_strict(context, run):
        return False
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
