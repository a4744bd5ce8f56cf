"""Models, datasets, candidates, the queue, schedules and signals as pages."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from fixtures.page_visits import Browser
from fixtures.parsed_markup import parsed
from fixtures.projects.showcase import HOSTILE, SCRIPT, Showcase, a_showcase

from bakeoff.api.security.tokens import Role, add
from bakeoff.domain.conformance_report import CheckOutcome, CheckResult, ConformanceReport
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.operations.conformance.conformance_report_store import keep
from bakeoff.web.page_app import PAGES
from bakeoff.web.page_templates import path_part
from registry.models.registry_opening import open_registry


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    made = a_showcase(tmp_path_factory.mktemp("project"))
    yield made
    made.context.engine.dispose()


@pytest.fixture(scope="module")
def browser(show: Showcase) -> Browser:
    return Browser(show.context)


def test_models_are_listed_by_name_with_what_is_in_production(browser: Browser) -> None:
    rows = {row["name"]: row for row in json.loads(browser.page("/models.json"))}
    assert (rows["credit-default"]["production"], rows["credit-default"]["versions"]) == ("1.0.1", 3)
    assert [row["name"] for row in json.loads(browser.page("/models.json?q=CREDIT"))] == ["credit-default"]


def test_a_model_shows_its_stages_and_who_moved_it_and_why(browser: Browser) -> None:
    page = browser.page("/models/credit-default")
    assert "better by 0.03" in page
    stages = {row["version"]: row["stage"] for row in json.loads(browser.page("/models/credit-default.json"))}
    assert stages == {"1.0.0": "Archived", "1.0.1": "Production", "1.0.2": "Development"}


def test_a_model_can_be_seen_as_it_was_on_another_day(browser: Browser) -> None:
    yesterday = (utc_now() - timedelta(days=1)).date()
    assert "No version yet at that time" in browser.page(f"/models/credit-default?asOf={yesterday}")
    assert "Production 1.0.1" in browser.page(f"/models/credit-default?asOf={utc_now().date()}")
    assert browser.get("/models/credit-default?asOf=soon").status_code == 422
    assert browser.get("/models/nothing-of-this-name").status_code == 404


def test_a_model_is_promoted_and_rolled_back_by_an_admin_alone(browser: Browser, show: Showcase) -> None:
    question = browser.page("/models/credit-default/versions/1.0.2/promote")
    assert "1.0.1, which is in Production now: it is archived" in question
    form = {"stage": "Production", "reason": "by page"}
    path = "/models/credit-default/versions/1.0.2/promote"
    assert browser.send(path, form).headers["location"] == "/models/credit-default"
    last = open_registry(show.context.configuration).history("credit-default")[0]
    assert (last.version, last.by, last.reason) == ("1.0.2", "local", "by page")
    assert browser.send("/models/credit-default/rollback", {"reason": "no"}).status_code == 303
    assert (
        open_registry(show.context.configuration).get("models:/credit-default/Production").version == "1.0.1"
    )

    token = add(show.context.configuration.tokens_file, "ada", Role.USER)
    try:
        user = Browser(show.context)
        user.send("/login", {"token": token, "next": "/"}, seen_at="/login")
        assert "Roll back" not in user.page("/models/credit-default")
        assert user.send(path, form).status_code == 403
        assert user.send("/candidates/reload", {}).status_code == 403
    finally:
        show.context.configuration.tokens_file.unlink()


def test_a_dataset_shows_its_snapshots_and_columns(browser: Browser) -> None:
    columns = {
        row["column"]: row["type"] for row in json.loads(browser.page("/datasets/credit-default.json"))
    }
    assert columns["age"] == "float64"
    assert "1,800</strong> train" in browser.page("/datasets/credit-default")
    assert "No run has used it yet" in browser.page("/datasets/wine")
    assert browser.get("/datasets/whine").status_code == 404


def test_on_a_phone_each_value_of_a_dataset_says_what_it_is(browser: Browser) -> None:
    cells = [one for one in parsed(browser.page("/datasets")) if one.name == "td" and "main" in one.parents]
    assert {one.attributes.get("data-title") for one in cells} == {
        "source",
        "target",
        "task",
        "from",
        "last run",
    }


def test_what_bakeoff_check_found_stands_with_the_candidate(browser: Browser, show: Showcase) -> None:
    configuration = show.context.configuration
    failed = CheckResult(
        slug="row-order", outcome=CheckOutcome.FAILED, seen=f"row 7 {SCRIPT}", cure="sort nothing"
    )
    passed = CheckResult(slug="shape", outcome=CheckOutcome.PASSED)
    forest = show.context.catalog().contents.candidates["forest"]
    keep(configuration, forest, ConformanceReport(subject="forest", checks=(passed, failed)))

    page, rows = browser.page("/candidates/forest"), json.loads(browser.page("/candidates.json"))
    assert "1 of 2 checks passed" in page
    assert "row-order: not so that the order of the rows changes no prediction" in page
    assert SCRIPT not in page
    assert {row["modelId"]: row["failedChecks"] for row in rows if row["failedChecks"]} == {
        "forest": "row-order"
    }
    assert "fails 1 check<" in browser.page("/candidates")
    assert "What was checked" not in browser.page("/candidates/logistic")


def test_a_candidate_that_cannot_take_part_is_shown_with_its_cure(browser: Browser) -> None:
    page = browser.page("/candidates")
    assert "1 candidate cannot take part" in page
    states = {row["modelId"]: row["state"] for row in json.loads(browser.page("/candidates.json"))}
    assert states == {
        "logistic": "enabled",
        "forest": "enabled",
        "boosting": "enabled",
        "resting": "disabled",
        "gone": "rejected",
    }
    assert "sklearn.nowhere" in browser.page("/candidates/gone")
    assert browser.send("/candidates/reload", {}).headers["location"] == "/candidates"


def test_the_queue_shows_what_runs_where_and_what_comes_next(browser: Browser) -> None:
    rows = json.loads(browser.page("/queue.json"))
    running = {(row["modelId"], row["node"]) for row in rows if row["state"] == "running"}
    assert running == {("svc_rbf", "here"), ("stack_top3", "here")}
    assert {row["modelId"] for row in rows if row["state"] == "queued"} == {"forest", "lda", "knn_15"}


def test_schedules_and_signals_are_shown(browser: Browser) -> None:
    assert "0 2 * * *" in browser.page("/schedules")
    rows = json.loads(browser.page("/signals.json"))
    assert [(row["rank"], row["symbol"], row["m0"]) for row in rows][:2] == [
        (1, "ACME", "BUY"),
        (2, "SAFE", "BUY"),
    ]
    assert "No signal is like that" in browser.page("/signals?asOf=2020-01-01")
    assert browser.get("/signals?signal=maybe").status_code == 422


def addresses(browser: Browser, show: Showcase) -> list[str]:
    """Of every page with something in it; a new route needs an address here."""
    run, name = show.hostile.id, path_part(HOSTILE)
    jobs = json.loads(browser.page(f"/runs/{run}/jobs.json"))
    (failed,) = [row for row in jobs if row["errorType"]]
    scored = [row["modelId"] for row in jobs if not row["errorType"]]
    best = next(row for row in jobs if not row["errorType"])
    of_run = ["", "/jobs", "/pareto", "/pairs", "/setup", "/retry", "/report"]
    return [
        "/",
        "/runs",
        "/runs?dataset=" + name,
        "/runs/new",
        "/runs/plan?dataset=credit-default&m=logistic&name=%3Cscript%3Ealert",
        *(f"/runs/{run}{part}" for part in of_run),
        f"/compare?run={run}&rows=yes" + "".join(f"&m={path_part(model)}" for model in scored),
        f"/runs/{show.queued.id}/cancel",
        f"/runs/{show.queued.id}/priority",
        f"/jobs/{failed['jobId']}",
        f"/jobs/{best['jobId']}",
        f"/jobs/{failed['jobId']}/log",
        "/models",
        f"/models/{name}",
        f"/models/{name}/versions/1.0.0/promote",
        f"/models/{name}/rollback",
        "/suites",
        "/suites/all-regions",
        "/suites/start/both",
        "/datasets",
        f"/datasets/{name}",
        "/candidates",
        "/candidates/gone",
        "/queue",
        "/schedules",
        "/schedules/nightly/pause",
        "/schedules/nightly/resume",
        f"/runs/{run}/labels",
        "/signals",
        "/settings",
        "/audit",
    ]


def test_hostile_names_are_text_on_every_page(browser: Browser, show: Showcase) -> None:
    seen = 0
    for address in addresses(browser, show):
        page = browser.page(address)
        seen += page.count("&lt;script&gt;alert")
        assert SCRIPT not in page.replace('<script type="module" src="/static/', ""), address
        for unseen in ("\x1b", "\u202e"):
            assert unseen not in page, address
        assert not re.search(r"<[^>]* style=", page), address
        assert not re.search(r"<[^>]* on\w+=", page), address
    assert seen > 50


def test_every_page_has_an_address_in_the_walk(browser: Browser, show: Showcase) -> None:
    from starlette.routing import Match, Route

    elsewhere = {"/login", "/runs/{id}/jobs/{model:path}"}
    shown = [page.path for page in PAGES if page.show is not None and page.path not in elsewhere]
    walked = [address.partition("?")[0] for address in addresses(browser, show)]
    routes = [(path, Route(path, lambda _: None)) for path in shown]
    reached = set()
    for address in walked:
        scope = {"type": "http", "method": "GET", "path": address, "headers": []}
        reached.add(next(path for path, route in routes if route.matches(scope)[0] is Match.FULL))
    assert set(shown) - reached == set()


def test_hostile_names_are_text_in_tables_too(browser: Browser, show: Showcase) -> None:
    table = browser.get(f"/runs/{show.hostile.id}.md")
    assert SCRIPT not in table.text
    assert table.headers["content-type"].startswith("text/markdown")
    assert browser.get("/runs.csv").headers["x-content-type-options"] == "nosniff"
