"""Whole workers, with one to three slots: what share a cell predict the same, bit for bit, as apart."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from fixtures.projects.project import Project, a_project

from bakeoff.evaluation.datasets.pin_snapshot import pin
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from bakeoff.evaluation.planning.run_plan import Plan, make_plan
from benchmarks.bakeoffs.same_predictions import Digests, bake_in_order, require_same

TREE = "sklearn.tree:DecisionTreeClassifier"

CANDIDATES: Mapping[str, Mapping[str, Any]] = {
    "chance": {"path": "sklearn.dummy:DummyClassifier", "params": {"strategy": "stratified"}},
    "tree": {"path": TREE, "params": {"max_features": 1}},
    "forest": {"path": "sklearn.ensemble:RandomForestClassifier", "params": {"n_estimators": 3}},
    "nested": {"path": "sklearn.ensemble:BaggingClassifier", "params": {"estimator": {"class": TREE}}},
    "sgd": {"path": "sklearn.linear_model:SGDClassifier"},
    "nearest": {"path": "sklearn.neighbors:KNeighborsClassifier"},
    "light": {"path": "lightgbm:LGBMClassifier", "params": {"n_estimators": 3, "verbose": -1}},
    "own": {"path": "plugins/gallery.py:Means"},
}


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    with a_project({}, preload=["sklearn"], evalWorkers=3) as project:
        entries = {name: {**entry, "threads": 1} for name, entry in CANDIDATES.items()}
        (project.folder / "config" / "models.yaml").write_text(yaml.safe_dump({"models": entries}))
        yield project


@pytest.fixture(scope="module")
def plan(project: Project) -> Plan:
    return make_plan(
        RunRequest(dataset="tiny", models=list(CANDIDATES), baseline=False),
        catalog=project.context.catalog,
        configuration=project.configuration,
        pin=pin,
    )


def bake(project: Project, plan: Plan, *, seed: int, **settings: str) -> tuple[Digests, set[str]]:
    """In an order drawn by `seed`: what each predicted, and who left something in a cell that it shared."""
    order = random.Random(seed).sample(plan.candidates, len(plan.candidates))
    with project.worker("-l", "DEBUG", **settings) as worker:
        digests = bake_in_order(order, plan, project.context)
        return digests, {name for name in CANDIDATES if f"the cell of {name} ends: it left " in worker.log}


@pytest.fixture(scope="module")
def apart(project: Project, plan: Plan) -> Digests:
    digests, left = bake(project, plan, seed=0, BAKEOFF_SHARED_CELLS="[]")
    assert left == set()
    return digests


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_whoever_shares_a_cell_predicts_as_in_one_of_its_own(
    project: Project, plan: Plan, apart: Digests, slots: int
) -> None:
    shared, left = bake(project, plan, seed=slots, BAKEOFF_EVAL_WORKERS=str(slots))

    assert left == {"light"}  # so the others of scikit-learn left their cells to the next
    require_same(apart, shared, f"{slots} slots")
