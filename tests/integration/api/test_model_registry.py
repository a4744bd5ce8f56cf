"""The registry of trained models over HTTP."""

import asyncio
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from fixtures.projects.project import a_project
from fixtures.servers.api import Api, an_api, errors
from sklearn.linear_model import LinearRegression

from bakeoff.api.app import create_app
from bakeoff.api.security.tokens import Tokens
from bakeoff.domain.model_version import VersionOrigin
from bakeoff.operations.context import Context
from bakeoff.settings.configuration import Configuration
from bakeoff.store.database.engine_and_transactions import open_registry_database
from registry.models.local.local_registry import DATABASE
from registry.models.registry_opening import open_registry

REGISTRY = "/api/ml/registry"
MODEL = LinearRegression().fit(np.arange(6).reshape(3, 2), [1, 2, 3])
SPRING = VersionOrigin(dataset_id="a" * 64, run_id="00000000-0000-4000-8000-000000000001")
AUTUMN, WINTER = VersionOrigin(dataset_id="b" * 64), VersionOrigin(dataset_id="c" * 64)


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """Three versions of churn, the second in Production, one of fraud, and four that gates are tried on."""
    asked = {"promotion": {"gates": [{"metric": "f1", "min": 0.7}]}}
    with a_project({"good": {"path": "Means"}}, modelRegistry=asked) as project:
        registry = open_registry(project.configuration)
        registry.save_model(MODEL, "churn", metrics={"f1": 0.75, "rmse": 2.0}, origin=SPRING)
        registry.save_model(MODEL, "churn", metrics={"f1": 0.875, "rmse": None}, input_example=[[1.5, 2]])
        registry.save_model(MODEL, "churn", "Tree", {"f1": 0.5, "rmse": 1.0}, origin=SPRING)
        registry.save_model(MODEL, "fraud", metrics={"f1": 0.625}, origin=AUTUMN)
        registry.transition_model_stage("churn/1.0.1", "Production", by="ada", reason="the first")
        registry.set_alias("churn", "champion", "churn/1.0.1")
        for f1 in (0.5, 0.75, 0.875, 0.625):
            registry.save_model(MODEL, "gated", metrics={"f1": f1}, origin=WINTER)
        with an_api(project) as api:
            yield api
        open_registry_database(project.configuration.registry_path / DATABASE).dispose()


def uris(api: Api, **asked: object) -> list[str]:
    return [version["uri"] for version in api.get(REGISTRY, params=asked)["items"]]


def test_versions_are_listed_newest_first_and_filtered(api: Api) -> None:
    assert uris(api)[4:] == ["models:/fraud/1.0.0", *(f"models:/churn/1.0.{patch}" for patch in (2, 1, 0))]
    assert uris(api, name="fraud") == ["models:/fraud/1.0.0"]
    assert uris(api, type="Tree") == ["models:/churn/1.0.2"]
    assert uris(api, name="churn", stage="Production") == ["models:/churn/1.0.1"]
    assert uris(api, name="churn", minF1=0.75) == ["models:/churn/1.0.1", "models:/churn/1.0.0"]
    assert uris(api, datasetId="b" * 64) == ["models:/fraud/1.0.0"]
    assert uris(api, runId=SPRING.run_id) == ["models:/churn/1.0.2", "models:/churn/1.0.0"]


def test_pages_hold_every_version_once(api: Api) -> None:
    first = api.get(REGISTRY, params={"limit": 5})
    second = api.get(REGISTRY, params={"limit": 5, "cursor": first["nextCursor"]})

    assert [v["uri"] for v in first["items"] + second["items"]] == uris(api)
    assert second["nextCursor"] is None


@pytest.mark.parametrize("name", ["shop/churn", "shop%2Fchurn"])
def test_a_name_with_a_slash_is_one_name(api: Api, name: str) -> None:
    absent = api.ask("GET", f"{REGISTRY}/{name}/versions/1.0.0")

    assert "no model models:/shop/churn/1.0.0" in absent.json()["detail"]
    assert api.get(f"{REGISTRY}/{name}/history") == {"items": []}


@pytest.mark.parametrize("version", ["1.0.1", "2", "Production", "@champion"])
def test_a_version_is_found_by_what_people_call_it(api: Api, version: str) -> None:
    said = api.get(f"{REGISTRY}/churn/versions/{version}")

    assert (said["uri"], said["stage"], said["aliases"]) == (
        "models:/churn/1.0.1",
        "Production",
        ["champion"],
    )
    assert said["metrics"] == {"f1": 0.875, "rmse": None}
    assert said["hasInputExample"] is True
    assert [column["name"] for column in said["signature"]["inputs"]] == ["0", "1"]


def test_the_best_is_of_one_snapshot_unless_told_otherwise(api: Api) -> None:
    def best(**asked: object) -> str:
        return str(api.get(f"{REGISTRY}/best", params=asked)["uri"])

    assert best() == "models:/gated/1.0.2"
    assert best(name="churn") == "models:/churn/1.0.0"
    assert best(name="churn", metric="rmse") == "models:/churn/1.0.2"
    assert best(name="churn", anyDataset=True) == "models:/churn/1.0.1"
    assert best(datasetId="a" * 64) == "models:/churn/1.0.0"


def test_the_history_says_who_promoted_what_and_why(api: Api) -> None:
    [line] = api.get(f"{REGISTRY}/churn/history")["items"]

    assert (line["version"], line["fromStage"], line["toStage"]) == ("1.0.1", "Development", "Production")
    assert (line["by"], line["reason"], line["replaced"]) == ("ada", "the first", None)
    assert api.get(f"{REGISTRY}/nobody/history") == {"items": []}


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/churn/versions/9.9.9", 404, "path.version"),
        ("/nobody/versions/latest", 404, "path.version"),
        ("/churn/versions/newest", 422, "path.version"),
        ("/best?metric=auc", 404, "query"),
        ("/best?metrics=auc", 422, "query.metrics"),
        ("?stage=production", 422, "query.stage"),
        ("?minF1=nan", 422, "query.minF1"),
        ("?cursor=" + "_" * 48, 422, "query.cursor"),
    ],
)
def test_what_is_not_there_or_wrong_is_a_problem_with_its_field(
    api: Api, path: str, status: int, field: str
) -> None:
    answer = api.ask("GET", REGISTRY + path)

    assert (answer.status_code, [blamed for blamed, _ in errors(answer)]) == (status, [field])


def test_a_version_is_promoted_if_it_passes_the_gates_and_rolled_back(api: Api) -> None:
    def promote(version: str, **said: object) -> httpx.Response:
        return api.ask("POST", f"{REGISTRY}/gated/versions/{version}/promote", json=said)

    def in_production() -> list[str]:
        return uris(api, name="gated", stage="Production")

    refused = promote("1.0.0")
    assert refused.status_code == 409
    [(field, said)] = errors(refused)
    assert (field, "f1 at least 0.7: f1 0.5 is 0.2 below 0.7" in said) == ("path.version", True)
    assert in_production() == []

    promoted = promote("1.0.1", reason="good enough").json()
    assert (promoted["by"], promoted["reason"], promoted["toStage"]) == ("local", "good enough", "Production")
    again = promote("1.0.1")
    assert (again.status_code, errors(again)) == (
        409,
        [("path.version", "models:/gated/1.0.1 is in Production already")],
    )
    assert promote("1.0.2").json()["replaced"] == "1.0.1"
    assert promote("1.0.3", force=True).json()["evidence"]["forced"] is True
    assert in_production() == ["models:/gated/1.0.3"]
    assert promote("1.0.0", stage="Archived").json()["toStage"] == "Archived"
    assert promote("1.0.1", stage="production").status_code == 422
    assert promote("9.9.9").status_code == 404

    back = api.ask("POST", f"{REGISTRY}/gated/rollback", json={"reason": "it was not"})
    assert (back.status_code, back.json()["version"], back.json()["replaced"]) == (200, "1.0.2", "1.0.3")
    assert in_production() == ["models:/gated/1.0.2"]
    assert api.ask("POST", f"{REGISTRY}/gated/rollback", json={}).json()["version"] == "1.0.1"
    nothing = api.ask("POST", f"{REGISTRY}/gated/rollback", json={})
    assert (nothing.status_code, errors(nothing)[0][0]) == (404, "path.name")


def test_without_a_registry_it_says_so() -> None:
    """The application without a server: what it says has no other way to be heard."""

    async def ask(configuration: Configuration) -> httpx.Response:
        app = create_app(Context(configuration), Tokens(configuration.tokens_file))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost"
        ) as client:
            return await client.get(REGISTRY)

    with a_project({"good": {"path": "Means"}}, modelRegistry={"backend": "none"}) as project:
        answer = asyncio.run(ask(project.configuration))

    assert answer.status_code == 409
    assert "modelRegistry.backend is none" in answer.json()["detail"]
