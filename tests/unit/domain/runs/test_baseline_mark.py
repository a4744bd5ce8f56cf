"""The mark of a candidate that is not shown to beat each baseline."""

import pytest

from bakeoff.domain.runs.verdict import Against, ReferenceComparison, RunVerdict

ALWAYS = "always answering 'b'"


def _mark(**outcomes: Against) -> str:
    names = {"always": ALWAYS, "dummy": "dummy"}
    verdict = RunVerdict(
        metric="f1",
        greater_is_better=True,
        level=0.05,
        method="",
        seed=0,
        rows=30,
        best=None,
        references=tuple(
            ReferenceComparison(
                reference=names[name], candidate="knn", difference=0.1, low=None, high=None, p_value=0.5,
                n_eff=30.0,
                outcome=outcome,
            )
            for name, outcome in outcomes.items()
        ),
    )  # fmt: skip
    return verdict.baseline_mark("knn", dummy="dummy")


@pytest.mark.parametrize(
    ("outcomes", "mark"),
    [
        ({"always": Against.BETTER, "dummy": Against.BETTER}, ""),
        ({"dummy": Against.NOT_SHOWN}, "not better"),
        ({"always": Against.WORSE, "dummy": Against.NOT_SHOWN}, "not better"),
        ({"always": Against.NOT_SHOWN, "dummy": Against.BETTER}, "not better than always answering 'b'"),
        ({"always": Against.INSUFFICIENT, "dummy": Against.BETTER}, "too few rows"),
        ({}, ""),
    ],
)
def test_the_mark_says_which_baseline_is_not_beaten_or_that_too_little_is_known(
    outcomes: dict[str, Against], mark: str
) -> None:
    assert _mark(**outcomes) == mark
