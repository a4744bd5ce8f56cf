"""What lets a change pass, and what does not."""

from dataclasses import replace

import pytest

from bakeoff.domain.errors import NotFoundError, RefusedError
from bakeoff.domain.finding import Finding, Severity
from bakeoff.domain.runs.verdict import (
    Against,
    PairDifference,
    ProductionScores,
    ReferenceComparison,
    RunVerdict,
    Standing,
)
from bakeoff.operations.judging.strict_and_fail_on_gates import FailOn, VerdictGate, without_crown

VERDICT = RunVerdict(
    metric="f1",
    greater_is_better=True,
    level=0.05,
    method="draws",
    seed=7,
    rows=100,
    best=None,
    recommended="tree",
    standings={"tree": Standing.TIED, "stump": Standing.WORSE},
    production=ProductionScores(name="churn", version="1.0.0"),
)


def judged(outcome, **changed):
    compared = tuple(
        ReferenceComparison(
            reference="Production (churn 1.0.0)",
            candidate=candidate,
            outcome=one,
            difference=-0.0213,
            low=None,
            high=None,
            p_value=0.01,
            n_eff=50,
        )
        for candidate, one in (("tree", outcome), ("stump", Against.WORSE))
    )
    return replace(VERDICT, references=compared, **changed)


def check(verdict, *conditions, **asked):
    gate = VerdictGate(conditions=[FailOn(one) for one in conditions], **asked)
    return gate.check(verdict, run="nightly")


@pytest.mark.parametrize(
    ("outcome", "worse", "not_better"),
    [
        ("better", "passes", "passes"),
        ("not_shown", "passes", "is not shown to be better"),
        ("insufficient", "passes", "is not shown to be better"),
        ("worse", "is worse than", "is worse than"),
    ],
)
def test_worse_and_not_better_follow_from_what_is_shown(outcome, worse, not_better):
    for condition, expected in (("worse", worse), ("not-better", not_better)):
        if expected == "passes":
            check(judged(Against(outcome)), condition)
        else:
            with pytest.raises(RefusedError, match=f"^tree {expected} .*Production .churn 1.0.0."):
                check(judged(Against(outcome)), condition)


def test_the_difference_is_in_the_message():
    with pytest.raises(RefusedError) as refused:
        check(judged(Against.WORSE), "worse")
    assert str(refused.value) == "tree is worse than Production (churn 1.0.0) by 0.0213 f1"


def test_another_candidate_than_the_recommended_one_can_be_asked_about():
    with pytest.raises(RefusedError, match=r"^stump is worse"):
        check(judged(Against.BETTER), "worse", candidate="stump")
    with pytest.raises(NotFoundError, match="no verdict on 'tre'; did you mean 'tree'"):
        check(judged(Against.BETTER), "worse", candidate="tre")


@pytest.mark.parametrize(
    ("better", "low", "refused"),
    [
        ("tree", 0.1, []),
        ("stump", 0.1, ["worse", "not-better"]),
        (None, -0.1, ["not-better"]),
        (None, None, ["not-better"]),
    ],
)
def test_another_candidate_can_be_what_it_is_held_against(better, low, refused):
    pair = PairDifference(
        a="stump", b="tree", difference=0.1, low=low, high=low, p_value=0.1, n_eff=9, better=better
    )
    verdict = replace(VERDICT, pairs=(pair,), production=None)
    for condition in ("worse", "not-better"):
        if condition in refused:
            with pytest.raises(RefusedError, match=r"^tree is .* stump"):
                check(verdict, condition, against="stump")
        else:
            check(verdict, condition, against="stump")
    with pytest.raises(NotFoundError, match="no verdict on 'oak'"):
        check(verdict, "worse", against="oak")


def test_a_run_without_a_verdict_on_anybody_says_so_in_words():
    with pytest.raises(NotFoundError, match="no verdict on 'oak'; it has none on any candidate"):
        check(replace(VERDICT, standings={}), "worse", candidate="oak")


def test_without_production_it_passes_and_says_so():
    assert check(judged(Against.WORSE, production=None), "worse", "not-better") == [
        "nothing to compare with: run nightly met no version in Production"
    ]
    assert check(judged(Against.INSUFFICIENT), "worse") == [
        "too few rows tell tree and Production (churn 1.0.0) apart"
    ]


def test_what_cannot_be_known_does_not_pass():
    gone = ProductionScores(name="churn", version="1.0.0", problem="its file is gone")
    for verdict, said in (
        (None, "run nightly has no verdict"),
        (judged(Against.BETTER, production=gone), "could not be compared: its file is gone"),
        (judged(Against.BETTER, recommended=None), "recommends no candidate"),
        (VERDICT, "tree was not compared"),
    ):
        with pytest.raises(RefusedError, match=said):
            check(verdict, "worse")


def test_open_findings_of_high_severity_do_not_pass():
    finding = Finding(slug="leaky-feature", severity=Severity.HIGH, message="x tells y")
    with pytest.raises(RefusedError, match=r"^leaky-feature: x tells y; tree is worse"):
        check(judged(Against.WORSE, findings=(finding,)), "finding", "worse")
    known = replace(finding, accepted="we know")
    small = replace(finding, severity=Severity.LOW)
    assert check(judged(Against.WORSE, findings=(known, small)), "finding") == []


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
