"""The same objects where the database and the broker are those of a cluster, and its worker serves."""

import numpy as np
import pytest
from fixtures.projects.notebook_session import Session
from fixtures.servers.machines import a_network
from fixtures.servers.postgresql import Cluster
from sklearn.tree import DecisionTreeClassifier

import bakeoff
from bakeoff.notebook import open_projects
from bakeoff.notebook.bakeoff_run import BakeoffRun
from tasks import celery_doorbells

pytestmark = pytest.mark.services

RULE = """
import numpy as np

class Rule:
    def fit(self, X, y):
        return self

    def predict(self, X):
        return (np.asarray(X)[:, 0] > 0).astype(int)
"""
X = np.random.default_rng(0).normal(size=(300, 2))
Y = (X[:, 0] > 0).astype(int)


def test_a_project_of_a_cluster_is_used_like_one_of_this_machine(
    postgresql: Cluster, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(celery_doorbells, "_ANSWER_S", 15.0)  # a worker of a busy machine may take seconds
    candidates = {"rule": session(RULE).Rule, "tree": DecisionTreeClassifier(max_depth=2)}
    with a_network(postgresql, {}) as network:
        catalog = "models: {ridge: {path: 'sklearn.linear_model:RidgeClassifier'}}\n"
        (network.folder / "config" / "models.yaml").write_text(catalog)
        with network.worker(name="left", **network.machine("left")):
            project = bakeoff.project(network.folder)
            run = project.run(X, Y, models=candidates, wait=False, progress=False)
            assert isinstance(run, BakeoffRun)
            outcomes = {one.candidate: one.state for one in run}
            result = run.wait()
            again = project.run(X, Y, models=[*candidates.items(), "ridge"], progress=False)
            assert project._session.worker._process is None, "that of the cluster serves"
            nodes = {job.node for job in network.jobs(run.run_id).values()}
            assert result.predictions("rule").predicted.equals(result.predictions("rule").true)
        project._session.close()
        open_projects._open.clear()

    assert nodes == {"left"}
    assert outcomes == {"dummy": "completed", "rule": "completed", "tree": "completed"}
    assert result.leaderboard.f1["rule"] == 1.0
    assert again.plan.action.to_dict() == {"dummy": "reuse", "rule": "reuse", "tree": "reuse", "ridge": "run"}
