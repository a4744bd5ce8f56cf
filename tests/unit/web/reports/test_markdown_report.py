"""The report for a pull request: tables and alerts of the forge, and nobody else's markup."""

import pytest
from fixtures.values.boards import STOPPED, a_finding, a_verdict, of_a_grid
from fixtures.values.report_contents import of_fifty_candidates, report_contents, with_report

from bakeoff.web.reports.markdown_report import code, markdown_report, prose


def lines(contents):
    plain = markdown_report(contents).replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-")
    return plain.splitlines()


def test_the_claim_comes_first_in_bold():
    said = lines(report_contents())
    assert said[0] == "## nightly-2026-11-28"
    assert said[4].startswith("**Four candidates share first place:** stack\\_top3, xgboost, ")


def test_the_table_has_place_interval_standing_and_cost():
    said = lines(report_contents())
    table = [line for line in said if line.startswith("|")]
    assert table[0] == (
        "| Place | Model | F1 | 95 % | Against Production | ROC AUC | p99 ms | Peak MB | Fit s |  |"
    )
    assert table[1] == "| ---: | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | --- |"
    assert table[2] == (
        "| 1-4 | `stack_top3` 2 | **0.651** | 0.632 to 0.668 | better +0.023 | 0.855 | 61.0 | 912 | 148 "
        "| varies, 1 warning |"
    )
    assert table[3].endswith("| **take this one** |")
    assert all(line.count(" | ") == table[0].count(" | ") for line in table[2:])


def test_without_a_verdict_there_are_ranks_and_no_standing():
    said = lines(with_report(report_contents(), verdict=None))
    assert "This run has no verdict." in said
    assert [line for line in said if line.startswith("| 1 | `stack_top3`")]
    assert "Standing" not in " ".join(said)


def test_more_than_fifteen_candidates_are_folded():
    said = lines(of_fifty_candidates())
    assert "<details><summary>35 more</summary>" in said
    assert sum(line.startswith("| Place") for line in said) == 2


def test_open_findings_are_alerts_and_accepted_ones_are_left_out():
    findings = [
        a_finding(),
        a_finding(severity="low", message="Small.", cure=""),
        a_finding(severity="medium", message="it rests on 5 to 7 rows", cure="more test rows"),
        a_finding(accepted="known"),
    ]
    said = lines(with_report(report_contents(), verdict=a_verdict(findings=findings)))
    assert said[said.index("> [!CAUTION]") + 1] == "> Look out. Cure: drop it."
    assert said[said.index("> [!NOTE]") + 1] == "> Small."
    assert said[said.index("> [!WARNING]") + 1] == "> it rests on 5 to 7 rows. Cure: more test rows"
    assert sum(line.startswith("> [!") for line in said) == 3


def test_what_failed_is_listed_with_the_cure_and_how_to_replay_is_folded():
    said = lines(report_contents())
    assert (
        "- `gp_classifier` 1 timed_out: `Timeout` in fit: stopped after 120 s; the fit grows with the cube "
        "of the rows. give it more time"
    ) in said
    replay = said[said.index("```sh") + 1]
    assert replay == "bakeoff reproduce 7f3a91c2-aaaa-bbbb-cccc-000000000001 xgboost"


def test_a_grid_is_one_line_and_its_members_are_folded_below():
    report = of_a_grid()
    rows = [{"details": {}, **row} for row in report["leaderboard"]]
    said = lines(with_report(report_contents(), leaderboard=rows, failed=report["failed"]))
    fold = said.index("<details><summary>All 6 of forest</summary>")
    above, below = said[:fold], said[fold:]
    [line] = [one for one in above if one.startswith("|") and "`forest[" in one]
    assert line.endswith("| best of 6 of forest |")
    assert sum(one.startswith("|") and "`forest[" in one for one in below) == 4
    [failure] = [one for one in above if one.startswith("- `forest")]
    assert failure.endswith("And 1 more of forest.")
    assert "Without a result: 5" in above
    assert sum(one.startswith("- `forest") for one in below) == 2


def test_names_of_others_call_nobody_and_end_no_cell():
    assert code("a|b`c\nd @user <b>") == "`a\\|b'c d @user <b>`"
    assert prose("@user see <b> *x* | https://x [y](z)") == (
        "@\u200buser see &lt;b> \\*x\\* \\| https:\u200b//x \\[y\\](z)"
    )
    contents = report_contents()
    rows = [{**row, "modelId": "x | y\n| z", "modelVersion": "|"} for row in contents.report["leaderboard"]]
    table = [line for line in lines(with_report(contents, leaderboard=rows)) if line.startswith("|")]
    assert len(table) == 17
    assert all(line.replace("\\|", "").count("|") == table[0].count("|") for line in table)


def test_whom_a_race_stopped_is_listed_with_the_score_of_the_folds_that_it_had():
    close = {**STOPPED, "modelId": "close", "metrics": {"f1": 0.6475}}
    said = lines(with_report(report_contents(), stopped=[close, STOPPED]))
    begin = said.index("Stopped by the race: 2") + 2
    assert said[begin : begin + 2] == [
        "- `close` 1.0 after 1 of 5 folds, f1 0.647 so far",
        "- `hopeless` 1.0 after 1 of 5 folds, f1 0.250 so far",
    ]
    assert "Stopped by the race: 1" not in lines(report_contents())


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("say `seal: 0.2` or `a|b`, [not] more", r"say `seal: 0.2` or `a\|b`, \[not\] more"),
        ("a lone ` and *this*", r"a lone \` and \*this\*"),
    ],
)
def test_a_pair_of_backticks_stays_code_and_a_lone_one_is_escaped(written: str, shown: str) -> None:
    assert prose(written) == shown
