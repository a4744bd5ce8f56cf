"""Plots: every candidate has its line, its mark and its name, and a table says the same."""

import json

import pytest
from fixtures.parsed_markup import parsed, with_class
from fixtures.values.boards import a_report
from fixtures.values.drawn import a_curve, a_pair, a_value_curve, all_pairs

from bakeoff.web.charts.metric_and_cost_columns import cost_of, latency_figure, telling_cost
from bakeoff.web.charts.plots.curve_plots import (
    calibration_error,
    calibration_plot,
    precision_recall_plot,
    roc_plot,
)
from bakeoff.web.charts.plots.pareto_plot import pareto_plot, pareto_points, pareto_sentence
from bakeoff.web.charts.plots.residual_plots import predicted_true_plot, residual_plot

_MODELS = ["<b>tree</b>", "forest", "logistic", "svm", "bayes"]
_HOSTILE = "</text><script>x</script>\u202e"


def rows_of(elements):
    return [one.text for one in elements if one.name == "tr"]


@pytest.mark.parametrize("plot", [roc_plot, precision_recall_plot, calibration_plot])
def test_each_of_five_candidates_has_its_own_dash_mark_and_name(plot):
    elements = parsed(plot([a_curve(name) for name in _MODELS]))
    paths = [one for one in with_class(elements, "bo-line") if one.name == "path"]
    assert [sorted(one.classes - {"bo-line"}) for one in paths] == [[f"bo-m{place}"] for place in range(5)]
    marks = {one.attributes["d"] for one in with_class(elements, "bo-mark")}
    assert len(marks) == 5
    [image] = with_class(elements, "bo-plot")
    assert image.attributes["role"] == "img"
    assert all(name in image.attributes["aria-label"] for name in _MODELS)


def test_a_sixth_curve_is_not_drawn():
    elements = parsed(roc_plot([a_curve(str(number)) for number in range(6)]))
    assert len([one for one in with_class(elements, "bo-line") if one.name == "path"]) == 5


def test_a_candidate_keeps_its_colour_where_another_has_no_curve():
    elements = parsed(roc_plot([a_curve("none", roc=None), a_curve("tree")]))
    assert {name for one in with_class(elements, "bo-line") for name in one.classes} == {"bo-line", "bo-m1"}


@pytest.mark.parametrize(
    "plot", [roc_plot, precision_recall_plot, calibration_plot, predicted_true_plot, residual_plot]
)
def test_without_curves_there_is_no_plot(plot):
    assert plot([]) is None
    assert plot([{"modelId": "x", "calibration": [], "roc": None}]) is None


def test_the_table_of_a_roc_curve_says_its_height_at_eleven_places():
    rows = rows_of(parsed(roc_plot([a_curve("tree")])))
    assert rows[0] == "False positive ratetree"
    assert (rows[1], rows[2], rows[3], rows[-1]) == ("0.00.000", "0.10.600", "0.20.700", "1.01.000")


def test_the_table_of_precision_says_nothing_before_the_first_vertex():
    rows = rows_of(parsed(precision_recall_plot([a_curve("tree")])))
    assert rows[1].replace("\N{EN DASH}", "-") == "0.0-"
    assert rows[4] == "0.30.950"


def test_long_names_are_cut_and_hostile_ones_are_text():
    name = _HOSTILE + "x" * 200
    for plot in (roc_plot([a_curve(name)]), residual_plot([a_value_curve(name)])):
        elements = parsed(plot)
        assert not [one for one in elements if one.name == "script"]
        assert "\u202e" not in plot
        assert max(len(one.text) for one in with_class(elements, "bo-key-text")) < 30
        assert all("style" not in one.attributes for one in elements)


def test_the_calibration_error_is_the_mean_distance_by_rows():
    bins = [
        {"predicted": 0.2, "observed": 0.1, "rows": 100},
        {"predicted": 0.8, "observed": 0.9, "rows": 300},
    ]
    assert calibration_error(bins) == pytest.approx(0.1)


def test_curves_of_2000_vertices_that_share_pixels_are_thinned():
    steps = [number / 2000 for number in range(2001)]
    curve = a_curve(
        "tree", roc={"falsePositiveRate": steps, "truePositiveRate": steps, "thresholds": [], "area": 0.5}
    )
    assert len(roc_plot([curve])) < 12_000


def test_numbers_have_their_residuals_and_truth_drawn():
    curves = [a_value_curve("tree"), a_value_curve("forest")]
    truth, residuals = parsed(predicted_true_plot(curves)), parsed(residual_plot(curves))
    assert len(with_class(truth, "bo-strip")) == 2
    assert rows_of(truth)[1] == "tree10.08.0010.012.050"
    assert rows_of(residuals)[1].replace("\N{MINUS SIGN}", "-") == "tree-2.00 to 2.00148"


def kinds(**options):
    rows = a_report()["leaderboard"]
    points = pareto_points(rows, all_pairs(), metric="f1", cost="p99", baseline_id="dummy", **options)
    return {point.model: point.kind for point in points}


def test_on_the_front_is_who_is_shown_to_be_better_than_all_that_is_cheaper():
    found = kinds()
    assert [model for model, kind in found.items() if kind == "front"] == [
        "logistic_l2",
        "mlp_64_64",
        "xgboost",
    ]
    assert (found["stack_top3"], found["lightgbm"]) == ("tied", "tied")
    assert (found["knn_15"], found["random_forest"]) == ("beaten", "beaten")
    assert "dummy" not in found


def test_without_verdict_nobody_but_the_cheapest_is_on_the_front():
    rows = a_report()["leaderboard"]
    points = pareto_points(rows, [], metric="f1", cost="fit")
    assert [point.kind for point in points].count("front") == 1


def test_the_sentence_names_the_one_to_take_and_what_the_cheapest_saves():
    rows = a_report()["leaderboard"]
    points = pareto_points(rows, all_pairs(), metric="f1", cost="p99", baseline_id="dummy")
    assert pareto_sentence(points, "f1") == (
        "xgboost gives the most for its cost: nothing cheaper is as good, and nothing dearer is surely "
        "better. logistic_l2 costs 14 % of that, and is worse by 0.0490 F1."
    )
    assert pareto_sentence([], "f1") == "No candidate has both a score and this cost."


def said_beside(recommended, *, cost="p99", **changed):
    rows = [{**row, **changed} for row in a_report()["leaderboard"]]
    points = pareto_points(rows, all_pairs(), metric="f1", cost=cost, baseline_id="dummy")
    return pareto_sentence(points, "f1", cost=cost, verdict={"recommended": recommended})


def test_the_sentence_of_costs_never_advises_another_than_the_verdict():
    assert said_beside("xgboost").startswith("xgboost gives the most for its cost")
    assert said_beside("stack_top3") == "The verdict takes stack_top3. xgboost costs 10 % of that."
    assert said_beside(None) == "The verdict takes none of them, whatever they cost."


def test_where_costs_hardly_differ_nothing_is_said_to_be_cheaper():
    said = said_beside("xgboost", cost="predict", predictSeconds=0.02)
    assert said == "The verdict takes xgboost: stack_top3 costs hardly less."


def test_a_pareto_plot_labels_the_front_and_production_first():
    rows = a_report()["leaderboard"]
    points = pareto_points(rows, all_pairs(), metric="f1", cost="p99", baseline_id="dummy")
    elements = parsed(pareto_plot(points, metric="f1", cost="p99", production="random_forest"))
    labels = [one.text for one in with_class(elements, "bo-key-text")]
    assert labels[0] == "random_forest (Production)"
    assert {"xgboost", "mlp_64_64", "logistic_l2"} <= set(labels)
    assert len([one for one in elements if one.name == "circle"]) == 14 + 3
    assert pareto_plot([], metric="f1", cost="p99") is None


@pytest.mark.parametrize(
    ("cost", "value"), [("p99", 61.0), ("fit", 148.2), ("memory", 912.0), ("predict", 0.061), ("size", None)]
)
def test_each_cost_is_read_from_the_record(cost, value):
    assert cost_of(a_report()["leaderboard"][0], cost) == value


def test_costs_of_nothing_can_be_drawn():
    rows = [{**row, "fitSeconds": 0.0} for row in a_report()["leaderboard"]]
    points = pareto_points(rows, [a_pair("xgboost", "lda", 0.1, "xgboost")], metric="f1", cost="fit")
    assert parsed(pareto_plot(points, metric="f1", cost="fit"))
    assert pareto_sentence(points, "f1")


def test_the_99th_of_few_calls_is_not_shown():
    often = a_report()["leaderboard"]
    seldom = {**often[0], "latency": {"oneRow": {**often[0]["latency"]["oneRow"], "calls": 11}}}
    never = {**often[0], "latency": None}
    assert latency_figure(often) == "p99"
    assert latency_figure([*often, seldom, never]) == "p50"
    assert latency_figure([never]) is None
    assert (telling_cost([seldom, often[0]]), telling_cost([seldom, never, never])) == ("p50", "predict")


def test_a_page_gets_the_heights_at_101_places_and_a_report_gets_none():
    curves = [a_curve("tree"), a_curve(_HOSTILE)]
    [image] = with_class(parsed(roc_plot(curves, crosshair=True)), "bo-plot")
    data = json.loads(image.attributes["data-crosshair"])
    assert (data["names"][0], data["places"], data["left"], data["right"]) == ("tree", [0, 1], 40, 350)
    assert [len(heights) for heights in data["heights"]] == [101, 101]
    assert (data["heights"][0][0], data["heights"][0][10], data["heights"][0][100]) == (0.0, 0.6, 1.0)
    [recall] = with_class(parsed(precision_recall_plot(curves, crosshair=True)), "bo-plot")
    assert json.loads(recall.attributes["data-crosshair"])["heights"][0][0] is None
    assert "data-crosshair" not in roc_plot(curves)
