"""From a run to Production where MLflow keeps the registry: a real worker, and plain MLflow at the end."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import mlflow.pyfunc
import mlflow.sklearn
import pandas as pd
import pytest
import yaml
from fixtures.projects.project import Project, a_project
from fixtures.servers import warm

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]

GATES = [{"metric": "f1", "min": 0.6}, {"metric": "f1", "betterThanProduction": True}]


@pytest.fixture
def project(mlflow_template: Path) -> Iterator[Project]:
    registry = {
        "backend": "mlflow",
        "trackingUri": "sqlite:///data/mlflow.db",
        "promotion": {"stage": "Production", "gates": GATES},
    }
    with a_project({}, modelRegistry=registry) as project:
        shutil.copy(mlflow_template, project.folder / "data" / "mlflow.db")
        models = {
            "good": {"path": "sklearn.linear_model:LogisticRegression"},
            "none": {
                "path": "sklearn.dummy:DummyClassifier",
                "params": {"strategy": "constant", "constant": 1},
            },
        }
        (project.folder / "config" / "models.yaml").write_text(yaml.safe_dump({"models": models}))
        yield project


def bakeoff(project: Project, *arguments: str) -> Any:
    """What the command says as JSON, in a process of its own."""
    done = warm.run(
        [sys.executable, "-c", "from bakeoff.cli.main import run; run()", *arguments, "--json"],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        timeout=140,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_run_saves_its_best_on_mlflow_and_promotes_it_if_it_passes_the_gates(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with project.worker():
        first = bakeoff(project, "run", "tiny", "--models", "good", "--save", "best")
        second = bakeoff(project, "run", "tiny", "--models", "none", "--no-baseline", "--save", "best")

    promoted, refused = first["saving"]["promotion"], second["saving"]["promotion"]
    assert (promoted["promoted"], promoted["version"], promoted["stage"]) == (True, "1.0.0", "Production")
    assert (refused["promoted"], refused["version"]) == (False, "1.0.1")
    assert "below Production 1.0.0" in refused["reason"]

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project.folder}/data/mlflow.db")
    table = pd.read_csv(project.folder / "data.csv")
    assert mlflow.sklearn.load_model("models:/tiny/1").n_features_in_ == 2
    assert (mlflow.pyfunc.load_model("models:/tiny/1").predict(table[["a", "b"]]) == table["y"]).mean() > 0.8
    assert mlflow.MlflowClient().get_model_version_by_alias("tiny", "production").version == 1
