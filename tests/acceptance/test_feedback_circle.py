"""The whole circle: results come in, those who know label them, a bake-off learns from that, and the winner
goes to Production and scores what came in.

Over HTTP, and by the name of a Celery task, as other programs do it.
docs/guide/scoring.md does it by commands.
"""

import sys

import pytest
from fixtures.projects.project import Project, a_project, celery_app, wait_for
from fixtures.servers.api import an_api

from bakeoff.domain.model_version import VersionFilter
from bakeoff.store.database.engine_and_transactions import open_registry_database
from bakeoff.store.feedback import feedback_items
from registry import ModelRegistry
from registry.models.local.local_registry import DATABASE

CANDIDATES = {
    "linear": {"path": "sklearn.linear_model:LogisticRegression"},
    "guess": {"path": "sklearn.dummy:DummyClassifier"},
}
SETTINGS = {
    "datasets": {"relevance": {"source": "feedback_labels", "positiveLabel": "good"}},
    "modelRegistry": {"save": "best", "promotion": {"stage": "Production"}},
}


def scored_by(project: Project) -> set[str]:
    return {one.score.version for one in feedback_items.page(project.engine, limit=1000) if one.score}


@pytest.mark.timeout(240)
def test_what_people_say_of_results_becomes_the_score_of_the_next_ones() -> None:
    with a_project({}, **SETTINGS) as project:
        write_catalog(project)
        with (
            project.launch(
                *(sys.executable, "-m", "celery", "-A", "tasks", "worker", "-Q", "evaluations,control"),
                *("--without-gossip", "--without-mingle", "-l", "INFO", "-n", "all@here"),
            ) as worker,
            an_api(project) as api,
        ):
            worker.wait_until_ready()
            sent = [{"id": f"r{n}", "features": {"clicks": n, "length": n % 7}} for n in range(180)]
            answer = api.ask("POST", "/api/ml/results", json={"results": sent})
            assert answer.json()["new"] == 180
            assert scored_by(project) == {"baseline"}

            said = [{"resultId": f"r{n}", "label": "good" if n > 89 else "bad"} for n in range(180)]
            assert api.ask("POST", "/api/ml/labels", json={"labels": said}).json()["new"] == 180

            run_id = api.started("linear", "guess", dataset="relevance")
            assert api.wait_for_end(run_id)["status"] == "completed"
            registry = ModelRegistry(project.configuration.registry_path)
            wait_for(
                lambda: registry.versions(VersionFilter(stage="Production")), "the promotion of the winner"
            )
            [winner] = registry.versions(VersionFilter(stage="Production"))
            assert (winner.uri, winner.origin.candidate_id) == ("models:/relevance/1.0.0", "linear")

            celery_app().send_task("bakeoff.score", kwargs={"model": "models:/relevance/Production"})
            wait_for(lambda: scored_by(project) == {"models:/relevance/1.0.0"}, "the new scores")
            by_id = {
                one.item.id: one.score.value
                for one in feedback_items.page(project.engine, limit=180)
                if one.score
            }
            assert by_id["r0"] < -0.9 < 0.9 < by_id["r179"]

            new = {"id": "new", "features": {"clicks": 178, "length": 1}}
            api.ask("POST", "/api/ml/results", json={"results": [new], "model": "linear"})
            [newest] = feedback_items.page(project.engine, limit=1)
            assert newest.score is not None
            assert (newest.item.id, newest.score.version) == ("new", "models:/relevance/1.0.0")
            assert newest.score.value > 0.9
        open_registry_database(project.configuration.registry_path / DATABASE).dispose()


def write_catalog(project: Project) -> None:
    lines = [f"  {name}: {{path: '{entry['path']}'}}" for name, entry in CANDIDATES.items()]
    (project.folder / "config" / "models.yaml").write_text("models:\n" + "\n".join(lines) + "\n")
