"""Findings on the results of a run."""

from fixtures.values.samples import a_candidate, a_job, a_result, a_run

from bakeoff.domain.finding import Finding
from bakeoff.evaluation.checks.result_checks import result_findings, version_findings

LINEAR = "sklearn.linear_model:LogisticRegression"


def found(**scores: dict[str, object]) -> dict[str, Finding]:
    """On candidates with these metrics, paths and confusions."""
    run = a_run(baseline_id="dummy")
    candidates, results = {}, []
    for name, about in scores.items():
        candidates[name] = a_candidate(id=name, path=about.pop("path", "models.tree:Tree"))
        details = {"warnings": [], "confusion": about.pop("confusion", [[5, 1], [0, 6]])}
        results.append(a_result(a_job(run, candidate=candidates[name]), metrics=about, details=details))
    return {one.slug: one for one in result_findings(results, candidates, baseline="dummy")}


def test_a_candidate_that_predicts_one_class_is_named_and_the_baseline_is_not():
    one_class = [[5, 0], [7, 0]]
    seen = found(tree={"confusion": one_class}, dummy={"confusion": one_class}, good={})
    assert seen["constant-prediction"].candidates == ("tree",)


def test_a_score_far_above_a_linear_one_is_too_good():
    seen = found(tree={"accuracy": 0.999}, line={"accuracy": 0.91, "path": LINEAR})["too-good"]
    assert (seen.candidates, seen.blocks) == (("tree",), True)
    assert seen.message.startswith("tree has accuracy 0.9990, where the best linear candidate has 0.9100")


def test_numbers_that_are_predicted_exactly_are_too_good():
    assert "too-good" in found(tree={"r2": 0.9995}, line={"r2": 0.9, "path": LINEAR})
    assert "too-good" not in found(tree={"r2": 0.9995}, line={"r2": 0.97, "path": LINEAR})


def test_a_good_score_on_easy_data_is_not_too_good():
    assert found(tree={"accuracy": 0.995}, line={"accuracy": 0.97, "path": LINEAR}) == {}
    assert found(tree={"accuracy": 0.995}) == {}


def test_where_few_rows_are_of_a_class_an_accuracy_below_the_dummys_is_said():
    seen = found(
        dummy={"accuracy": 0.98}, svm={"accuracy": 0.97}, tree={"accuracy": 0.95}, good={"accuracy": 0.98}
    )["below-dummy"]

    assert seen.candidates == ("svm", "tree")
    assert seen.message == (
        "the accuracy of svm, tree is below the 0.9800 of always answering the most frequent class: few rows "
        "of a class carry the result"
    )
    assert not seen.blocks
    assert found(dummy={"accuracy": 0.6}, svm={"accuracy": 0.5}) == {}
    assert found(dummy={"accuracy": None}, svm={"accuracy": 0.5}) == {}


def test_versions_that_differ_within_a_run_are_named_with_their_candidates():
    old, new = {"numpy": "2.4.6", "lightgbm": "4.5"}, {"numpy": "2.4.6", "lightgbm": "4.6"}
    (seen,) = version_findings({"leaves": old, "depth": new, "linear": {"numpy": "2.4.6"}})
    assert seen.message.endswith("different versions of packages: lightgbm 4.6 (depth) and 4.5 (leaves)")
    assert seen.candidates == ("depth", "leaves")


def test_what_only_one_candidate_uses_is_no_other_version():
    assert not list(version_findings({"leaves": {"lightgbm": "4.5"}, "linear": {"numpy": "2.4.6"}}))
