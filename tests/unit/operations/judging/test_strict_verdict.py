"""What a finding of high severity changes in the verdict of a strict run."""

import pytest

from bakeoff.domain.finding import Finding, Severity
from bakeoff.domain.runs.verdict import RunVerdict, Standing
from bakeoff.operations.judging.strict_verdict import without_crown


def verdict(*findings: Finding) -> RunVerdict:
    return RunVerdict(
        metric="f1",
        greater_is_better=True,
        level=0.05,
        method="draws",
        seed=7,
        rows=100,
        best="tree",
        recommended="tree",
        standings={"tree": Standing.BEST, "stump": Standing.WORSE},
        findings=findings,
        sentence="tree is best.",
    )


def leak(column: str, severity: Severity = Severity.HIGH, accepted: str | None = None) -> Finding:
    return Finding(slug="leaky-feature", severity=severity, message="", columns=(column,), accepted=accepted)


def test_nobody_is_crowned_or_recommended_and_the_finding_is_named():
    held_back = without_crown(verdict(leak("paid")))
    assert (held_back.best, held_back.recommended) == (None, None)
    assert held_back.standings == {"tree": "insufficient", "stump": "worse"}
    assert held_back.sentence == (
        "Nobody is recommended: strict is on, and leaky-feature (paid) is open. "
        "By the scores alone: tree is best."
    )


def test_of_many_findings_a_few_are_named():
    said = without_crown(verdict(*map(leak, "abcde"))).sentence
    assert "leaky-feature (a), leaky-feature (b), leaky-feature (c) and 2 more are open." in said


@pytest.mark.parametrize(
    "findings", [(), (leak("paid", Severity.MEDIUM),), (leak("paid", accepted="known"),)]
)
def test_nothing_changes_without_an_open_finding_of_high_severity(findings: tuple[Finding, ...]):
    assert without_crown(verdict(*findings)) == verdict(*findings)
