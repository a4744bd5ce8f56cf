"""What the pages of runs show of a project that has runs of every kind."""

import json
from collections.abc import Iterator

import pytest
from fixtures.page_visits import Browser
from fixtures.projects.showcase import Showcase, a_showcase


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    made = a_showcase(tmp_path_factory.mktemp("showcase"))
    yield made
    made.context.engine.dispose()


@pytest.fixture(scope="module")
def browser(show: Showcase) -> Browser:
    return Browser(show.context)


def test_the_first_page_shows_what_runs_what_is_in_production_and_the_latest_verdicts(
    browser: Browser,
) -> None:
    page = browser.page("/")
    assert "nightly-2026-11-29" in page
    assert "share first place" in page
    assert '<a href="/models/credit-default">' in page
    assert "better by 0.03" not in page


def test_runs_are_filtered_by_what_the_address_says(browser: Browser) -> None:
    names = [row["name"] for row in json.loads(browser.page("/runs.json"))]
    assert names[:3] == ["later", "nightly-2026-11-29", "nightly-2026-11-28"]
    assert [row["name"] for row in json.loads(browser.page("/runs.json?q=NIGHTLY&state=running"))] == names[
        1:2
    ]
    assert "No run is like that" in browser.page("/runs?q=%25")


def test_a_line_of_the_list_has_the_score_and_interval_of_the_one_to_take(
    browser: Browser, show: Showcase
) -> None:
    (line,) = json.loads(browser.page("/runs.json?state=partial&q=nightly"))
    assert (line["best"], line["metric"], line["tied"], line["withoutResult"]) == ("lightgbm", "f1", 4, 3)
    assert line["low"] < line["score"] < line["high"]


def test_a_page_of_the_list_ends_where_the_next_begins(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bakeoff.web.routes.run_pages._PER_PAGE", 3)
    first = browser.page("/runs")
    older = first.partition('rel="next" href="')[2].partition('"')[0]
    assert "nightly-2026-11-28" in first
    assert "nightly-2026-11-28" not in browser.page(older)


def test_the_leaderboard_comes_with_its_verdict_and_the_failed_ones_last(
    browser: Browser, show: Showcase
) -> None:
    page = browser.page(f"/runs/{show.judged.id}")
    assert "<strong>Four candidates share first place:</strong>" in page
    assert (
        page.index("lightgbm")
        < page.index("gaussian_nb")
        < page.index("Without a result: 3")
        < page.index("tabnet")
    )
    assert f'action="/runs/{show.judged.id}"' in page


def test_a_grid_is_folded_and_each_member_is_one_click_away(browser: Browser, show: Showcase) -> None:
    path = f"/runs/{show.grid.id}"
    folded, whole = browser.page(path), browser.page(f"{path}?members=forest")
    assert "best of 6 of forest" in folded
    assert f'href="{path}?members=forest"' in folded
    assert "and 1 more of forest" in folded
    assert [page.count('title="forest[') for page in (folded, whole)] == [2, 6]
    assert '<option value="forest" selected>all 6 of forest</option>' in whole
    assert browser.page(f"{path}?q=depth%3D9").count('title="forest[') == 3
    rows = json.loads(browser.page(f"{path}.json"))
    assert [row["family"] for row in rows].count("forest") == 6


def test_differences_are_drawn_with_the_densities_that_were_kept(browser: Browser, show: Showcase) -> None:
    page = browser.page(f"/compare?run={show.judged.id}&m=xgboost&m=lda&m=dummy&m=knn_15")
    assert page.count('class="bo-density bo-m') == 2  # the dummy is a reference, and takes no part in pairs
    report = json.loads(browser.page(f"/runs/{show.judged.id}.json"))
    assert "densities" not in str(report)
    assert 'class="bo-density' in browser.page(f"/runs/{show.judged.id}/report")


def test_a_run_is_found_by_its_name_and_by_the_beginning_of_its_id(browser: Browser, show: Showcase) -> None:
    for given in ("nightly-2026-11-28", show.judged.id[:8]):
        assert (
            browser.get(f"/runs/{given}?metric=roc_auc").headers["location"]
            == f"/runs/{show.judged.id}?metric=roc_auc"
        )


def test_another_metric_ranks_without_a_verdict(browser: Browser, show: Showcase) -> None:
    page = browser.page(f"/runs/{show.judged.id}?metric=accuracy")
    assert "no verdict by this metric" in page
    assert browser.get(f"/runs/{show.judged.id}?metric=odd").status_code == 422


def test_the_leaderboard_can_be_taken_away_in_three_forms(browser: Browser, show: Showcase) -> None:
    table, records, text = (
        browser.page(f"/runs/{show.judged.id}{ending}") for ending in (".csv", ".json", ".md")
    )
    assert table.splitlines()[0].startswith(
        "place,modelId,modelVersion,family,status,standing,f1,f1 low,f1 high,roc_auc"
    )
    assert json.loads(records)[-1]["error"] == "Timeout: stopped after 120 s"
    assert text.splitlines()[2].startswith("| 1 | lightgbm | 1.0 |  | completed | tied |")


def test_a_run_that_goes_on_says_how_far_it_is_and_is_watched(browser: Browser, show: Showcase) -> None:
    page = browser.page(f"/runs/{show.running.id}")
    assert "3 of 7 jobs are still to end" in page
    assert f'data-live="run/{show.running.id}"' in page
    assert '<noscript><meta http-equiv="refresh"' in page


def test_the_settings_say_where_each_was_found(browser: Browser) -> None:
    page = browser.page("/settings")
    assert "<code>evalWorkers</code>" in page
    assert "<strong>file</strong>" in page


def test_jobs_are_a_waterfall_and_failures_are_grouped_by_what_mends_them(
    browser: Browser, show: Showcase
) -> None:
    page = browser.page(f"/runs/{show.judged.id}/jobs")
    assert page.count("<h3>ModuleNotFoundError") == 1
    assert "Retry these 2" in page
    assert page.index("ModuleNotFoundError") < page.index("<h3>Timeout")
    rows = json.loads(browser.page(f"/runs/{show.judged.id}/jobs.json"))
    assert [row["modelId"] for row in rows if row["errorType"] == "Timeout"] == ["gp_classifier"]
    assert len(rows) == 17


def test_a_running_run_says_how_long_it_still_takes(browser: Browser, show: Showcase) -> None:
    page = browser.page(f"/runs/{show.running.id}/jobs")
    assert "at this pace" in page
    assert "Retry" not in page


def test_the_page_of_a_job_has_its_error_its_cure_and_its_traceback(browser: Browser, show: Showcase) -> None:
    to = browser.get(f"/runs/{show.judged.id}/jobs/tabnet").headers["location"]
    page = browser.page(to)
    assert "pip install &#x27;pytorch-tabnet&#x27;" in page
    assert "Traceback (most recent call last)" in page
    assert browser.get(to[:-4]).headers["location"] == to


def test_the_page_of_a_job_with_a_result_says_how_to_make_it_again(browser: Browser, show: Showcase) -> None:
    to = browser.get(f"/runs/{show.judged.id}/jobs/xgboost").headers["location"]
    page = browser.page(to)
    assert f"bakeoff reproduce {to.removeprefix('/jobs/')[:8]}" in page
    assert "validation-logloss" in page
    log = browser.page(f"{to}/log?after=5")
    assert "idation-logloss" in log
    assert "data-ended" in log


def test_pairs_hold_in_both_directions(browser: Browser, show: Showcase) -> None:
    pairs = json.loads(browser.page(f"/runs/{show.judged.id}/pairs.json"))
    assert len(pairs) == 13 * 12 / 2
    page = browser.page(f"/runs/{show.judged.id}/pairs")
    assert (
        page.count('class="bo-better"')
        == page.count('class="bo-worse"')
        == sum(one["better"] is not None for one in pairs)
    )


def test_a_step_of_the_pareto_front_is_shown_to_be_better(browser: Browser, show: Showcase) -> None:
    rows = json.loads(browser.page(f"/runs/{show.judged.id}/pareto.json?cost=fit"))
    places = {row["modelId"]: row["place"] for row in rows}
    assert "dummy" not in places  # it competes with nobody
    assert places["hist_gradient_boosting"] == "front"
    assert places["lightgbm"] == "tied"  # it scores higher and costs more, and that is not shown
    assert places["svc_rbf"] == "beaten"
    assert browser.get(f"/runs/{show.judged.id}/pareto?cost=luck").status_code == 422


def test_a_comparison_says_what_the_verdict_of_the_run_says_of_these(
    browser: Browser, show: Showcase
) -> None:
    page = browser.page(f"/compare?run={show.judged.id}&m=mlp_64_64&m=xgboost&m=lda&m=extra_trees")
    assert (
        "xgboost is better than mlp_64_64; lda is worse than mlp_64_64; extra_trees is not told apart" in page
    )
    for title in (
        "F1 against",
        "ROC",
        "Precision and recall",
        "Calibration",
        "Confusion at each",
        "How they are made",
    ):
        assert title in page
    assert "Look for them" in page


def test_rows_of_disagreement_are_looked_for_when_somebody_asks(browser: Browser, show: Showcase) -> None:
    page = browser.page(f"/compare?run={show.judged.id}&m=xgboost&m=lda&rows=yes")
    assert "They disagree on" in page
    assert page.count("<code>") > 20
    asked = f"?run={show.judged.id}&m=xgboost&m=lda&rows=yes&table=disagreements"
    rows = json.loads(browser.page(f"/compare.json{asked}"))
    assert len(rows) == 20
    assert all(row["xgboost"] != row["lda"] for row in rows)
    assert "pay_0" in rows[0]


def test_the_values_of_a_comparison_can_be_taken_away(browser: Browser, show: Showcase) -> None:
    rows = json.loads(browser.page(f"/compare.json?run={show.judged.id}&m=xgboost&m=lda"))
    assert rows[0]["metric"] == "F1"
    assert rows[0]["xgboost"] > rows[0]["lda"]


def test_fewer_than_two_lead_back_to_the_leaderboard_and_six_are_too_many(
    browser: Browser, show: Showcase
) -> None:
    asked = f"/compare?run={show.judged.id}"
    assert browser.get(f"{asked}&m=lda").headers["location"] == f"/runs/{show.judged.id}?m=lda"
    six = "".join(f"&m={name}" for name in ("lda", "xgboost", "lightgbm", "knn_15", "svc_rbf", "gaussian_nb"))
    assert browser.get(asked + six).status_code == 422
    assert browser.get(f"{asked}&m=lda&m=nobody").status_code == 404


def test_the_report_of_a_run_is_saved_as_a_file(browser: Browser, show: Showcase) -> None:
    page = browser.page(f"/runs/{show.judged.id}")
    address = page.partition('">Report</a>')[0].rpartition('href="')[2]
    answer = browser.ask("GET", address)
    assert answer.headers["content-disposition"].startswith('attachment; filename="report-')
    assert "How this was made" in answer.text
    assert browser.ask("GET", f"{address}?format=md").text.startswith("## nightly")
    assert browser.ask("GET", f"{address}?format=doc").status_code == 422


def test_a_table_of_a_run_that_is_named_otherwise_is_still_a_table(browser: Browser) -> None:
    answer = browser.get("/runs/latest/pairs.csv?all=1")

    assert (answer.status_code, answer.headers["location"].rpartition("/")[2]) == (303, "pairs.csv?all=1")
