"""Who may use the API: tokens and roles, addresses, hosts, origins, and what is written of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import httpx
import pytest
from fixtures.projects.project import Project, a_project
from fixtures.servers.api import EVALUATIONS, Api, an_api, errors
from fixtures.values.stored import a_stored_run, an_error, claim

from bakeoff.api.security.tokens import Role, add
from bakeoff.domain.signal import EnsembleRules, SignalOrder
from bakeoff.store.bakeoffs import leased_jobs

CANDIDATES = {"good": {"path": "Means"}}
_ID = "00000000-0000-4000-8000-000000000000"
_SECRET = "0123456789abcdef-of-the-environment"

#: What an existing and a missing token get: nobody, a user, an admin. A new route needs a line here.
ROUTES: Mapping[str, tuple[int, int, int]] = {
    "GET /health/live": (200, 200, 200),
    "GET /health/ready": (200, 200, 200),
    "GET /openapi.json": (200, 200, 200),
    "GET /health": (401, 200, 200),
    "GET /metrics": (401, 200, 200),
    "GET /api/ml/datasets": (401, 200, 200),
    "GET /api/ml/models": (401, 200, 200),
    "GET /api/ml/models/{id}": (401, 200, 200),
    "POST /api/ml/models/reload": (401, 403, 200),
    "GET /api/ml/registry": (401, 200, 200),
    "GET /api/ml/registry/best": (401, 404, 404),
    "GET /api/ml/registry/{name}/versions/{version}": (401, 404, 404),
    "GET /api/ml/registry/{name}/history": (401, 200, 200),
    "POST /api/ml/registry/{name}/versions/{version}/promote": (401, 403, 404),
    "POST /api/ml/registry/{name}/rollback": (401, 403, 404),
    "GET /api/ml/results": (401, 200, 200),
    "POST /api/ml/results": (401, 422, 422),
    "GET /api/ml/labels": (401, 200, 200),
    "POST /api/ml/labels": (401, 422, 422),
    "GET /api/signals/ensemble": (401, 200, 200),
    "GET /api/signals/ensemble/{symbol}": (401, 404, 404),
    "POST /api/signals/ensemble/generate": (401, 403, 422),
    "GET /api/ml/evaluations": (401, 200, 200),
    "POST /api/ml/evaluations": (401, 202, 202),
    "GET /api/ml/evaluations/{id}": (401, 404, 404),
    "DELETE /api/ml/evaluations/{id}": (401, 404, 404),
    "GET /api/ml/evaluations/{id}/results": (401, 404, 404),
    "GET /api/ml/evaluations/{id}/verdict": (401, 404, 404),
    "GET /api/ml/evaluations/{id}/pairs": (401, 404, 404),
    "GET /api/ml/evaluations/{id}/curves": (401, 404, 404),
    "GET /api/ml/evaluations/{id}/importance": (401, 404, 404),
    "GET /api/ml/evaluations/{id}/rows": (401, 404, 404),
    "GET /api/ml/evaluations/{id}/events": (401, 404, 404),
    "POST /api/ml/evaluations/{id}/retry": (401, 404, 404),
    "GET /api/ml/evaluations/{id}/labels": (401, 404, 404),
    "POST /api/ml/evaluations/{id}/labels": (401, 422, 422),
    "DELETE /api/ml/evaluations/{id}/labels/{label}": (401, 404, 404),
    "GET /api/ml/schedules": (401, 200, 200),
    "GET /api/ml/schedules/{name}": (401, 404, 404),
    "POST /api/ml/schedules/{name}/pause": (401, 403, 404),
    "POST /api/ml/schedules/{name}/resume": (401, 403, 404),
    "GET /api/ml/suites": (401, 200, 200),
    "POST /api/ml/suites": (401, 422, 422),
    "GET /api/ml/suites/{id}": (401, 404, 404),
}


@dataclass(frozen=True)
class Place:
    project: Project
    api: Api
    user: str
    admin: str


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with a_project(CANDIDATES, apiOrigins=["https://board.example"]) as project:
        file = project.configuration.tokens_file
        user, admin = add(file, "una", Role.USER), add(file, "ada", Role.ADMIN)
        with an_api(project, "--host", "0.0.0.0", BAKEOFF_API_TOKEN=_SECRET) as served:
            served.client.base_url = httpx.URL(served.url.replace("0.0.0.0", "127.0.0.1"))
            yield Place(project, served, user, admin)
            for token in (user, admin, _SECRET, "guessed"):
                assert token not in served.log


@pytest.fixture(scope="module")
def open_api() -> Iterator[Api]:
    with a_project(CANDIDATES) as project, an_api(project) as api:
        yield api


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def ask(api: Api, route: str, headers: Mapping[str, str]) -> httpx.Response:
    method, path = route.split()
    filled = path.replace("{id}", "good" if "models" in path else _ID)
    filled = filled.replace("{name}", "churn").replace("{version}", "1.0.0")
    body = {"dataset": "tiny"} if path == EVALUATIONS else {}
    return api.ask(method, filled, json=body if method == "POST" else None, headers=dict(headers))


def test_every_route_stands_in_the_table(place: Place) -> None:
    paths = place.api.get("/openapi.json")["paths"]
    documented = {f"{method.upper()} {path}" for path, known in paths.items() for method in known}

    assert documented | {"GET /openapi.json"} == set(ROUTES)


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_lets_in_who_may_and_nobody_else(place: Place, route: str) -> None:
    unknown = [{}, bearer("guessed"), {"Authorization": f"Basic {place.admin}"}, {"Authorization": "Bearer"}]
    nobody, user, admin = ROUTES[route]

    for headers in unknown:
        answer = ask(place.api, route, headers)
        assert answer.status_code == nobody
        if nobody == 401:
            assert answer.headers["www-authenticate"] == 'Bearer realm="bakeoff"'
            assert [field for field, _ in errors(answer)] == ["header.Authorization"]
    assert ask(place.api, route, bearer(place.user)).status_code == user
    assert ask(place.api, route, bearer(place.admin)).status_code == admin
    assert ask(place.api, route, bearer(_SECRET)).status_code == admin


@pytest.mark.parametrize("wish", [{"save": "all"}, {"save": "none"}, {"save": "best", "saveAs": "churn"}])
def test_only_an_admin_says_what_a_run_saves(place: Place, wish: dict[str, str]) -> None:
    """It may be promoted, and so be what others are served."""
    body = {"dataset": "tiny", **wish}
    refused = place.api.ask("POST", EVALUATIONS, json=body, headers=bearer(place.user))
    accepted = place.api.ask("POST", EVALUATIONS, json=body, headers=bearer(place.admin))

    assert (refused.status_code, errors(refused)[0][0]) == (403, "body.save")
    assert accepted.status_code == 202


def test_only_an_admin_has_signals_generated_once_more(place: Place) -> None:
    order = SignalOrder(
        symbols=("AAA",), as_of=date(2026, 11, 20), weights={"m0": 1.0}, rules=EnsembleRules()
    )
    run, [job] = a_stored_run(place.project.engine, signals=order)
    leased_jobs.fail(place.project.engine, claim(place.project.engine, job).lease, an_error())
    retry = f"{EVALUATIONS}/{run.id}/retry"

    refused = place.api.ask("POST", retry, headers=bearer(place.user))

    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "it is a run of signals, and generating them takes the role admin",
    )
    assert place.api.ask("POST", retry, headers=bearer(place.admin)).status_code != 403


@pytest.mark.parametrize("path", ["/nowhere", "/api/ml/evaluations/", "/docs"])
def test_what_is_not_there_is_told_to_nobody_unknown(place: Place, path: str) -> None:
    assert place.api.ask("GET", path).status_code == 401
    assert place.api.ask("GET", path, headers=bearer(place.user)).status_code == 404


def test_the_body_of_somebody_unknown_is_not_even_read(place: Place) -> None:
    answer = place.api.ask("POST", EVALUATIONS, content=b"{", headers={"content-type": "application/json"})

    assert answer.status_code == 401


def test_a_token_counts_from_the_request_after_it_was_made_until_its_line_is_removed(place: Place) -> None:
    file = place.project.configuration.tokens_file
    before = file.read_text()
    token = add(file, "temp", Role.USER)

    assert place.api.ask("GET", EVALUATIONS, headers=bearer(token)).status_code == 200
    file.write_text(before)
    assert place.api.ask("GET", EVALUATIONS, headers=bearer(token)).status_code == 401


def test_a_file_of_tokens_that_cannot_be_read_lets_nobody_in(place: Place) -> None:
    file = place.project.configuration.tokens_file
    before = file.read_text()
    file.write_text(before + "somebody:root:secret\n")
    try:
        answer = place.api.ask("GET", EVALUATIONS, headers=bearer(place.admin))
    finally:
        file.write_text(before)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "line 3 is no token" in answer.json()["detail"]
    assert "secret" not in answer.text
    assert place.api.ask("GET", EVALUATIONS, headers=bearer(place.admin)).status_code == 200


def test_a_page_from_an_allowed_origin_may_ask_and_others_may_not(place: Place) -> None:
    def preflight(origin: str) -> httpx.Response:
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        return place.api.ask("OPTIONS", EVALUATIONS, headers=asked)

    allowed, other = preflight("https://board.example"), preflight("https://evil.example")
    assert allowed.headers["access-control-allow-origin"] == "https://board.example"
    assert "access-control-allow-origin" not in other.headers
    headers = {**bearer(place.user), "Origin": "https://board.example"}
    assert ask(place.api, "POST /api/ml/evaluations", headers).status_code == 202
    headers = {**bearer(place.user), "Origin": "https://evil.example"}
    assert ask(place.api, "POST /api/ml/evaluations", headers).status_code == 403


def test_without_tokens_it_is_open_on_loopback_and_says_so_once(open_api: Api) -> None:
    assert ask(open_api, "POST /api/ml/models/reload", {}).status_code == 200
    assert open_api.log.count("open to every user of this machine, as admin, since there is no token") == 1
    assert open_api.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8484", "", "10.0.0.1", "[::1", "127.0.0.1.evil"]
)
def test_without_tokens_it_answers_to_its_own_name_alone(open_api: Api, host: str) -> None:
    answer = open_api.ask("GET", EVALUATIONS, headers={"Host": host})

    assert answer.status_code == 403
    assert [field for field, _ in errors(answer)] == ["header.Host"]


@pytest.mark.parametrize("host", ["localhost", "localhost:8484", "127.0.0.1", "127.9.9.9", "[::1]:8484"])
def test_every_name_of_loopback_is_its_own(open_api: Api, host: str) -> None:
    assert open_api.ask("GET", EVALUATIONS, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "http://["])
def test_a_page_from_elsewhere_changes_nothing(open_api: Api, origin: str) -> None:
    answer = ask(open_api, "POST /api/ml/models/reload", {"Origin": origin})

    assert answer.status_code == 403
    assert [field for field, _ in errors(answer)] == ["header.Origin"]
    assert ask(open_api, "GET /api/ml/models", {"Origin": origin}).status_code == 200
    assert ask(open_api, "POST /api/ml/models/reload", {"Origin": open_api.url}).status_code == 200


def test_other_pages_are_not_allowed_unless_the_configuration_says_so(open_api: Api) -> None:
    answer = open_api.ask("GET", EVALUATIONS, headers={"Origin": "https://board.example"})

    assert [name for name in answer.headers if name.startswith("access-control")] == []


def test_the_process_serves_pages_beside_the_api(open_api: Api) -> None:
    page = open_api.ask("GET", "/runs", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "trusted-types" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/health/live", "/api/nowhere", EVALUATIONS, f"{EVALUATIONS}?limit=x", "/metrics"]
)
def test_every_answer_carries_the_headers_that_keep_browsers_away(open_api: Api, path: str) -> None:
    headers = open_api.ask("GET", path).headers

    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers
