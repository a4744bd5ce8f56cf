"""From prices to an ensemble over HTTP: the shipped models, a training, and a real worker."""

import subprocess
import sys

import pytest
from fixtures.projects.project import wait_for
from fixtures.projects.signals import SignalProject, a_signal_project
from fixtures.servers import warm
from fixtures.servers.api import Api, an_api

ENSEMBLE = "/api/signals/ensemble"
MODELS = {
    "model_a": {"path": "models.model_a:ModelAPlugin", "version": "v1.1", "weight": 0.6},
    "model_b": {"path": "models.model_b:ModelBPlugin", "version": "v1.0", "weight": 0.4},
}
MARKET = """
from bakeoff.evaluation.market.synthetic_market import make_market

_market = make_market(symbols=40, years=4)


def prices():
    return _market.prices


def fundamentals():
    return _market.fundamentals
"""
SOURCES = {
    name: {"source": "callable", "name": f"generators.market:{name}"} for name in ("prices", "fundamentals")
}


def bakeoff(project: SignalProject, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bakeoff.cli.main", *arguments]
    return warm.run(
        command, cwd=project.folder, env=project.environment, capture_output=True, text=True, check=False
    )


def generated(api: Api, **body: object) -> str:
    """The id of a run that has ended."""
    answer = api.ask("POST", f"{ENSEMBLE}/generate", json=body)
    assert answer.status_code == 202, answer.text
    run_id = str(answer.json()["runId"])
    api.wait_for_end(run_id)
    return run_id


@pytest.mark.timeout(240)
def test_from_prices_to_an_ensemble_over_http() -> None:
    with a_signal_project(MODELS, market=SOURCES) as project:
        (project.folder / "generators").mkdir()
        (project.folder / "generators" / "market.py").write_text(MARKET)
        with project.worker(), an_api(project) as api:
            said = bakeoff(project, "signals", "train", "model_a")
            assert said.returncode == 0, said.stderr
            run_id = generated(api)
            assert api.status(run_id)["status"] == "completed"

            results = api.get(f"/api/ml/evaluations/{run_id}/results")
            assert results["failed"] == []
            assert {one["modelId"]: one["metrics"]["known"] for one in results["results"]} == {
                "model_a": 0,
                "model_b": 0,
            }

            page = api.get(ENSEMBLE, params={"limit": 100})
            assert page["asOf"] == "2026-06-30"
            signals = page["items"]
            assert len(signals) > 10
            assert {signal["runId"] for signal in signals} == {run_id}
            assert all(signal["modelsContributing"] == ["model_a", "model_b"] for signal in signals)
            at_odds = api.get(ENSEMBLE, params={"conflict": True})["items"]
            assert at_odds
            assert at_odds[0]["conflictReason"].startswith("model_a=")
            assert {signal["signal"] for signal in at_odds} == {"HOLD"}
            shown = bakeoff(project, "signals", "show", "--conflicts").stdout
            assert at_odds[0]["conflictReason"] in shown
            best = signals[0]["symbol"]
            assert api.get(f"{ENSEMBLE}/{best}") == signals[0]

            told = [str(event.type) for event in project.wait_for_events(run_id)]
            assert told[-2:] == ["SIGNAL_GENERATED", "run.completed"]
            wait_for(lambda: not list(project.configuration.copies.glob("*")), "the end of all copies")
