"""Who may see the pages and send their forms: sessions, foreign pages, headers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.page_visits import OURS, Browser
from fixtures.servers.databases import create_tables

from bakeoff.api.security.tokens import Role, add
from bakeoff.operations.context import Context
from bakeoff.settings.configuration import load


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bakeoff.yaml").write_text("evalWorkers: 2\n")
    made = Context(load(tmp_path / "config" / "bakeoff.yaml", environment={}))
    create_tables(made.engine)
    yield made
    made.engine.dispose()


@pytest.fixture
def token(context: Context) -> str:
    return add(context.configuration.tokens_file, "ada.l", Role.USER)


def log_in(browser: Browser, token: str, to: str = "/runs") -> str:
    answer = browser.send("/login", {"token": token, "next": to}, seen_at="/login")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_without_tokens_everybody_of_this_machine_is_let_in(context: Context) -> None:
    browser = Browser(context)
    assert "local</bdi> · admin" in browser.page("/runs")
    assert browser.get("/login").headers["location"] == "/"


def test_with_tokens_a_page_leads_to_the_login_and_back(context: Context, token: str) -> None:
    browser = Browser(context)
    assert browser.get("/runs?state=failed").headers["location"] == "/login?next=%2Fruns%3Fstate%3Dfailed"
    assert log_in(browser, token, "/runs?state=failed") == "/runs?state=failed"
    assert "ada.l</bdi> · user" in browser.page("/runs")
    assert browser.get("/api/ml/evaluations").json()["items"] == []


def test_a_session_ends_with_its_token(context: Context, token: str) -> None:
    browser = Browser(context)
    log_in(browser, token)
    add(context.configuration.tokens_file, "other", Role.ADMIN)
    file = context.configuration.tokens_file
    file.write_text("".join(line for line in file.read_text().splitlines(True) if "ada.l" not in line))
    assert browser.get("/runs").status_code == 303


def test_a_cookie_that_was_changed_opens_nothing(context: Context, token: str) -> None:
    add(context.configuration.tokens_file, "boss", Role.ADMIN)
    browser = Browser(context)
    log_in(browser, token)
    name, expiry, mac = browser.cookies["bakeoff_session"].rsplit(".", 2)
    for forged in (
        f"boss.{expiry}.{mac}",
        f"{name}.{int(expiry) + 1}.{mac}",
        f"{name}.{expiry}.",
        "",
        "..",
        "a.\u0663.b",
    ):
        answer = Browser(context, browser.app).get(
            "/runs", headers={"Cookie": f"bakeoff_session={forged}".encode()}
        )
        assert answer.status_code == 303, forged


def test_the_cookie_cannot_be_read_by_scripts_or_sent_by_other_sites(context: Context, token: str) -> None:
    browser = Browser(context)
    answer = browser.send("/login", {"token": token, "next": "/"}, seen_at="/login")
    said = answer.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said
    assert "max-age=43200" in said


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb"]
)
def test_the_login_leads_to_no_other_site(context: Context, token: str, to: str) -> None:
    assert log_in(Browser(context), token, to) == "/"


def test_after_five_wrong_tokens_an_address_has_to_wait(context: Context, token: str) -> None:
    browser = Browser(context)
    sent = [
        browser.send("/login", {"token": f"wrong{n}", "next": "/"}, seen_at="/login").status_code
        for n in range(6)
    ]
    assert sent == [401] * 5 + [429]
    assert browser.send("/login", {"token": token, "next": "/"}, seen_at="/login").status_code == 429


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
    ],
    ids=str,
)
@pytest.mark.parametrize("with_tokens", [True, False])
def test_only_our_own_pages_may_send_forms(
    context: Context, headers: dict[str, str], *, with_tokens: bool
) -> None:
    """Other ports of this host are the same site, and get the cookie sent along."""
    browser = Browser(context)
    if with_tokens:
        log_in(browser, add(context.configuration.tokens_file, "ada", Role.ADMIN))
    form = {"form_token": browser.form_token("/runs"), "theme": "dark"}
    assert browser.ask("POST", "/theme", headers=headers, data=form).status_code == 403
    assert browser.ask("POST", "/theme", headers={"Origin": "http://localhost"}, data=form).status_code == 303


def test_a_form_without_its_token_does_nothing(context: Context) -> None:
    browser = Browser(context)
    for sent in ({}, {"form_token": "0" * 64}, {"form_token": "\u00e4"}):
        answer = browser.ask("POST", "/theme", headers=OURS, data={**sent, "theme": "dark"})
        assert answer.status_code == 403
        assert "open its page again" in answer.text


def test_a_cookie_changes_nothing_over_the_api_unless_a_page_of_ours_asks(
    context: Context, token: str
) -> None:
    browser = Browser(context)
    log_in(browser, token)
    path = "/api/ml/evaluations/00000000-0000-4000-8000-000000000000"
    assert browser.ask("DELETE", path, headers={"Sec-Fetch-Site": "same-site"}).status_code == 403
    assert browser.ask("DELETE", path, headers=OURS).status_code == 404


def test_pages_and_the_api_have_their_own_headers(context: Context) -> None:
    browser = Browser(context)
    page, api = browser.get("/runs").headers, browser.get("/api/ml/datasets").headers
    assert "require-trusted-types-for 'script'" in page["content-security-policy"]
    assert "unsafe" not in page["content-security-policy"]
    assert (page["referrer-policy"], api["referrer-policy"]) == ("same-origin", "no-referrer")
    assert api["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert page["cache-control"] == api["cache-control"] == "no-store"


def test_static_files_are_kept_forever_under_an_address_that_changes_with_them(context: Context) -> None:
    browser = Browser(context)
    sheet = browser.page("/runs").partition('rel="stylesheet" href="')[2].partition('"')[0]
    assert browser.get(sheet).headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (
        browser.get(sheet.replace("tokens.css", "pages.js"))
        .headers["content-type"]
        .startswith("text/javascript")
    )
    for missing in (
        "/static/x/nope.css",
        "/static/x/../page_app.py",
        "/static/x/vendor/VENDORED.toml",
        "/static/",
    ):
        assert browser.get(missing).status_code == 404


def test_what_is_not_there_is_a_page_for_people_and_a_problem_for_programs(context: Context) -> None:
    browser = Browser(context)
    assert "Not found" in browser.get("/nowhere").text
    assert (
        browser.get("/nowhere", headers={"Accept": "*/*"}).headers["content-type"]
        == "application/problem+json"
    )
    assert browser.get("/api/nowhere").headers["content-type"] == "application/problem+json"
    assert browser.get("/runs/none-of-this-name").status_code == 404
    assert browser.get("/runs?state=odd").status_code == 422
    assert browser.ask("POST", "/runs", headers=OURS).status_code == 405
