"""The pages in a real browser: accessible, narrow enough, quiet, live, and usable by keyboard."""

import time
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from fixtures.projects.project import wait_for
from fixtures.projects.showcase import Showcase, a_showcase
from fixtures.servers.page_server import a_chromium, a_sight, keep_picture, served
from fixtures.values.stored import an_error, claim
from playwright.sync_api import Browser as Chromium
from sqlalchemy import select

from bakeoff.domain.runs.job import JobState
from bakeoff.store.bakeoffs import job_queries, leased_jobs
from bakeoff.store.bakeoffs.queue.claims import Lease
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import reading

pytestmark = pytest.mark.services

#: Width and colours; on two of the four, those pages alone that have charts, tables and forms of their own.
LOOKS = {"phone": (390, False), "phone-dark": (390, True), "desk": (1280, False), "desk-dark": (1280, True)}
FEW = ("home", "board", "running", "compare", "pairs", "pareto", "model", "queue", "hostile-job")


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    made = a_showcase(tmp_path_factory.mktemp("browser"))
    made.context.catalog()
    yield made
    made.context.engine.dispose()


@pytest.fixture(scope="module")
def url(show: Showcase) -> Iterator[str]:
    with served(show.context) as url:
        yield url


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with a_chromium() as chromium:
        yield chromium


def addresses(show: Showcase) -> dict[str, str]:
    run, bad = show.judged.id, show.hostile.id
    jobs = {job.candidate.id: job for job in job_queries.of_run(show.context.engine, run)}
    (failed,) = [job for job in job_queries.of_run(show.context.engine, bad) if job.state is JobState.FAILED]
    return {
        "home": "/",
        "runs": "/runs",
        "new": "/runs/new?folds=3&falsePositive=1&priority=2",
        "plan": "/runs/plan?dataset=credit-default&m=logistic",
        "board": f"/runs/{run}",
        "grid": f"/runs/{show.grid.id}",
        "jobs": f"/runs/{run}/jobs",
        "running": f"/runs/{show.running.id}/jobs",
        "pareto": f"/runs/{run}/pareto",
        "pairs": f"/runs/{run}/pairs",
        "compare": f"/compare?run={run}&m=random_forest&m=xgboost&m=stack_top3&m=logistic_l2&rows=yes",
        "setup": f"/runs/{run}/setup",
        "cancel": f"/runs/{show.running.id}/cancel",
        "job": f"/jobs/{jobs['xgboost'].id}",
        "hostile": f"/runs/{bad}",
        "hostile-jobs": f"/runs/{bad}/jobs",
        "hostile-job": f"/jobs/{failed.id}",
        "models": "/models",
        "model": "/models/credit-default",
        "suites": "/suites",
        "suite": "/suites/all-regions",
        "datasets": "/datasets",
        "dataset": "/datasets/credit-default",
        "candidates": "/candidates",
        "candidate": "/candidates/gone",
        "queue": "/queue",
        "schedules": "/schedules",
        "signals": "/signals",
        "settings": "/settings",
        "audit": "/audit",
        "missing": "/nowhere",
    }


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible_fits_and_makes_the_browser_complain_of_nothing(
    chromium: Chromium, url: str, show: Showcase, look: str
) -> None:
    found: list[str] = []
    width, dark = LOOKS[look]
    with a_sight(chromium, url, width=width, dark=dark) as sight:
        for name, address in addresses(show).items():
            if look in {"phone-dark", "desk"} and name not in FEW:
                continue
            sight.go(address)
            result = Axe().run(sight.page)
            found += [
                f"{name}: {one['id']}: {one['nodes'][0]['html'][:200]}"
                for one in result.response["violations"]
            ]
            if sight.is_too_wide:
                found.append(f"{name}: wider than {width}")
            keep_picture(sight, f"{name}-{look}")
        found += [text for text in sight.complaints if "404 (Not Found)" not in text]
    assert found == []


def test_every_page_can_be_read_without_script(chromium: Chromium, url: str, show: Showcase) -> None:
    with a_sight(chromium, url, script=False) as sight:
        sight.go(f"/runs/{show.judged.id}")
        sight.page.get_by_label("Rank by").select_option("accuracy")
        sight.page.get_by_role("button", name="Show").click()
        assert "metric=accuracy" in sight.page.url
        sight.page.get_by_role("link", name="Jobs").click()
        sight.page.get_by_role("button", name="Retry these 2").click()
        assert "Retry 2 candidates" in sight.page.inner_text("main")
        sight.go(f"/runs/{show.judged.id}")
        sight.page.get_by_label("Compare xgboost").check()
        assert sight.page.get_by_role("button", name="Compare c").is_visible()


def test_a_change_is_seen_within_a_second_and_moves_nothing_that_is_looked_at(
    chromium: Chromium, url: str, show: Showcase
) -> None:
    with a_sight(chromium, url) as sight:
        with sight.page.expect_response("**/live/**"):
            sight.go(f"/runs/{show.running.id}/jobs")
        sight.ask("(window.held = document.querySelector('#jobs tbody a')).focus()")
        took = []
        for number, model in enumerate(("svc_rbf", "stack_top3"), start=2):
            fail(show, model)
            began = time.monotonic()
            sight.wait_until(f"document.querySelectorAll('.bo-waterfall .bo-fill-bad').length === {number}")
            took.append(time.monotonic() - began)
        assert sight.ask("document.activeElement === window.held")
        assert min(took) < 1  # of two, because the machine may do something else meanwhile
        assert sight.complaints == []


#: What a browser does when another tab is chosen; a headless one has no tabs to choose.
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_page_in_a_hidden_tab_closes_its_stream_and_opens_it_again(
    chromium: Chromium, url: str, show: Showcase
) -> None:
    with a_sight(chromium, url) as sight:
        ended: list[str] = []
        sight.page.on("requestfailed", lambda request: ended.append(request.url))
        with sight.page.expect_response("**/live/**"):
            sight.go("/runs")
        assert ended == []

        sight.page.evaluate(HIDE, True)
        # Playwright tells of events while it is asked something.
        wait_for(
            lambda: sight.ask("1") and [one for one in ended if "/live/" in one], "the end of the stream"
        )

        with sight.page.expect_response("**/live/**"):
            sight.page.evaluate(HIDE, False)
        assert sight.complaints == []


def test_the_log_of_a_running_job_grows_on_its_page(chromium: Chromium, url: str, show: Showcase) -> None:
    jobs = job_queries.of_run(show.context.engine, show.queued.id)
    running = next(job for job in jobs if job.state is JobState.QUEUED)
    claim(show.context.engine, running, lease_s=3600)
    log = show.context.configuration.log_of(show.queued.id, running.id)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("epoch 1\n")
    with a_sight(chromium, url) as sight:
        sight.go(f"/jobs/{running.id}")
        assert "epoch 1" in sight.page.inner_text("#log")

        with log.open("a") as more:
            more.write("epoch 2 <b>bold</b>\n")

        sight.wait_until("document.getElementById('log').textContent.includes('epoch 2 <b>bold</b>')")
        assert sight.page.inner_text("#log").count("epoch 1") == 1
        assert sight.complaints == []


def fail(show: Showcase, model: str) -> None:
    engine = show.context.engine
    with reading(engine) as connection:
        row = connection.execute(
            select(all_tables.jobs).where(
                all_tables.jobs.c.model_id == model, all_tables.jobs.c.state == "running"
            )
        ).one()
    lease = Lease(job_id=row.id, run_id=row.run_id, token=row.lease_token, attempt=row.attempt)
    assert leased_jobs.fail(engine, lease, an_error())


def test_filters_ask_by_themselves_and_stand_in_the_address(chromium: Chromium, url: str) -> None:
    with a_sight(chromium, url) as sight:
        sight.go("/runs")
        sight.page.get_by_label("Name").press_sequentially("nightly")
        sight.wait_until("!document.querySelector('#runs').textContent.includes('later')")
        assert sight.page.url.endswith("/runs?q=nightly")
        assert sight.ask("document.activeElement.name") == "q"
        assert sight.ask("document.activeElement.value") == "nightly"
        assert sight.complaints == []


def test_tiles_of_one_line_begin_at_one_height(chromium: Chromium, url: str) -> None:
    with a_sight(chromium, url) as sight:
        sight.go("/")
        sight.page.evaluate(
            "document.querySelector('.tiles').append(document.querySelector('.tile').cloneNode(true))"
        )
        tops = sight.ask(
            "[...document.querySelectorAll('.tile')].map(tile => tile.getBoundingClientRect().top)"
        )
        assert len(tops) == 2
        assert tops[0] == tops[1]


def test_a_tour_by_keyboard(chromium: Chromium, url: str, show: Showcase) -> None:
    with a_sight(chromium, url) as sight:
        keyboard = sight.page.keyboard
        sight.go(f"/runs/{show.judged.id}")
        keyboard.press("j")
        keyboard.press("x")
        keyboard.press("j")
        keyboard.press("x")
        assert sight.page.inner_text("#chosen") == "2"
        assert sight.page.url.count("m=") == 2
        keyboard.press("?")
        assert sight.page.get_by_role("dialog").is_visible()
        keyboard.press("Escape")
        keyboard.press("/")
        assert sight.ask("document.activeElement.id") == "filter"
        keyboard.type("jx")
        assert sight.page.inner_text("#chosen") == "2"
        keyboard.press("Escape")
        sight.ask("document.activeElement.blur()")
        keyboard.press("g")
        keyboard.press("q")
        sight.page.wait_for_url("**/queue")


def test_a_sixth_box_cannot_be_ticked(chromium: Chromium, url: str, show: Showcase) -> None:
    with a_sight(chromium, url) as sight:
        sight.go(f"/runs/{show.judged.id}")
        for _ in range(5):
            sight.page.locator("#board input:not(:checked):enabled").first.check()
        assert sight.page.locator("#board input:enabled").count() == 5


def test_colours_are_kept_in_a_cookie_and_there_from_the_first_paint(chromium: Chromium, url: str) -> None:
    with a_sight(chromium, url) as sight:
        sight.go("/runs")
        light = sight.ask("getComputedStyle(document.documentElement).backgroundColor")
        sight.page.locator("#theme-button").click()
        sight.wait_until("document.documentElement.dataset.theme === 'dark'")
        assert sight.ask("getComputedStyle(document.documentElement).backgroundColor") != light
        sight.go("/queue")
        assert sight.ask("document.documentElement.dataset.theme") == "dark"


def test_a_first_visit_moves_less_than_a_hundred_kilobytes(
    chromium: Chromium, url: str, show: Showcase
) -> None:
    with a_sight(chromium, url) as sight:
        sight.go(f"/runs/{show.judged.id}")
        sight.wait_until("document.fonts.status === 'loaded'")
        moved = sight.ask(
            "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
            ".filter(one => !one.name.includes('/live/')).reduce((sum, one) => sum + one.transferSize, 0)"
        )
        assert 20_000 < moved < 100_000
