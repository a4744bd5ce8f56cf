"""The leaderboard as a table: bands, whiskers, standings, and names that nobody should trust."""

import re

import pytest
from fixtures.parsed_markup import parsed, with_class
from fixtures.values.boards import a_finding, a_report, a_verdict, of_a_grid

from bakeoff.web.charts.leaderboard_markup import BoardOptions, leaderboard_table
from bakeoff.web.charts.verdict_box import claim_of, verdict_box
from bakeoff.web.reports.report_style_and_notebook_html import leaderboard_html

_HOSTILE = '<script>alert("x")</script>\u202e\x1b[31m' + "n" * 200


def said_by(elements):
    """The texts, with plain hyphens for dashes and minus signs."""
    return [one.text.replace("\N{EN DASH}", "-").replace("\N{MINUS SIGN}", "-") for one in elements]


def board(report=None, **options):
    return parsed(leaderboard_table(report or a_report(), BoardOptions(**options)))


def test_candidates_that_are_tied_share_one_body_and_one_place():
    bands = with_class(board(), "bo-band")
    places = [one for one in with_class(board(), "bo-place") if one.attributes.get("scope") == "rowgroup"]
    assert len(bands) == 7
    assert said_by(places) == ["1-4tied", "5-8tied", "9-11tied", "12", "13", "14", "no place"]


def test_each_score_has_its_interval_in_words():
    labels = [
        one.attributes["aria-label"] for one in board() if one.name == "svg" and "role" in one.attributes
    ]
    assert labels[0] == "0.651, 95 % interval 0.632 to 0.668"
    assert len(labels) == 15


def test_the_baseline_does_not_stretch_the_scale_but_says_where_it_is():
    [outside] = with_class(board(), "bo-outside")
    assert outside.text == "off the scale, 0.289"
    dots = [
        float(dot.attributes["cx"].rstrip("%"))
        for dot in with_class(board(), "bo-dot")
        if "%" in dot.attributes["cx"]
    ]
    assert min(dots) < 20
    assert max(dots) > 85


def test_a_candidate_that_is_not_shown_to_beat_a_baseline_is_marked():
    report = a_report()
    report["leaderboard"][1]["baselineMark"] = "not better than always answering 'b'"
    report["leaderboard"][2]["baselineMark"] = "too few rows"
    labels = [one.text for one in with_class(board(report), "bo-label")]
    assert "not better than always answering 'b'" in labels
    assert "too few rows" in labels


def test_heads_begin_with_a_capital_and_functions_are_called_as_they_are():
    report = a_report()
    report["run"]["metrics"] = ["average_precision", "f1", "precision", "mine:costly_errors"]
    heads = [one.text for one in board(report) if one.attributes.get("role") == "columnheader"]
    assert "Average precision" in heads
    assert {"F1", "Precision", "costly errors"} <= set(heads)


def test_where_the_lowest_wins_the_column_is_beside_the_lowest():
    elements = board(a_report(verdict=a_verdict(production=None, greaterIsBetter=False)))
    assert said_by(with_class(elements, "bo-against"))[0] == "Beside the lowest"
    assert with_class(elements, "bo-score")[0].attributes["aria-sort"] == "ascending"


def test_standings_against_production_are_words_with_signed_differences():
    said = said_by(with_class(board(), "bo-against"))
    assert said[:2] == ["Against Production", "better +0.023"]
    assert "tied -0.002" in said
    assert "worse -0.114" in said


def test_without_production_the_standing_beside_the_highest_score_is_said():
    said = said_by(with_class(board(a_report(verdict=a_verdict(production=None))), "bo-against"))
    assert said[0] == "Beside the highest"
    assert said[3] == "tied -0.004"
    assert said[-1] == "-"


def test_a_run_without_a_verdict_has_places_and_claims_nothing():
    elements = board(a_report(verdict=None))
    assert not with_class(elements, "bo-against")
    assert [one.text for one in with_class(elements, "bo-place")[1:4]] == ["1", "2", "3"]


def test_candidates_without_a_result_come_last_with_the_reason_and_the_cure():
    elements = board()
    rows = [one.text for one in elements if one.name == "tr"]
    assert rows[-4] == "Without a result: 3"
    assert "ModuleNotFoundError in import: No module named 'pytorch_tabnet'. pip install" in rows[-3]


def test_every_row_has_as_many_cells_as_the_head():
    for options in ({}, {"choice": "m"}, {"columns": []}):
        elements = board(**options)
        head = sum(one.attributes.get("role") == "columnheader" for one in elements)
        failed = [one for one in elements if "bo-why" in one.classes]
        width = int(failed[0].attributes["colspan"]) + 2 + (2 if "choice" in options else 1)
        assert width == head


def test_choosing_stops_at_the_most_that_curves_can_tell_apart():
    chosen = [f"m{number}" for number in range(4)] + ["xgboost"]
    boxes = [one for one in board(choice="m", chosen=chosen) if one.name == "input"]
    assert [box.attributes["value"] for box in boxes if "checked" in box.attributes] == ["xgboost"]
    assert sum("disabled" in box.attributes for box in boxes) == 14


def test_hostile_names_and_messages_are_text():
    report = a_report()
    report["leaderboard"][0]["modelId"] = report["failed"][0]["modelId"] = _HOSTILE
    report["leaderboard"][0]["modelVersion"] = report["failed"][0]["error"]["message"] = _HOSTILE
    report["verdict"]["sentence"] = _HOSTILE
    report["verdict"]["findings"] = [a_finding(message=_HOSTILE, cure=_HOSTILE)]
    markup = leaderboard_html(report)
    assert not [one for one in parsed(markup) if one.name == "script" or "onerror" in one.attributes]
    assert not re.search("[\x00-\x08\x1b\u202e]", markup)
    assert "&lt;script&gt;" in markup


def test_no_looks_stand_in_attributes_so_that_a_strict_policy_allows_all():
    assert not [one for one in board(choice="m") if "style" in one.attributes or "fill" in one.attributes]


def test_the_verdict_begins_with_its_claim():
    elements = parsed(
        verdict_box(a_verdict(findings=[a_finding(accepted="we know"), a_finding(cure="`drop: [x]` does")]))
    )
    assert [one.text for one in elements if one.name == "strong"] == ["Four candidates share first place:"]
    assert [one.text for one in with_class(elements, "bo-finding")] == [
        "high: Look out. Cure: drop: [x] does",
        "Look out. Accepted: we know",
    ]
    assert [one.text for one in elements if one.name == "code"] == ["drop: [x]"]
    assert with_class(elements, "bo-note")[0].text.startswith(
        "Corrected for being the highest, stack_top3 scores"
    )


@pytest.mark.parametrize(
    ("sentence", "claim"), [("One.", "One."), ("a 1.4.0 wins. So.", "a 1.4.0 wins."), ("", "")]
)
def test_a_claim_ends_at_the_first_stop(sentence, claim):
    assert claim_of(sentence)[0] == claim


def outermost(style):
    """The selectors of rules that stand in no other rule."""
    depth, said, found = 0, "", []
    for sign in re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL):
        if sign == "{":
            found += [said.strip()] if depth == 0 else []
            depth += 1
        elif sign == "}":
            depth, said = depth - 1, ""
        elif depth == 0:
            said += sign
    assert depth == 0
    return found


def test_what_a_notebook_gets_changes_nothing_around_it_and_runs_no_script():
    markup = leaderboard_html(a_report())
    [style] = re.findall("<style>(.*?)</style>", markup, re.DOTALL)
    selectors = [one for group in outermost(style) for one in re.split(r",(?![^(]*\))", group)]
    assert len(selectors) > 2
    assert {one for one in selectors if ".bo-notebook" not in one} == set()
    assert "<script" not in markup
    assert len(markup) < 100_000


def test_fifty_candidates_fit_into_60_kb():
    report = a_report()
    rows = [
        {**row, "modelId": f"{row['modelId']}_{number}"}
        for number in range(4)
        for row in report["leaderboard"]
    ]
    assert len(leaderboard_table({**report, "leaderboard": rows[:50]})) < 120_000


def test_a_candidate_that_fails_checks_of_the_kit_says_so_in_its_row():
    report = a_report()
    report["leaderboard"][3]["findings"] = ["failed-checks"]
    marked = [one.text for one in with_class(board(report), "bo-model") if "fails checks" in one.text]

    assert len(marked) == 1
    assert "hist_gradient_boosting" in marked[0]


def names_in(elements):
    return [one.text for one in with_class(elements, "bo-name")]


def test_a_grid_is_one_line_with_its_best_and_says_how_many_there_are():
    elements = board(of_a_grid(), unfold=lambda family: f"?members={family}")
    assert [name for name in names_in(elements) if name.startswith("forest")] == [
        "forest[n=0]",
        "forest[n=4]",
    ]
    best, failed = with_class(elements, "bo-unfold")
    assert (best.text, best.attributes["href"]) == ("best of 6 of forest", "?members=forest")
    assert failed.text == "and 1 more of forest"
    assert "Without a result: 5" in [one.text for one in elements]


def test_an_unfolded_grid_has_each_member_at_its_own_place():
    elements = board(of_a_grid(), unfold=lambda family: f"?members={family}", unfolded=["forest"])
    names = names_in(elements)
    assert sum(name.startswith("forest") for name in names) == 6
    assert names.index("forest[n=0]") == 4
    assert names.index("forest[n=3]") > names.index("gaussian_nb")
    assert with_class(elements, "bo-unfold") == []


def test_whoever_is_chosen_recommended_or_the_reference_stays_when_its_grid_is_folded():
    report = of_a_grid(members=6, failed=0)
    report["verdict"]["recommended"] = "forest[n=1]"
    found = names_in(board(report, unfold=str, choice="m", chosen=["forest[n=2]"], against="forest[n=3]"))
    assert [name for name in found if name.startswith("forest")] == [
        "forest[n=0]", "forest[n=1]", "forest[n=2]", "forest[n=3]",
    ]  # fmt: skip


def test_three_hundred_members_take_one_line_and_no_room_on_the_page():
    few, many = (
        leaderboard_table(of_a_grid(members=number), BoardOptions(unfold=str)) for number in (3, 300)
    )
    assert "best of 302 of forest" in many
    assert abs(len(many) - len(few)) < 200
    whole = leaderboard_table(of_a_grid(members=300), BoardOptions(unfold=str, unfolded=["forest"]))
    assert whole.count("<tr") - many.count("<tr") == 299 + 1


def test_a_document_holds_the_members_of_a_grid_below_the_table():
    elements = board(of_a_grid())
    [details] = with_class(elements, "bo-members")
    assert details.name == "details"
    assert "All 6 of forest" in [one.text for one in elements if one.name == "summary"]
    names = names_in(elements)
    assert sum(name.startswith("forest") for name in names) == 2 + 6


def test_a_band_of_which_one_line_is_left_still_says_that_it_is_tied():
    report = of_a_grid(members=3, failed=0)
    for row in report["leaderboard"]:
        if row.get("family"):
            row["band"] = [15, 17]
    report["leaderboard"].sort(key=lambda row: row.get("band") or [99, 99])
    places = [one.text for one in with_class(board(report, unfold=str), "bo-place")]
    assert "15\N{EN DASH}17tied" in places
