"""Suites over HTTP and on the pages: started once, listed, and read."""

import json
from collections.abc import Iterator

import pytest
from fixtures.page_visits import Browser
from fixtures.servers.databases import create_tables

from bakeoff.operations.context import Context
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import run_rows

CONFIG = """
datasets:
  wine: {source: sklearn, name: wine}
  iris: {source: sklearn, name: iris}
suites:
  toys: {datasets: [wine, iris], models: [ridge], metrics: [f1_macro]}
  others: {datasets: [wine, iris], models: [ridge], metrics: [f1_macro]}
  mistyped: {datasets: [wine, iris], models: [ridgee]}
"""
CATALOG = 'models: {ridge: {path: "sklearn.linear_model:RidgeClassifier"}}\n'
SUITES = "/api/ml/suites"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    root = tmp_path_factory.mktemp("suites")
    (root / "config").mkdir()
    (root / "config" / "bakeoff.yaml").write_text(CONFIG)
    (root / "config" / "models.yaml").write_text(CATALOG)
    context = Context(load(root / "config" / "bakeoff.yaml", environment={}))
    create_tables(context.engine)
    yield Browser(context)
    context.engine.dispose()


def runs(browser: Browser) -> int:
    return len(run_rows.page(browser.app.state.service.context.engine, limit=100))


def test_the_same_key_starts_one_suite_with_a_run_for_each_dataset(browser: Browser) -> None:
    before = runs(browser)
    key = {"Idempotency-Key": "once"}

    first, again = (browser.ask("POST", SUITES, headers=key, json={"suite": "toys"}) for _ in range(2))

    assert (first.status_code, again.status_code) == (202, 202), first.text
    assert first.json()["suiteId"] == again.json()["suiteId"]
    assert runs(browser) == before + 2
    assert first.headers["location"] == f"{SUITES}/{first.json()['suiteId']}"
    read = browser.get(first.headers["location"]).json()
    assert [(one["dataset"], one["status"]) for one in read["members"]] == [
        ("wine", "queued"),
        ("iris", "queued"),
    ]
    assert (read["status"], read["verdict"]) == ("running", None)


def test_an_unknown_suite_is_an_error_of_the_body(browser: Browser) -> None:
    answer = browser.ask("POST", SUITES, json={"suite": "toy"})

    assert answer.status_code == 422
    assert "did you mean 'toys'" in answer.text
    assert answer.json()["errors"][0]["field"] == "body.suite"


def test_the_same_key_with_another_request_is_refused_as_for_runs(browser: Browser) -> None:
    key = {"Idempotency-Key": "reused"}
    assert browser.ask("POST", SUITES, headers=key, json={"suite": "toys"}).status_code == 202
    before = runs(browser)

    for other in ({"suite": "toys", "fresh": True}, {"suite": "others"}):
        answer = browser.ask("POST", SUITES, headers=key, json=other)
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["field"] == "header.Idempotency-Key"
        assert "the key 'reused' came with another request before" in error["message"]
    assert runs(browser) == before


def test_a_candidate_that_the_catalog_does_not_have_is_an_error_of_the_body(browser: Browser) -> None:
    answer = browser.ask("POST", SUITES, json={"suite": "mistyped"})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body.suite"
    assert "ridgee" in answer.text


def test_the_form_starts_a_suite_once_however_often_it_is_sent(browser: Browser) -> None:
    before = runs(browser)
    page = browser.page("/suites/start/toys")
    assert "Start 2 runs" in page
    suite_id = page.partition('name="suite" value="')[2][:36]

    answers = [
        browser.send("/suites/start/toys", {"suite": suite_id}, seen_at="/suites/start/toys")
        for _ in range(2)
    ]

    assert {answer.headers["location"] for answer in answers} == {f"/suites/{suite_id}"}
    assert runs(browser) == before + 2
    assert "0 of 2" in browser.page("/suites")


def test_the_list_is_paged_and_a_file_too(browser: Browser) -> None:
    for key in ("one", "two"):
        browser.ask("POST", SUITES, headers={"Idempotency-Key": key}, json={"suite": "toys"})

    first = browser.get(f"{SUITES}?limit=1").json()
    second = browser.get(f"{SUITES}?limit=1&cursor={first['nextCursor']}").json()

    assert first["items"][0]["suiteId"] != second["items"][0]["suiteId"]
    assert {row["name"] for row in json.loads(browser.page("/suites.json"))} == {"toys"}
