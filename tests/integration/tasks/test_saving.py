"""From a run to Production: with a real worker, real cells, and the embedded registry."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml
from fixtures.projects.project import Project, Worker, a_project, wait_for
from sklearn.metrics import f1_score
from sqlalchemy import insert

from bakeoff.domain.ids_and_times import new_id, utc_now
from bakeoff.domain.model_version import ModelVersion, Stage, VersionFilter
from bakeoff.domain.runs.model_saving import PromotionOutcome, Saving, SavingOutcome
from bakeoff.domain.runs.result import NotKept
from bakeoff.domain.runs.run import RunState
from bakeoff.evaluation.datasets.read_snapshot import open_snapshot, sealed_labels
from bakeoff.evaluation.datasets.snapshot_layout import OPEN, folder_of
from bakeoff.inference import ModelPredictor
from bakeoff.store.bakeoffs import cancellation, job_queries, run_rows, saving_rows
from bakeoff.store.database.all_tables import schedule_slots
from bakeoff.store.database.engine_and_transactions import writing
from registry import ModelRegistry
from tasks import enqueue

CANDIDATES = {
    "linear": {
        "path": "sklearn.linear_model:LogisticRegression",
        "params": {"C": 0.5, "max_iter": 500},
        "description": "a line",
    },
    "weak": {"path": "sklearn.linear_model:LogisticRegression", "params": {"C": 0.00001}},
    "no": {"path": "plugins/mine.py:No"},
    "stuck": {"path": "plugins/mine.py:Stuck"},
    "heavy": {"path": "plugins/mine.py:Heavy"},
    "fails": {"path": "plugins/mine.py:Fails"},
    "waits": {"path": "plugins/mine.py:Waits"},
    "chance": {"path": "plugins/mine.py:Chance", "output_kind": "proba"},
    "distance": {"path": "plugins/mine.py:Distance", "output_kind": "score"},
    "margin": {"path": "sklearn.svm:LinearSVC"},
    "boosted": {"path": "xgboost:XGBClassifier", "params": {"n_estimators": 20, "max_depth": 2}},
}
MINE = """
import os, threading, time

class No:
    def fit(self, X, y):
        pass

    def predict(self, X):
        return ["no"] * len(X)


class Stuck(No):
    def fit(self, X, y):
        self.lock = threading.Lock()

    def predict(self, X):
        return ["yes"] * len(X)


class Heavy(No):
    def fit(self, X, y):
        self.ballast = os.urandom(40 * 2**20)


class Fails(No):
    def fit(self, X, y):
        raise ValueError("no luck")


class Waits(No):
    def fit(self, X, y):
        print("fitting", os.getpid(), flush=True)
        time.sleep(60)


class Distance(No):
    def fit(self, X, y):
        self.middle = X["age"].mean()

    def predict(self, X):
        return (X["age"] - self.middle).fillna(-1).to_numpy()


class Chance(Distance):
    def predict(self, X):
        return 1 / (1 + 2.0 ** -(super().predict(X)))
"""
HOOK = """
import json, os, time

def keep(promotion):
    with open("told.jsonl", "a") as file:
        file.write(json.dumps(promotion.to_record()) + "\\n")
    while os.path.exists("hold"):
        time.sleep(0.05)
"""
PROMOTION = {
    "stage": "Production",
    "gates": [{"metric": "f1", "min": 0.4}, {"metric": "f1", "betterThanProduction": True}],
    "hooks": [{"python": "hooks_of_this_project:keep"}, {"command": ["false"]}],
}


def shop() -> str:
    """Numbers with gaps, words with gaps, and dates, all of which tell something of the answer."""
    chance = np.random.default_rng(7)
    lines = ["age,city,since,bought"]
    for n in range(2400):
        yes = n % 2
        age = "" if n % 11 == 0 else f"{40 + 15 * yes + chance.normal(0, 12):.2f}"
        city = "" if n % 17 == 0 else ("Bonn", "Rome", "Oslo")[(n + yes * (n % 3 == 0)) % 3]
        lines.append(f"{age},{city},2024-{1 + n % 12:02}-{1 + n % 28:02},{('no', 'yes')[yes]}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    dataset = {"source": "csv", "path": "shop.csv", "target": "bought", "dtypes": {"since": "datetime"}}
    with a_project(
        {}, datasets={"shop": dataset}, modelRegistry={"promotion": PROMOTION, "modelLimitMb": 39}
    ) as project:
        (project.folder / "shop.csv").write_text(shop())
        (project.folder / "plugins" / "mine.py").write_text(MINE)
        (project.folder / "hooks_of_this_project.py").write_text(HOOK)
        (project.folder / "config" / "models.yaml").write_text(yaml.safe_dump({"models": CANDIDATES}))
        yield project


@pytest.fixture(scope="module", autouse=True)
def worker(project: Project) -> Iterator[Worker]:
    with project.worker() as worker:
        yield worker


def registry_of(project: Project) -> ModelRegistry:
    return ModelRegistry(project.configuration.registry_path)


def start(project: Project, *models: str, **request: Any) -> str:
    return project.start(*models, **{"dataset": "shop", "baseline": True, "save": "best", **request})


def saving(project: Project, run_id: str) -> Saving:
    """Once it is done."""
    wait_for(lambda: is_done(project, run_id), f"the saving of {project.states(run_id)}")
    found = saving_rows.of_run(project.engine, run_id)
    assert found is not None
    return found


def is_done(project: Project, run_id: str) -> bool:
    found = saving_rows.of_run(project.engine, run_id)
    return found is not None and found.done_at is not None


def outcome(project: Project, run_id: str) -> SavingOutcome:
    found = saving(project, run_id).outcome
    assert found is not None
    return found


def numbers(project: Project, name: str) -> list[str]:
    return [version.version for version in registry_of(project).versions(VersionFilter(name=name))]


def told(project: Project, version: ModelVersion) -> list[dict[str, Any]]:
    lines = map(json.loads, (project.folder / "told.jsonl").read_text().splitlines())
    return [line for line in lines if (line["modelName"], line["version"]) == (version.name, version.version)]


def test_the_winner_is_saved_whole_promoted_and_predicts_what_it_predicted_in_its_cell(
    project: Project,
) -> None:
    run_id = start(project, "linear", "no")
    found = outcome(project, run_id)

    [one] = found.saved
    job, run = project.job(run_id, "linear"), run_rows.get(project.engine, run_id)
    assert (one.candidate, one.name, one.version) == ("linear", "shop", "1.0.0")
    assert found.promotion == PromotionOutcome(
        version="1.0.0",
        stage="Production",
        promoted=True,
        failed_hooks=("false: it ended with exit code 1",),
    )

    loaded = registry_of(project).load("models:/shop/Production")
    version = loaded.version
    assert (version.type, version.description) == ("LogisticRegression", "a line")
    assert version.metrics == project.metrics(run_id)["linear"]
    assert (version.hyperparameters["C"], version.hyperparameters["tol"]) == (0.5, 0.0001)
    assert version.feature_names == ("age", "city", "since")
    assert {name: version.metadata[name] for name in PREDICTORS_NEEDS} == PREDICTORS_NEEDS
    assert version.tags == {
        "candidate": "linear",
        "candidate_version": job.candidate.version,
        "dataset": "shop",
    }
    origin = version.origin
    assert (origin.run_id, origin.evaluation_id, origin.candidate_id) == (run_id, job.id, "linear")
    assert (origin.dataset_id, origin.split_id) == (run.dataset.dataset_id, run.dataset.split_id)
    assert version.libraries["scikit-learn"]
    assert version.signature is not None
    assert [(column["name"], column["type"]) for column in version.signature["inputs"]] == [
        ("age", "float"),
        ("city", "text"),
        ("since", "datetime"),
    ]
    assert loaded.preprocessor_artifact is not None
    assert loaded.preprocessor_artifact["feature_names_in"] == ["age", "city", "since"]

    snapshot = folder_of(project.configuration.snapshots, run.dataset.dataset_id, run.dataset.split_id)
    data = open_snapshot(snapshot / OPEN)
    assert loaded.input_example.to_dict("list")["city"] == data.X_train.head(5).to_dict("list")["city"]
    answers = loaded.model.predict(loaded.preprocessor_artifact["preprocessor"].transform(data.X_test))
    kept = np.load(project.configuration.predictions_of(run_id, job.id))
    assert np.asarray(answers, dtype=str).tobytes() == kept.tobytes()
    assert len(set(kept)) == 2
    predictor = ModelPredictor(registry_of(project))
    predictor.load_model("models:/shop/Production")
    assert np.asarray(predictor.predict(data.X_test), dtype=str).tobytes() == kept.tobytes()


PREDICTORS_NEEDS = {
    "outputKind": "labels",
    "threshold": None,
    "positiveLabel": "yes",
    "classes": ["no", "yes"],
    "target": "bought",
    "targetKind": "binary",
}


def test_the_log_holds_run_metrics_gates_and_what_the_hooks_said(project: Project) -> None:
    run_id = start(project, "linear", "no", save_as="logged")
    outcome(project, run_id)

    hooks, line = registry_of(project).history("logged")
    assert (line.by, line.reason) == (
        "bakeoff run",
        f"recommended in {run_rows.get(project.engine, run_id).name}",
    )
    assert (line.evidence["run"], line.evidence["metrics"]) == (run_id, project.metrics(run_id)["linear"])
    assert [gate["passed"] for gate in line.evidence["gates"]] == [True, True]
    assert [said["passed"] for said in hooks.evidence["hooks"]] == [True, False]
    [given] = told(project, registry_of(project).get("logged/1.0.0"))
    assert (given["toStage"], given["evidence"]["run"]) == ("Production", run_id)


def test_a_refused_promotion_says_by_how_much_and_leaves_the_version_in_development(project: Project) -> None:
    for _ in range(2):
        found = outcome(project, start(project, "linear", save_as="refused"))

    f1 = registry_of(project).get("refused/1.0.0").metrics["f1"]
    assert found.promotion == PromotionOutcome(
        version="1.0.1",
        stage="Production",
        promoted=False,
        reason=f"f1 {f1:.6g} is the same as Production 1.0.0 ({f1:.6g})",
    )
    assert registry_of(project).get("refused/1.0.1").stage is Stage.DEVELOPMENT


def test_on_other_data_what_production_answers_there_is_what_must_be_beaten(project: Project) -> None:
    """Another seed is another split. The saved version is asked, and not its candidate fitted again."""
    outcome(project, start(project, "weak", save_as="retrained", baseline=False))
    found = outcome(project, start(project, "linear", save_as="retrained", seed=1))

    assert found.promotion is not None
    assert (found.promotion.promoted, found.promotion.replaced) == (True, "1.0.0")
    line = next(line for line in registry_of(project).history("retrained") if line.moved)
    gate = line.evidence["gates"][1]
    assert "above Production 1.0.0 (" in gate["reason"]
    assert gate["comparison"]["mayKnowRows"] is True


def test_all_saves_each_that_completed_but_not_the_baseline_and_says_who_cannot_be_saved(
    project: Project,
) -> None:
    run_id = start(project, "linear", "no", "stuck", "fails", save="all", save_as="everybody")
    found = outcome(project, run_id)

    assert project.state(run_id) == "partial"
    assert {one.candidate for one in found.saved} == {"linear", "no"}
    [stuck] = found.not_saved
    assert stuck.reason.startswith("it cannot be pickled: TypeError: cannot pickle ")
    assert project.results(run_id)["stuck"].details["warnings"] == [f"not saved: {stuck.reason}"]
    assert sorted(
        v.tags["candidate"] for v in registry_of(project).versions(VersionFilter(name="everybody"))
    ) == ["linear", "no"]
    left = {name: job_queries.fitted_in(project.engine, job.id) for name, job in project.jobs(run_id).items()}
    assert left["stuck"] == NotKept(problem=stuck.reason)
    assert (left["dummy"], left["fails"]) == (None, None)
    assert registry_of(project).get("models:/everybody/Production").tags["candidate"] == "linear"


def test_a_model_that_is_too_large_keeps_its_result_and_says_its_size_and_the_limit(
    project: Project,
) -> None:
    run_id = start(project, "linear", "heavy", save="all", save_as="weighed")
    found = outcome(project, run_id)

    assert project.state(run_id) == "completed"
    assert [one.candidate for one in found.saved] == ["linear"]
    [heavy] = found.not_saved
    assert heavy.reason == (
        "it takes 41 MB, and modelRegistry.modelLimitMb is 39: "
        "raise that limit, or let the candidate keep less"
    )
    result = project.results(run_id)["heavy"]
    assert result.metrics["f1"] is not None
    assert result.details["warnings"] == [f"not saved: {heavy.reason}"]


def test_a_class_of_ones_own_is_loaded_by_whoever_has_the_project_on_the_path(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome(project, start(project, "no", baseline=False, save_as="own"))
    monkeypatch.syspath_prepend(project.folder)
    for name in [name for name in sys.modules if name.partition(".")[0] == "plugins"]:
        monkeypatch.delitem(sys.modules, name)  # of another test's project

    assert registry_of(project).load("own/1.0.0").model.predict([[1]]) == ["no"]


def test_a_predictor_says_of_the_test_rows_what_the_run_has_scored(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels, probabilities and scores alike, with the run's threshold and positive label.

    The saved `boosted` learnt codes for labels, and answers labels.
    """
    asked = ("linear", "chance", "distance", "margin", "boosted")
    rules = {"positive_label": "no", "threshold": 0.4, "metrics": ["f1", "accuracy"]}
    run_id = start(project, *asked, save="all", save_as="asked", **rules)
    outcome(project, run_id)
    monkeypatch.syspath_prepend(project.folder)
    dataset = run_rows.get(project.engine, run_id).dataset
    snapshot = folder_of(project.configuration.snapshots, dataset.dataset_id, dataset.split_id)
    X, truth = open_snapshot(snapshot / OPEN).X_test, sealed_labels(snapshot)

    measured = {}
    for candidate in asked:
        predictor = ModelPredictor(registry_of(project))
        predictor.load_model(f"runs:/{run_id}/{candidate}")
        said = predictor.predict_batch(X, batch_size=7)
        measured[candidate] = {
            "f1": f1_score(truth, said, pos_label="no"),
            "accuracy": (said == truth).mean(),
        }

    scored = project.metrics(run_id)
    assert measured == {name: pytest.approx(scored[name]) for name in measured}
    assert len({tuple(metrics.values()) for metrics in measured.values()}) == len(asked)
    predictor.load_model(f"runs:/{run_id}/boosted")
    assert set(predictor.predict(X)) == {"no", "yes"}
    assert predictor.get_model_info()["model_type"] == "XGBClassifier"


def test_when_nobody_beats_the_baseline_nothing_is_saved_and_it_is_said(project: Project) -> None:
    found = outcome(project, start(project, "no", save_as="nobody"))

    assert found == SavingOutcome(
        remark="no, the only candidate with a score, is not shown to beat always answering 'yes' by f1 on "
        "600 rows."
    )
    assert numbers(project, "nobody") == []


def test_of_a_cancelled_run_nothing_is_saved(project: Project) -> None:
    run_id = start(project, "linear", "waits", save_as="cancelled")
    project.wait_until_fitting(run_id, "waits")
    wait_for(lambda: "linear" in project.results(run_id), "the other one")
    cancellation.cancel_run(project.engine, run_id)

    found = outcome(project, run_id)
    assert run_rows.get(project.engine, run_id).state is RunState.CANCELLED
    assert found == SavingOutcome(remark="the run was cancelled before its winner was known")
    assert not project.configuration.fitted_of(run_id, "x").parent.exists()


def test_a_run_that_saves_nothing_writes_no_model(project: Project) -> None:
    run_id = start(project, "linear", save="none")
    project.wait_for_end(run_id)

    assert saving_rows.of_run(project.engine, run_id) is None
    assert not project.configuration.fitted_of(run_id, "x").parent.exists()


def test_fitted_models_are_gone_once_they_are_saved(project: Project) -> None:
    run_id = start(project, "linear", "no", save_as="gone", repeat_check=True)
    project.wait_for_end(run_id)
    outcome(project, run_id)

    assert not project.configuration.fitted_of(run_id, "x").parent.exists()


def test_a_retry_points_to_the_version_that_its_reused_winner_was_saved_as(project: Project) -> None:
    first = start(project, "linear", "fails", save_as="again")
    before = outcome(project, first)
    again = enqueue.retry(first)
    after = outcome(project, again)

    assert after.saved == tuple(replace(one, already=True) for one in before.saved)
    assert after.promotion is not None
    assert (after.promotion.promoted, after.promotion.version) == (True, "1.0.0")
    assert numbers(project, "again") == ["1.0.0"]
    assert len([line for line in registry_of(project).history("again") if line.moved]) == 1


def scheduled(project: Project, *models: str, **request: Any) -> str:
    run_id = new_id()
    slot = {"schedule": "nightly", "slot_at": utc_now(), "run_id": run_id, "state": "started"}
    with writing(project.engine) as connection:
        connection.execute(insert(schedule_slots).values(**slot, due_at=utc_now(), tries=1, error=""))
    return start(project, *models, run_id=run_id, **request)


def test_a_schedule_saves_no_second_version_of_the_same_model(project: Project) -> None:
    first = outcome(project, scheduled(project, "linear", save_as="each-night"))
    again = saving(project, scheduled(project, "linear", save_as="each-night"))

    [one] = first.saved
    assert (one.version, one.already) == ("1.0.0", False)
    assert again.outcome is not None
    assert again.outcome.saved == (replace(one, already=True),)
    assert numbers(project, "each-night") == ["1.0.0"]
    [shown] = again.to_record()["models"]
    assert (shown["uri"], shown["savedAlready"]) == ("models:/each-night/1.0.0", True)
    assert not project.configuration.fitted_of(again.run_id, "x").parent.exists()


def test_a_schedule_saves_a_new_version_where_the_model_is_another_or_the_saved_one_is_damaged(
    project: Project,
) -> None:
    outcome(project, scheduled(project, "linear", save_as="moves"))
    outcome(project, scheduled(project, "boosted", save_as="moves"))
    assert numbers(project, "moves") == ["1.0.1", "1.0.0"]

    with Path(registry_of(project).get("moves/1.0.0").file_path).open("ab") as file:
        file.write(b"!")
    [found] = outcome(project, scheduled(project, "linear", save_as="moves")).saved

    assert (found.version, found.already) == ("1.0.2", False)


def test_who_has_the_same_model_saved_by_hand_gets_a_new_version(project: Project) -> None:
    outcome(project, start(project, "linear", save_as="by-hand"))
    [found] = outcome(project, start(project, "linear", save_as="by-hand")).saved

    assert (found.version, found.already) == ("1.0.1", False)


def test_a_winner_whose_saved_file_is_damaged_by_now_is_not_promoted_and_the_saving_ends(
    project: Project,
) -> None:
    outcome(project, start(project, "linear", save_as="hurt"))
    second = start(project, "linear", "fails", save_as="hurt")
    outcome(project, second)
    registry = registry_of(project)
    registry.transition_model_stage("hurt/1.0.0", Stage.ARCHIVED)
    with Path(registry.get("hurt/1.0.1").file_path).open("ab") as file:
        file.write(b"!")

    found = outcome(project, enqueue.retry(second)).promotion

    assert found is not None
    assert (found.promoted, found.version) == (False, "1.0.1")
    assert "is not the file that was saved" in found.reason
    assert registry.get("hurt/1.0.1").stage is Stage.DEVELOPMENT


def test_a_retry_of_a_run_whose_winner_was_never_kept_says_so(project: Project) -> None:
    first = start(project, "linear", "fails", save_as="lost")
    outcome(project, first)
    registry_of(project).delete_model("lost/1.0.0", force=True)
    found = outcome(project, enqueue.retry(first))

    [lost] = found.not_saved
    assert (lost.candidate, found.saved) == ("linear", ())
    assert lost.reason == "its fitted model was not kept: evaluate it in a new run to save it"


def test_the_worker_starts_another_saver_when_one_was_killed(project: Project, worker: Worker) -> None:
    hold = project.folder / "hold"
    hold.touch()
    run_id = start(project, "linear", save_as="killed")
    wait_for(lambda: registry_of(project).history("killed"), "the promotion, before which nobody is told")
    [saver] = [
        one
        for one in psutil.Process(worker.process.pid).children()
        if "bakeoff.worker.judge_and_save_process" in one.cmdline()
    ]
    saver.kill()
    hold.unlink()

    assert len(outcome(project, run_id).saved) == 1
    assert saving(project, run_id).tries == 2
    assert numbers(project, "killed") == ["1.0.0"]
    assert len([line for line in registry_of(project).history("killed") if line.moved]) == 1
    assert len([line for line in registry_of(project).history("killed") if not line.moved]) == 1


def test_a_saver_takes_no_slot_from_evaluations(project: Project, worker: Worker) -> None:
    hold = project.folder / "hold"
    hold.touch()
    run_id = start(project, "linear", save_as="slow")
    wait_for(lambda: registry_of(project).history("slow"), "the promotion, whose hook takes its time")
    project.run("linear", "weak", "no", dataset="shop", save="none")

    assert not is_done(project, run_id)
    hold.unlink()
    assert len(outcome(project, run_id).saved) == 1
