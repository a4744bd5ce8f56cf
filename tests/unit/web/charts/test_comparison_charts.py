"""Differences, pairs, confusion and jobs as tables with drawings in them."""

from fixtures.parsed_markup import parsed, with_class
from fixtures.values.boards import PRODUCTION, a_report, a_verdict
from fixtures.values.drawn import a_job, a_pair, all_pairs, at

from bakeoff.web.charts.confusion_table import confusion_table
from bakeoff.web.charts.difference_forest import difference_forest, pairs_with
from bakeoff.web.charts.job_waterfall import job_waterfall
from bakeoff.web.charts.pairs_matrix import pairs_matrix

_HOSTILE = "<script>x</script>"


def texts(elements, name):
    return [one.text.replace("\N{MINUS SIGN}", "-") for one in elements if one.name == name]


def test_a_forest_says_each_difference_in_words_beside_the_drawing():
    references = a_verdict()["references"][:2]
    elements = parsed(difference_forest(references, metric="f1", reference=PRODUCTION, detectable=0.013))
    assert texts(elements, "h3") == [f"F1 against {PRODUCTION}"]
    assert texts(elements, "tr")[1] == "stack_top3+0.023 better+0.010 to +0.035"
    assert len(with_class(elements, "bo-unseen")) == 2
    assert "(±0.013)" in with_class(elements, "bo-note")[0].text


def test_a_difference_without_an_interval_claims_none():
    pairs = [a_pair("a", "b", 0.02, None, known=False)]
    elements = parsed(difference_forest(pairs_with(pairs, "b"), metric="f1", reference="b"))
    assert texts(elements, "tr")[1] == "a+0.0200 too few rows"
    assert not with_class(elements, "bo-interval")
    assert not with_class(elements, "bo-unseen")


def test_a_difference_has_its_density_and_the_line_stands_below_it():
    pairs = [
        a_pair("a", "b", 0.02, "a"),
        a_pair("b", "c", 0.01, None),
        a_pair("d", "b", 0.0, None, known=False),
    ]
    lean = "0" * 20 + "az" + "0" * 34
    stored = [["a", "b", 0.0, 0.056, lean], ["b", "c", 0.0, 0.056, lean], ["d", "b", 0.0, 0.056, lean]]
    elements = parsed(
        difference_forest(
            pairs_with(pairs, "b"), metric="f1", reference="b", places={"a": 1}, densities=stored
        )
    )
    of_a, of_c = with_class(elements, "bo-density")
    assert "bo-m1" in of_a.attributes["class"]
    assert of_a.attributes["viewbox"] == "0 0 56 35"
    hills = [one.attributes["d"] for one in elements if one.name == "path" and one.attributes["d"][-1] == "Z"]
    assert hills[0].startswith("M0 35L0.5 35")
    assert "L20.5 25L21.5 0L22.5 35" in hills[0]
    assert "L34.5 0L35.5 25L36.5 35" in hills[1]  # of c less b: turned
    assert float(of_a.attributes["x"].rstrip("%")) > float(of_c.attributes["x"].rstrip("%"))
    assert {one.attributes["y1"] for one in with_class(elements, "bo-interval")} == {"35"}
    assert "The hills" in with_class(elements, "bo-note")[0].text


def test_pairs_are_turned_towards_the_reference():
    pairs = [a_pair("a", "b", 0.02, "a"), a_pair("c", "a", -0.03, "a"), a_pair("b", "c", 0.01, None)]
    found = pairs_with(pairs, "a")
    assert [(one["candidate"], round(one["difference"], 3), one["outcome"]) for one in found] == [
        ("b", -0.02, "worse"),
        ("c", -0.03, "worse"),
    ]
    assert (round(found[0]["low"], 3), round(found[0]["high"], 3)) == (-0.03, -0.01)
    assert pairs_with([a_pair("a", "b", 0.0, None)], "a")[0]["difference"] == 0


def test_the_matrix_says_row_minus_column_and_the_same_from_both_sides():
    elements = parsed(pairs_matrix([a_pair("a", "b", 0.02, "a")]))
    assert texts(elements, "tr")[1:] == ["a·+0.020 better", "b-0.020 worse·"]
    titles = [one.attributes["title"] for one in elements if one.name == "td" and "title" in one.attributes]
    assert [title.replace("\N{MINUS SIGN}", "-") for title in titles] == [
        "+0.010 to +0.030, adjusted p 0.02",
        "-0.030 to -0.010, adjusted p 0.02",
    ]


def test_the_matrix_can_be_cut_to_the_first_and_is_absent_without_pairs():
    elements = parsed(pairs_matrix(all_pairs(), order=["xgboost", "lda", "unknown", "svc_rbf"], most=3))
    assert len(texts(elements, "tr")) == 4
    assert pairs_matrix([]) is None


def test_a_confusion_matrix_has_shares_of_each_class_and_darker_where_more():
    details = {"classes": ["no", _HOSTILE], "confusion": [[90, 10], [0, 50]]}
    markup = confusion_table(details, model=_HOSTILE, place=1)
    elements = parsed(markup)
    assert "script" not in {one.name for one in elements}
    assert texts(elements, "td")[1:] == ["9090 %", "1010 %", "00 %", "50100 %"]
    shades = [one.attributes["class"] for one in elements if one.name == "td" and "class" in one.attributes]
    assert shades == ["bo-q5", "bo-e1", "bo-e0", "bo-q5"]


def test_a_matrix_of_many_classes_is_dense_and_has_counts_alone():
    counts = [[9 if row == column else 1 for column in range(8)] for row in range(8)]
    elements = parsed(confusion_table({"classes": list("abcdefgh"), "confusion": counts}, model="m"))
    assert len(with_class(elements, "bo-dense")) == 1
    assert texts(elements, "th")[:2] == ["a", "b"]
    assert texts(elements, "td")[1:3] == ["9", "1"]


def test_labels_that_are_no_class_are_called_other_and_numbers_have_no_matrix():
    elements = parsed(confusion_table({"classes": ["a"], "confusion": [[1, 2], [0, 0]]}, model="m"))
    assert texts(elements, "th")[:2] == ["says a", "says other"]
    assert confusion_table({"residuals": {}}, model="m") is None


def waterfall(*jobs, results=(), now=None):
    return parsed(job_waterfall(jobs, results, began_at=at(0), now=now))


def test_jobs_stand_in_the_order_in_which_they_began_with_what_they_took():
    elements = waterfall(
        a_job("late", 60, 150), a_job("queued", None, None, status="queued"), a_job("early", 2, 12)
    )
    assert texts(elements, "tr")[1:] == [
        "early hereCompleted10 s",
        "late hereCompleted1 min 30 s",
        "queued hereQueued",
    ]
    said = [one.attributes["aria-label"] for one in elements if one.attributes.get("role") == "img"]
    assert said == [
        "started after 2 s, ended after 12 s",
        "started after 1 min 0 s, ended after 2 min 30 s",
        "has not started",
    ]


def test_a_running_job_reaches_until_now_and_a_failed_one_has_its_colour():
    elements = waterfall(
        a_job("a", 0, None, status="running"), a_job("b", 0, 10, status="failed", attempt=3), now=at(40)
    )
    running, failed = with_class(elements, "bo-fit")
    assert (running.attributes["width"], failed.attributes["width"]) == ("100%", "25%")
    assert ("bo-fill-run" in running.classes, "bo-fill-bad" in failed.classes) == (True, True)
    assert "attempt 3" in texts(elements, "tr")[2]


def test_what_predicting_took_is_told_from_the_fit():
    result = {**a_report()["leaderboard"][0], "evaluationId": "evaluation-a", "predictSeconds": 4.0}
    elements = waterfall(a_job("a", 0, 20), results=[result])
    [fit], [predict] = (
        with_class(elements, "bo-fit"),
        [one for one in with_class(elements, "bo-predict") if one.name == "rect"],
    )
    assert (fit.attributes["width"], predict.attributes["width"]) == ("80%", "20%")


def test_a_reused_result_has_taken_no_time():
    result = {**a_report()["leaderboard"][2], "evaluationId": "evaluation-a"}
    elements = waterfall(a_job("a", 0, 0, attempt=0), results=[result])
    assert texts(elements, "tr")[1] == "a herereused"
    assert not with_class(elements, "bo-fit")
