"""The findings of a verdict: what keeps it from saying more, or makes it less sure than it looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bakeoff.domain.finding import Finding, Severity, unseen_rows
from bakeoff.domain.runs.verdict import Against, RunVerdict
from bakeoff.domain.wording import counted, joined
from bakeoff.evaluation.statistics import verdict_sentences
from bakeoff.evaluation.statistics.score_intervals import interval
from bakeoff.evaluation.statistics.sketches.sketch import Sketch

#: With fewer test rows, or groups, nothing is claimed.
FEWEST_ROWS = 20
FEWEST_GROUPS = 6


@dataclass(frozen=True, kw_only=True)
class SplitUse:
    """How many candidates were scored on a split, and from which number on to warn."""

    looks: int  #: distinct candidates ever scored on it, those of this run included
    warn_from: int = 20
    alarm_from: int = 100
    may_seal: bool = True  #: whether the design of the run can keep rows unseen


def too_few(sketches: Sequence[Sketch]) -> tuple[Finding, ...]:
    """Why nothing at all can be claimed; empty if something can."""
    if not sketches:
        return ()
    rows, groups = sketches[0].rows, sketches[0].groups
    if rows < FEWEST_ROWS:
        message = f"{rows} test rows: nothing is claimed below {FEWEST_ROWS}"
        cure = "more data, a greater testSize, or folds"
        return (Finding(slug="few-rows", severity=Severity.MEDIUM, message=message, cure=cure, rows=rows),)
    if groups is not None and groups < FEWEST_GROUPS:
        message = f"the test rows form {groups} groups: nothing is claimed below {FEWEST_GROUPS}"
        cure = "data of more groups, or a greater testSize"
        return (Finding(slug="few-groups", severity=Severity.MEDIUM, message=message, cure=cure),)
    return ()


def findings_of(
    verdict: RunVerdict, sketches: Mapping[str, Sketch], baselines: Sequence[str], use: SplitUse | None
) -> list[Finding]:
    found = []
    first = {verdict.best, *verdict.tied} - {None}
    for baseline in baselines:
        compared = {one.candidate: one.outcome for one in verdict.references if one.reference == baseline}
        if first and compared and not any(compared.get(id_ or "") is Against.BETTER for id_ in first):
            message = f"none of those in first place is shown to beat {baseline}"
            found.append(
                Finding(
                    slug="not-better-than-baseline",
                    severity=Severity.MEDIUM,
                    message=message,
                    cure="other features, more rows, or another metric",
                )
            )
    known = {id_: interval(sketch, level=verdict.level) for id_, sketch in sketches.items()}
    on_few = {id_: one.rests_on for id_, one in known.items() if one and one.rests_on is not None}
    if on_few:
        each = "" if len(on_few) == 1 else "each "
        unit = "row" if next(iter(sketches.values())).groups is None else "group"
        units = f"{min(on_few.values())} to {max(on_few.values())} {unit}s"
        if min(on_few.values()) == max(on_few.values()):
            units = counted(min(on_few.values()), unit)
        message = f"the {verdict.metric_name} of {joined(list(on_few))} rests {each}on about {units}"
        found.append(
            Finding(
                slug="rests-on-few-rows",
                severity=Severity.LOW,
                message=message,
                cure=f"more test {unit}s, or a metric that a few large errors do not decide",
                candidates=tuple(on_few),
            )
        )
    if use and use.looks >= use.warn_from:
        found.append(_reuse(verdict, use))
    return found


def _reuse(verdict: RunVerdict, use: SplitUse) -> Finding:
    message = f"{use.looks} candidates have been scored on these test rows"
    if verdict.expected_flattery:
        flattery = verdict_sentences.about(verdict.expected_flattery, verdict.expected_flattery)
        message += (
            f": if all were equal, the best of them would look better than it is by about {flattery} "
            f"{verdict.metric_name}"
        )
    is_worn = use.looks >= use.alarm_from
    return Finding(
        slug="test-set-worn" if is_worn else "test-set-reused",
        severity=Severity.HIGH if is_worn else Severity.MEDIUM,
        message=message,
        cure=unseen_rows(may_seal=use.may_seal),
    )
