"""What the pages of runs show of a project that has runs of every kind."""

import json
from collections.abc import Iterator

import pytest
from fixtures.page_visits import Browser
from fixtures.showcase import Showcase, a_showcase


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
    monkeypatch.setattr("bakeoff.web.routes.run_list_page._PER_PAGE", 3)
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
        "place,modelId,modelVersion,status,standing,f1,f1 low,f1 high,roc_auc"
    )
    assert json.loads(records)[-1]["error"] == "Timeout: stopped after 120 s"
    assert text.splitlines()[2].startswith("| 1 | lightgbm | 1.0 | completed | tied |")


def test_a_run_that_goes_on_says_how_far_it_is_and_is_watched(browser: Browser, show: Showcase) -> None:
    page = browser.page(f"/runs/{show.running.id}")
    assert "3 of 7 jobs are still to end" in page
    assert f'data-live="run/{show.running.id}"' in page
    assert '<noscript><meta http-equiv="refresh"' in page


def test_the_settings_say_where_each_was_found(browser: Browser) -> None:
    page = browser.page("/settings")
    assert "<code>evalWorkers</code>" in page
    assert "<strong>file</strong>" in page
