"""The version in Production beside the candidates of a run: with a real worker, and real cells."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from fixtures.projects.project import Project, Worker, a_project, wait_for
from fixtures.values.events import misfits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from bakeoff.domain.model_version import Stage
from bakeoff.domain.runs.model_saving import SavingOutcome
from bakeoff.domain.runs.run import RunState
from bakeoff.domain.runs.verdict import Against, RunVerdict
from bakeoff.evaluation.datasets.read_snapshot import open_snapshot, sealed_labels
from bakeoff.evaluation.datasets.snapshot_layout import OPEN, folder_of
from bakeoff.inference import ModelPredictor
from bakeoff.operations.production.promotion_evidence import evidence_in
from bakeoff.operations.runs.run_report import read_report, report_record
from bakeoff.settings.registry_settings import PromotionSettings
from bakeoff.store.bakeoffs import run_rows, saving_rows
from bakeoff.store.bakeoffs.results import verdict_rows
from registry import ModelRegistry
from registry.models.promotion import GateError, promote
from tasks import enqueue

CANDIDATES = {
    "linear": {"path": "sklearn.linear_model:LogisticRegression", "params": {"max_iter": 500}},
    "poor": {"path": "plugins/mine.py:Poor"},
    "chance": {"path": "plugins/mine.py:Chance", "output_kind": "proba"},
    "distance": {"path": "plugins/mine.py:Distance", "output_kind": "score"},
    "once": {"path": "plugins/mine.py:Once"},
    "deadly": {"path": "plugins/mine.py:Deadly"},
    "late": {"path": "plugins/mine.py:Late"},
    "fails": {"path": "plugins/mine.py:Fails"},
}
MINE = """
import os, signal, time
import numpy as np

class Distance:
    def fit(self, X, y):
        self.middle = X["age"].mean()
        self.fitted_here = True

    def predict(self, X):
        return (X["age"] - self.middle).fillna(-1).to_numpy()

    def __getstate__(self):
        return {"middle": self.middle}


class Fails(Distance):
    def fit(self, X, y):
        raise ValueError("no luck")


class Chance(Distance):
    def predict(self, X):
        return 1 / (1 + 2.0 ** -super().predict(X))


class Poor(Distance):
    def predict(self, X):
        return np.where(np.arange(len(X)) % 3 == 0, "no", np.where(super().predict(X) > 0, "yes", "no"))


class Once(Poor):
    "Answers only where it was fitted."
    def predict(self, X):
        if not hasattr(self, "fitted_here"):
            raise RuntimeError("my table is gone")
        return super().predict(X)


class Deadly(Once):
    def predict(self, X):
        if not hasattr(self, "fitted_here"):
            print("asked", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predict(X)


class Late(Once):
    def predict(self, X):
        if not hasattr(self, "fitted_here") and not os.path.exists(__file__ + ".go"):
            print("asked", flush=True)
            time.sleep(60)
        return Poor.predict(self, X)
"""
GATES = [{"metric": "f1", "betterThanProduction": "shown"}]
SHOWN = PromotionSettings.model_validate({"gates": GATES})


def shop() -> str:
    """Numbers and words with gaps, of which the age tells most of the answer."""
    chance = np.random.default_rng(7)
    lines = ["age,city,visits,bought,left"]
    for n in range(2400):
        yes = n % 2
        age = "" if n % 11 == 0 else f"{40 + 20 * yes + chance.normal(0, 12):.2f}"
        city = "" if n % 17 == 0 else ("Bonn", "Rome", "Oslo")[n % 3]
        lines.append(f"{age},{city},{n % 5},{('no', 'yes')[yes]},{('no', 'yes')[n % 3 == 0]}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    settings = {
        "datasets": {
            "shop": {"source": "csv", "path": "shop.csv", "target": "bought", "drop": ["left"]},
            "leavers": {"source": "csv", "path": "shop.csv", "target": "left", "drop": ["bought"]},
        },
        "modelRegistry": {"promotion": {"stage": "Production", "gates": GATES}},
    }
    with a_project({}, **settings) as project:
        (project.folder / "shop.csv").write_text(shop())
        (project.folder / "plugins" / "mine.py").write_text(MINE)
        (project.folder / "config" / "models.yaml").write_text(yaml.safe_dump({"models": CANDIDATES}))
        yield project


@pytest.fixture(scope="module", autouse=True)
def worker(project: Project) -> Iterator[Worker]:
    with project.worker() as worker:
        yield worker


def registry_of(project: Project) -> ModelRegistry:
    return ModelRegistry(project.configuration.registry_path)


def start(project: Project, *models: str, **request: Any) -> str:
    return project.start(*models, **{"dataset": "shop", "save": "best", "metrics": ["f1"], **request})


def run(project: Project, *models: str, **request: Any) -> str:
    """Until it is judged, and its models are saved."""
    run_id = start(project, *models, **request)
    outcome(project, run_id)
    return run_id


def outcome(project: Project, run_id: str) -> SavingOutcome:
    def done() -> SavingOutcome | None:
        saving = saving_rows.of_run(project.engine, run_id)
        return saving.outcome if saving and saving.done_at else None

    found = wait_for(done, f"the saving of {project.states(run_id)}")
    assert found is not None
    return found


def verdict(project: Project, run_id: str) -> RunVerdict:
    found = verdict_rows.of_run(project.engine, run_id)
    assert found is not None
    return found


def findings(project: Project, run_id: str) -> dict[str, str]:
    """Those about Production, by slug."""
    found = verdict(project, run_id).findings
    return {one.slug: one.message for one in found if one.slug.startswith("production")}


@dataclass(frozen=True)
class Pair:
    """Two runs under one name, the version of the first in Production during the second."""

    first: str
    second: str


@pytest.fixture(scope="module")
def better(project: Project) -> Pair:
    return Pair(run(project, "poor", save_as="better"), run(project, "linear", save_as="better"))


@pytest.fixture(scope="module")
def equal(project: Project) -> Pair:
    """The same model once more."""
    return Pair(run(project, "linear", save_as="equal"), run(project, "linear", save_as="equal"))


def test_candidates_are_compared_with_the_saved_version_and_the_sentence_names_it(
    project: Project, better: Pair
) -> None:
    found = verdict(project, better.second)
    [compared] = found.references
    assert (compared.reference, compared.candidate) == ("Production (better 1.0.0)", "linear")
    assert (compared.outcome, compared.low is not None and compared.low > 0) == (Against.BETTER, True)
    assert found.production is not None
    assert found.production.metrics == pytest.approx(project.metrics(better.first)["poor"])
    assert "It beats Production (better 1.0.0) by about 0." in found.sentence
    assert findings(project, better.second) == {}


def test_a_first_version_has_no_production_beside_it(project: Project, better: Pair) -> None:
    found = verdict(project, better.first)

    assert (found.production, found.references) == (None, ())


def test_a_run_that_saves_nothing_asks_nobody(project: Project) -> None:
    run(project, "poor", save_as="unasked")
    run_id = project.run("linear", dataset="shop", save="none")

    wait_for(lambda: verdict_rows.of_run(project.engine, run_id), "its verdict")
    assert verdict(project, run_id).production is None


def test_on_other_rows_the_version_itself_answers_and_it_is_said_that_it_may_know_them(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another seed is another split."""
    run(project, "chance", save_as="elsewhere")
    run_id = run(project, "linear", save_as="elsewhere", seed=1)
    monkeypatch.syspath_prepend(project.folder)
    dataset = run_rows.get(project.engine, run_id).dataset
    snapshot = folder_of(project.configuration.snapshots, dataset.dataset_id, dataset.split_id)
    predictor = ModelPredictor(registry_of(project))
    predictor.load_model("elsewhere/1.0.0")
    said = predictor.predict(open_snapshot(snapshot / OPEN).X_test)

    found = verdict(project, run_id).production
    assert found is not None
    assert found.metrics["f1"] == pytest.approx(f1_score(sealed_labels(snapshot), said, pos_label="yes"))
    assert findings(project, run_id)["production-may-know-rows"] == (
        "Production (elsewhere 1.0.0) was not fitted on the training rows of this run, so it may know some "
        "of these test rows: then it looks better here than it is"
    )


@pytest.mark.parametrize("candidate", ["linear", "chance", "distance"])  # "linear" predicts labels
def test_labels_probabilities_and_scores_are_scored_as_those_of_a_candidate(
    project: Project, candidate: str
) -> None:
    rules: dict[str, Any] = {"metrics": ["roc_auc", "f1"], "threshold": 0.4, "positive_label": "no"}
    first = run(project, candidate, save_as=f"kind-{candidate}", **rules)
    second = run(project, "linear", save_as=f"kind-{candidate}", **rules)

    found = verdict(project, second).production
    assert found is not None
    assert found.metrics == pytest.approx(project.metrics(first)[candidate])
    assert findings(project, second) == {}


def test_of_sealed_rows_the_comparison_knows_nothing(project: Project) -> None:
    first = run(project, "poor", save_as="sealed", seal=0.2)
    second = run(project, "linear", save_as="sealed", seal=0.2)

    found = verdict(project, second)
    assert found.rows == 480
    assert found.production is not None
    assert found.production.metrics == pytest.approx(project.metrics(first)["poor"])
    assert [one.outcome for one in found.references] == [Against.BETTER]


def not_compared(project: Project, name: str, **request: Any) -> str:
    """Of a run whose end and whose savings are as ever."""
    run_id = run(project, "linear", save_as=name, **request)
    found = verdict(project, run_id)
    assert (project.state(run_id), found.best or found.recommended) == (RunState.COMPLETED, "linear")
    assert found.references == ()
    [saved] = outcome(project, run_id).saved
    assert saved.candidate == "linear"
    return findings(project, run_id)["production-not-compared"]


def test_a_version_that_needs_other_columns_is_named_with_what_is_missing(project: Project) -> None:
    registry, columns = registry_of(project), pd.DataFrame({"age": [1.0, 2.0], "income": [2.0, 1.0]})
    registry.save_model(LogisticRegression().fit(columns, ["no", "yes"]), "columns")
    registry.transition_model_stage("columns/1.0.0", Stage.PRODUCTION)

    assert "missing columns 'income': add or rename them" in not_compared(project, "columns")


def test_a_version_that_raises_is_named_with_its_error(project: Project) -> None:
    run(project, "once", save_as="raises")

    assert not_compared(project, "raises").startswith(
        "Production (raises 1.0.0) could not be compared: models:/raises/1.0.0 "
        "cannot predict: its predict failed with RuntimeError: my table is gone"
    )


def test_a_version_whose_file_was_changed_is_not_unpickled(project: Project) -> None:
    run(project, "poor", save_as="damaged")
    file = Path(registry_of(project).get("damaged/1.0.0").file_path)
    file.write_bytes(file.read_bytes()[:-1] + b"!")

    said = not_compared(project, "damaged")
    assert f"{file} is not the file that was saved: its SHA-256 is " in said


def test_a_version_for_another_target_is_not_compared(project: Project) -> None:
    run(project, "linear", save_as="purpose", dataset="leavers")

    said = not_compared(project, "purpose")
    assert "it predicts 'left', and this run is about 'bought': save the models of this run under " in said


def test_a_version_that_kills_its_cell_is_given_up_after_three_attempts(project: Project) -> None:
    run(project, "deadly", save_as="deadly")
    run_id = run(project, "linear", save_as="deadly")

    said = findings(project, run_id)["production-not-compared"]
    assert said.startswith("Production (deadly) could not be compared: killed 3 times by SIGKILL")
    assert project.log_of(run_id, "production").count("asked") == 3


def test_a_saver_that_is_killed_while_it_asks_is_followed_by_another(project: Project) -> None:
    run(project, "late", save_as="killed")
    run_id = start(project, "linear", save_as="killed")
    wait_for(lambda: "asked" in project.log_of(run_id, "production"), "the question")
    [saver] = [
        p for p in project.processes() if "bakeoff.worker.judge_and_save_process" in " ".join(p.cmdline())
    ]
    (project.folder / "plugins" / "mine.py.go").touch()
    saver.kill()

    outcome(project, run_id)
    assert [one.reference for one in verdict(project, run_id).references] == ["Production (killed 1.0.0)"]
    assert [event.type for event in project.wait_for_events(run_id)].count("run.completed") == 1


def test_json_and_events_have_what_was_asked_and_what_came_of_it(project: Project, better: Pair) -> None:
    record = report_record(read_report(project.engine, better.second))["verdict"]
    assert {key: record["production"][key] for key in ("name", "version", "reference", "problem")} == {
        "name": "better",
        "version": "1.0.0",
        "reference": "Production (better 1.0.0)",
        "problem": "",
    }
    assert record["references"][0]["reference"] == "Production (better 1.0.0)"
    events = project.wait_for_events(better.second)
    assert next(e for e in events if e.type == "run.completed").payload["verdict"] == record
    assert misfits(events) == []


def test_what_is_shown_to_be_better_is_promoted_with_the_evidence_in_the_log(
    project: Project, better: Pair
) -> None:
    promotion = outcome(project, better.second).promotion
    assert promotion is not None
    assert (promotion.promoted, promotion.replaced) == (True, "1.0.0")
    [gate] = registry_of(project).history("better")[0].evidence["gates"]
    compared = verdict(project, better.second).references[0]
    assert gate["comparison"] == {
        **compared.to_record(),
        "metric": "f1",
        "rows": 600,
        "run": better.second,
        "mayKnowRows": False,
    }


def test_what_is_not_shown_to_be_better_is_refused_with_the_evidence(project: Project, equal: Pair) -> None:
    promotion = outcome(project, equal.second).promotion

    assert promotion is not None
    assert promotion.promoted is False
    assert promotion.reason.startswith(
        "f1 is not shown to be better: 0 beside Production (equal 1.0.0) (0 to 0, adjusted p 1) on 600 "
    )


def by_hand(project: Project, uri: str, **gate: Any) -> bool:
    policy = PromotionSettings.model_validate({"gates": [{"metric": "f1", **gate}]})
    registry, root = registry_of(project), project.folder
    line = promote(registry, uri, policy=policy, root=root, evidence_of=evidence_in(project.context))
    return line.evidence["forced"] is False


@pytest.mark.usefixtures("equal")
def test_by_hand_a_version_passes_by_the_verdict_of_its_run(project: Project) -> None:
    with pytest.raises(GateError, match="f1 is not shown to be better"):
        by_hand(project, "equal/1.0.1", betterThanProduction="shown")
    assert by_hand(project, "equal/1.0.1", notWorseThan=0.005)


def test_by_hand_the_verdict_must_be_about_the_version_that_is_in_production_now(project: Project) -> None:
    run(project, "poor", save_as="moved")
    run(project, "linear", save_as="moved")
    registry = registry_of(project)
    registry.transition_model_stage("moved/1.0.0", Stage.PRODUCTION)
    assert by_hand(project, "moved/1.0.1", betterThanProduction="shown")
    run(project, "linear", save_as="moved")
    registry.transition_model_stage("moved/1.0.0", Stage.PRODUCTION)

    with pytest.raises(
        GateError, match=r"compared 1\.0\.2 with Production \(moved 1\.0\.1\), and not with 1"
    ):
        by_hand(project, "moved/1.0.2", notWorseThan=0.005)


def test_a_reused_result_counts_by_the_verdict_of_the_run_that_took_it_over(project: Project) -> None:
    """It was evaluated before anything was in Production."""
    first = run(project, "linear", "fails", save_as="taken")
    registry_of(project).transition_model_stage("taken/1.0.0", Stage.DEVELOPMENT)
    run(project, "poor", save_as="taken")
    again = enqueue.retry(first)

    assert outcome(project, again).saved[0].version == "1.0.0"
    assert project.results(again)["linear"].reused_from is not None
    assert by_hand(project, "taken/1.0.0", betterThanProduction="shown")
