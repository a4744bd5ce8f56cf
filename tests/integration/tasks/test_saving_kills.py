"""Whoever saves is killed, or the registry is away: in the end each model is saved and promoted once."""

import hashlib
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP
from typing import Any

import pytest
import yaml
from fixtures.projects.interrupted import INTERRUPTED, SAVER
from fixtures.projects.kitchen import ROOT
from fixtures.projects.project import wait_for
from fixtures.servers import warm
from fixtures.values.samples import a_job, a_result, a_run
from fixtures.values.stored import claim, sketches_of_scores
from sklearn.linear_model import LogisticRegression
from sqlalchemy import Engine

from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.model_version import Promotion
from bakeoff.domain.runs.model_saving import PromotionOutcome, SavePolicy, SaveRequest, Saving, SavingOutcome
from bakeoff.domain.runs.result import FittedModel
from bakeoff.operations.context import Context
from bakeoff.operations.judging.judge_ended_runs import judge_beside_production
from bakeoff.settings.configuration import Configuration, load
from bakeoff.store.bakeoffs import leased_jobs, run_rows, saving_rows
from bakeoff.store.database import schema_version
from bakeoff.store.database.engine_and_transactions import open_database
from registry import ModelRegistry
from registry.columns.signature import ColumnSpec, ColumnType, Signature

LEASE_S = 1
HOOK = "import sys\ndef keep(promotion):\n    open('told', 'a').write(promotion.version + '\\n')\n"
SETTINGS = {
    "leaseSeconds": LEASE_S,
    "modelRegistry": {
        "promotion": {
            "stage": "Production",
            "gates": [{"metric": "f1", "betterThanProduction": True}],
            "hooks": [{"python": "hooks_of_this_project:keep"}],
        }
    },
}
DESCRIPTION = {
    "type": "LogisticRegression",
    "hyperparameters": {},
    "signature": Signature(inputs=(ColumnSpec(name="a", type=ColumnType.FLOAT),)).to_json(),
    "input_example": {"columns": ["a"], "dtypes": ["float64"], "data": [[1.0]]},
    "feature_names": ["a"],
    "libraries": {},
}

#: In their order: each saver goes on where the one before was killed.
STEPS = [
    ("after", "bakeoff.store.bakeoffs.saving_rows:take"),
    ("after", "registry.models.local.artefact_files:adopt"),
    ("after", "registry.models.local.local_registry:ModelRegistry._register"),
    ("after", "bakeoff.store.models.version_stages:move"),
    ("after", "registry.models.promotion:run_hook"),
    ("after", "bakeoff.store.models.version_stages:add"),
    ("after", "shutil:rmtree"),
    ("before", "bakeoff.store.bakeoffs.saving_rows:finish"),
    ("after", "bakeoff.store.bakeoffs.saving_rows:finish"),
]


@dataclass(frozen=True)
class Ended:
    """A run that has ended, with two fitted models, one of which is to be saved."""

    configuration: Configuration
    run_id: str

    @property
    def engine(self) -> Engine:
        return open_database(self.configuration.database_url)

    @property
    def root(self) -> Path:
        return self.configuration.root

    @property
    def registry(self) -> ModelRegistry:
        return ModelRegistry(self.configuration.registry_path)

    @property
    def saving(self) -> Saving:
        found = saving_rows.of_run(self.engine, self.run_id)
        assert found is not None
        return found

    @property
    def outcome(self) -> SavingOutcome:
        assert self.saving.outcome is not None
        return self.saving.outcome

    def configure(self, settings: dict[str, Any]) -> None:
        assert self.configuration.file is not None
        self.configuration.file.write_text(yaml.safe_dump(settings))

    def saver(self, *arguments: str, script: str = SAVER) -> int:
        """From its start to its end; its exit code."""
        return self.start(*arguments, script=script).wait(60)

    def start(self, *arguments: str, script: str = SAVER) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, "BAKEOFF_CONFIG": str(self.configuration.file), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-P", "-c", script, *arguments]
        return warm.Popen(command, cwd=self.root, env=environment, stdin=subprocess.DEVNULL)

    def promotions(self) -> list[Promotion]:
        return [line for line in self.registry.history("flowers") if line.moved]


@pytest.fixture
def ended(tmp_path: Path) -> Iterator[Ended]:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bakeoff.yaml").write_text(yaml.safe_dump(SETTINGS))
    (tmp_path / "hooks_of_this_project.py").write_text(HOOK)
    configuration = load(tmp_path / "config", environment={})
    engine = open_database(configuration.database_url)
    schema_version.ensure(engine)
    run = a_run(save=SaveRequest(policy=SavePolicy.BEST, name="flowers"))
    jobs = [a_job(run, place) for place in range(2)]
    assert run_rows.create(engine, run, jobs)
    for job, f1 in zip(jobs, (0.25, 0.75), strict=True):
        folder = configuration.fitted_of(run.id, job.id)
        folder.mkdir(parents=True)
        (folder / "one.pkl").write_bytes(pickle.dumps(LogisticRegression(C=f1), protocol=5))
        digest = hashlib.sha256((folder / "one.pkl").read_bytes()).hexdigest()
        fitted = FittedModel(file="one.pkl", digest=digest, description=DESCRIPTION, metadata={})
        result = a_result(job, metrics={"f1": f1, "accuracy": f1})
        sketches = sketches_of_scores(f1=f1)
        assert leased_jobs.complete(engine, claim(engine, job).lease, result, fitted, sketches=sketches)
    assert judge_beside_production(Context(configuration), run.id)
    yield Ended(configuration, run.id)
    engine.dispose()


def saved_once(ended: Ended, *, told: int = 1) -> None:
    [version] = ended.registry.versions()
    assert (version.name, version.version, version.stage) == ("flowers", "1.0.0", "Production")
    assert version.metrics == {"f1": 0.75, "accuracy": 0.75}
    assert ended.registry.load(version.uri).model.C == 0.75
    assert [line.version for line in ended.promotions()] == ["1.0.0"]
    assert (ended.root / "told").read_text() == "1.0.0\n" * told
    assert not (ended.configuration.data_dir / "fitted" / ended.run_id).exists()
    assert ended.outcome.promotion == PromotionOutcome(version="1.0.0", stage="Production", promoted=True)
    assert [one.version for one in ended.outcome.saved] == ["1.0.0"]


def test_savers_that_are_killed_one_after_another_at_each_step_save_and_promote_once(ended: Ended) -> None:
    for when, step in STEPS:
        wait_for(lambda: saving_rows.due(ended.engine), f"its turn, to be killed {when} {step}")
        assert ended.saver(str(SIGKILL), when, step, script=INTERRUPTED) == -SIGKILL

    assert ended.saving.tries == len(STEPS)
    saved_once(ended, told=2)  # one was killed after the hook was told, and before that was written down


def test_what_somebody_took_out_of_production_meanwhile_is_not_put_back(ended: Ended) -> None:
    ended.saver(str(SIGKILL), "after", "bakeoff.store.models.version_stages:move", script=INTERRUPTED)
    ended.registry.transition_model_stage("flowers/1.0.0", "Archived", by="ada")
    wait_for(lambda: saving_rows.due(ended.engine), "the next turn")
    assert ended.saver() == 0

    reason = "it has been in Production before, and is in Archived by now"
    assert ended.outcome.promotion == PromotionOutcome(
        version="1.0.0", stage="Production", promoted=False, reason=reason
    )
    assert ended.registry.get("flowers/1.0.0").stage == "Archived"


def test_of_savers_at_once_one_saves(ended: Ended) -> None:
    savers = [ended.start() for _ in range(3)]

    assert [saver.wait(60) for saver in savers] == [0, 0, 0]
    assert ended.saving.tries == 1
    saved_once(ended)


def test_a_saver_that_was_frozen_beyond_its_turn_changes_nothing_when_it_wakes(ended: Ended) -> None:
    frozen = ended.start(
        str(SIGSTOP), "before", "bakeoff.store.models.version_stages:move", script=INTERRUPTED
    )
    wait_for(lambda: ended.saving.tries and saving_rows.due(ended.engine), "the end of its turn")
    assert ended.saver() == 0
    frozen.send_signal(SIGCONT)

    assert frozen.wait(60) == 0
    assert ended.saving.tries == 2
    saved_once(ended)


def test_while_the_registry_is_away_nothing_is_lost_and_it_is_tried_again_later(ended: Ended) -> None:
    registry = ended.configuration.registry_path
    registry.parent.mkdir(parents=True)
    registry.touch()  # a file, where there must be a folder
    began = utc_now()
    assert ended.saver() == 0

    waiting = ended.saving
    assert waiting.outcome is not None
    assert str(registry) in waiting.outcome.error
    assert (waiting.done_at, waiting.tries) == (None, 1)
    assert (waiting.due_at - began).total_seconds() > 2
    registry.unlink()
    wait_for(lambda: saving_rows.due(ended.engine), "the next turn")
    assert ended.saver() == 0
    saved_once(ended)


def test_a_registry_that_is_not_configured_is_told_and_loses_nothing(ended: Ended) -> None:
    ended.configure({"leaseSeconds": LEASE_S, "modelRegistry": {"backend": "none"}})
    assert ended.saver() == 0

    assert ended.saving.done_at is None
    assert ended.outcome.error.startswith("there is no registry of trained models: modelRegistry.backend is ")
    assert len(list(ended.configuration.data_dir.glob("fitted/*/*/one.pkl"))) == 2


def test_a_fitted_model_that_was_changed_is_not_saved_and_is_kept_to_be_looked_at(ended: Ended) -> None:
    for file in ended.configuration.data_dir.glob("fitted/*/*/one.pkl"):
        file.write_bytes(pickle.dumps(LogisticRegression(C=7.0), protocol=5))
    assert ended.saver() == 0

    [spoilt] = ended.outcome.not_saved
    assert (spoilt.candidate, ended.outcome.saved, ended.outcome.promotion) == ("m1", (), None)
    assert ended.registry.versions() == []
    [kept] = ended.configuration.data_dir.glob("fitted/*/*/one.pkl")
    assert (kept.parent.name, str(kept) in spoilt.reason) == (spoilt.evaluation_id, True)
