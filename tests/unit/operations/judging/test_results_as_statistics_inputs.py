"""What a verdict takes from a result."""

from fixtures.values.samples import a_job, a_result, a_run

from bakeoff.operations.judging.results_as_statistics_inputs import judged_candidate

RUN = a_run()
NOTES = ["recall is undefined for these predictions: no", "own:boom failed: ValueError: boom", "another"]


def why_unscored(score: float | None, *, metric: str = "own:boom") -> str | None:
    result = a_result(a_job(RUN), metrics={metric: score}, details={"warnings": NOTES})
    return judged_candidate(result, RUN, None, metric=metric).why_unscored


def test_a_candidate_without_a_score_brings_what_its_metric_says_of_it():
    assert why_unscored(None) == "own:boom failed: ValueError: boom"
    assert why_unscored(None, metric="recall") == NOTES[0]
    assert why_unscored(None, metric="f1") is None


def test_a_candidate_with_a_score_needs_no_reason():
    assert why_unscored(0.5) is None
