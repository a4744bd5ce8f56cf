"""Results and labels over HTTP."""

from collections.abc import Iterator
from typing import Any

import httpx
import pandas as pd
import pytest
from fixtures.projects.project import a_project
from fixtures.servers.api import Api, an_api, at_once, errors
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression

from bakeoff.store.database.engine_and_transactions import open_registry_database
from registry.models.local.local_registry import DATABASE
from registry.models.registry_opening import open_registry

RESULTS, LABELS = "/api/ml/results", "/api/ml/labels"
X = pd.DataFrame({"x": [0.0, 0.25, 0.5, 1.0]})


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with a_project({"good": {"path": "Means"}}) as project:
        registry = open_registry(project.configuration)
        registry.save_model(
            LinearRegression().fit(X, X["x"]), "same", input_example=X, metadata={"classes": []}
        )
        registry.save_model(
            DummyRegressor(strategy="constant", constant=2.0).fit(X, X["x"]), "odd", input_example=X
        )
        with an_api(project) as api:
            yield api
        open_registry_database(project.configuration.registry_path / DATABASE).dispose()


def send(api: Api, *ids: str, x: Any = 0.5, **body: Any) -> httpx.Response:
    return api.ask(
        "POST", RESULTS, json={"results": [{"id": one, "features": {"x": x}} for one in ids], **body}
    )


def say(api: Api, **said: Any) -> httpx.Response:
    return api.ask(
        "POST", LABELS, json={"labels": [{"resultId": one, "label": label} for one, label in said.items()]}
    )


def test_results_are_stored_and_scored_in_one_request(api: Api) -> None:
    answer = send(api, "a1", "a2", model="models:/same/latest")
    again = send(api, "a1", "a3")

    assert (answer.status_code, answer.json()) == (
        200,
        {"received": 2, "new": 2, "changed": 0, "unchanged": 0, "scoreVersion": "models:/same/1.0.0"},
    )
    assert again.json() == {
        "received": 2,
        "new": 1,
        "changed": 0,
        "unchanged": 1,
        "scoreVersion": "baseline",
    }
    [newest] = api.get(RESULTS, params={"limit": 1})["items"]
    assert (newest["id"], newest["relevanceScore"], newest["scoreVersion"]) == ("a3", 0.0, "baseline")
    by_model = api.get(RESULTS, params={"scoreVersion": "models:/same/1.0.0"})["items"]
    assert [(one["id"], round(one["relevanceScore"], 6)) for one in by_model] == [("a2", 0.5), ("a1", 0.5)]


def test_pages_hold_every_result_once(api: Api) -> None:
    send(api, *(f"p{n}" for n in range(5)))
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = api.get(RESULTS, params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        found += [one["id"] for one in page["items"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break

    assert len(found) == len(set(found))
    assert [one for one in found if one.startswith("p")] == ["p4", "p3", "p2", "p1", "p0"]


def test_a_batch_with_something_wrong_is_refused_whole_and_the_field_is_named(api: Api) -> None:
    before = api.get(RESULTS)["items"]

    no_model = errors(send(api, "w1", model="models:/nothing/1.0.0"))
    no_score = errors(send(api, "w1", model="odd/1.0.0"))
    no_fit = errors(send(api, "w1", "w2", x="much", model="same/1.0.0"))
    no_shape = errors(api.ask("POST", RESULTS, json={"results": [{"id": "w1", "features": {"x": [1]}}]}))

    assert [[field for field, _ in found] for found in (no_model, no_score, no_fit)] == [
        ["body.model"],
        ["body.results"],
        ["body.results"],
    ]
    assert no_score[0][1].startswith("models:/odd/1.0.0 answers 2 in row 1")
    assert {field.rpartition("x")[0] for field, _ in no_shape} == {"body.results.0.features."}
    assert api.get(RESULTS)["items"] == before


@pytest.mark.parametrize(
    "result",
    [
        {"id": "", "features": {"x": 1}},
        {"id": "v", "features": {}},
        {"id": "v"},
        {"id": "v", "features": {"x": 1}, "more": 1},
        {"id": "a\x00", "features": {"x": 1}},
        {"id": 7, "features": {"x": 1}},
        {"id": "v", "features": {"x": {"y": 1}}},
    ],
)
def test_what_is_no_result_is_refused(api: Api, result: Any) -> None:
    assert api.ask("POST", RESULTS, json={"results": [result]}).status_code == 422


def test_a_body_is_bounded_in_bytes_and_in_results(api: Api) -> None:
    assert send(api, *(f"many{n}" for n in range(1001))).status_code == 422
    large = api.ask("POST", RESULTS, json={"results": [{"id": "l", "features": {"x": "x" * 300_000}}]})
    assert large.status_code == 413
    assert api.ask("POST", RESULTS, data={"results": "[]"}).status_code == 415


def test_the_last_word_of_the_owner_of_a_token_is_kept(api: Api) -> None:
    send(api, "t1", "t2")

    assert say(api, t1="good", t2=0).json() == {"received": 2, "new": 2, "changed": 0, "unchanged": 0}
    assert say(api, t1="bad", t2=0).json() == {"received": 2, "new": 0, "changed": 1, "unchanged": 1}

    [label] = api.get(LABELS, params={"resultId": "t1"})["items"]
    assert label.pop("at").endswith("Z")
    assert label == {"resultId": "t1", "label": "bad", "by": "local"}
    page = api.get(LABELS, params={"limit": 1})
    assert [one["resultId"] for one in page["items"]] == ["t2"]
    more = api.get(LABELS, params={"limit": 1, "cursor": page["nextCursor"]})
    assert [one["resultId"] for one in more["items"]] == ["t1"]


def test_labels_of_what_is_not_there_are_refused_whole(api: Api) -> None:
    send(api, "u1")

    assert errors(say(api, u1="good", u2="bad")) == [
        ("body.labels", "there are no results 'u2': send results before their labels")
    ]
    assert api.get(LABELS, params={"resultId": "u1"})["items"] == []


def test_ten_clients_that_send_the_same_at_once_make_it_once(api: Api) -> None:
    answers = at_once(10, lambda _: send(api, "same1", "same2").json()["new"])

    assert sorted(answers) == [0] * 9 + [2]
