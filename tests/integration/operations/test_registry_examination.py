"""What `bakeoff doctor` says of the embedded registry; that on MLflow is in `test_mlflow_project.py`."""

from pathlib import Path

import joblib
import pytest
from fixtures.projects.command_line import Project
from sqlalchemy import text

from bakeoff.operations.context import Context
from bakeoff.operations.doctor.diagnosis_levels import Diagnosis, DiagnosisLevel
from bakeoff.operations.doctor.registry_and_tracking_check import check_registry as examine
from bakeoff.settings.configuration import load
from bakeoff.store.database.engine_and_transactions import open_registry_database, writing
from registry import ModelRegistry


@pytest.fixture
def folder(project: Project) -> Path:
    return project.root / "data" / "models" / "registry"


@pytest.fixture
def registry(folder: Path, make_registry) -> ModelRegistry:
    """The one of the project: two versions of churn, one of fraud."""
    made: ModelRegistry = make_registry(folder)
    for name in ("churn", "churn", "fraud"):
        made.save_model({"weights": [0.5]}, name)
    return made


def finding(project: Project) -> Diagnosis:
    (found,) = examine(Context(load(project.root / "config")))
    return found


def set_schema(folder: Path, revision: str) -> None:
    with writing(open_registry_database(folder / "registry.db")) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})


def test_what_is_in_the_registry_is_counted(project: Project, registry: ModelRegistry, folder: Path) -> None:
    size = sum(version.size_bytes for version in registry.versions())

    assert project.finding("registry") == {
        "subject": "registry",
        "level": "ok",
        "message": f"3 versions of 2 models, {size} B, in {folder}",
        "cure": "",
    }


def test_a_registry_that_is_not_there_is_no_fault_and_is_not_made(project: Project, folder: Path) -> None:
    assert finding(project) == Diagnosis(
        subject="registry",
        level=DiagnosisLevel.OK,
        message=f"no model yet, the first save makes it: {folder}",
    )
    assert not folder.exists()


def test_no_registry_at_all_is_said(project: Project) -> None:
    (project.root / "config" / "bakeoff.yaml").write_text("modelRegistry: {backend: none}\n")

    assert finding(project).message == "none: modelRegistry.backend is none, so no model can be saved"


def test_what_killed_savers_left_is_counted_with_the_command_that_removes_it(
    project: Project, registry: ModelRegistry, folder: Path
) -> None:
    joblib.dump(1, folder / "models" / "churn" / "dict_9_9_9.pkl")
    (folder / "incoming" / "half").mkdir()
    found = finding(project)

    assert (found.level, found.message.partition("; ")[2]) == (DiagnosisLevel.WARN, "2 files left over")
    assert found.cure == "`bakeoff registry gc` removes what killed savers left"
    project.bakeoff("registry", "gc", "--yes")
    assert finding(project).level is DiagnosisLevel.OK


def test_an_older_schema_is_named_with_the_command_that_upgrades_it(
    project: Project, registry: ModelRegistry, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bakeoff.store.database.schema_version.REGISTRY_HEAD", "registry_0999")

    assert finding(project) == Diagnosis(
        subject="registry",
        level=DiagnosisLevel.FAIL,
        message=f"sqlite:///{folder}/registry.db has schema registry_0001, this version needs registry_0999",
        cure="stop the workers, then `bakeoff db upgrade`",
    )


def test_a_newer_schema_asks_for_a_newer_version(
    project: Project, registry: ModelRegistry, folder: Path
) -> None:
    set_schema(folder, "registry_7777")
    said = project.finding("registry")

    assert said["level"] == "fail"
    assert "has schema registry_7777, which is newer than this version of Bakeoff knows" in said["message"]


def test_a_registry_that_cannot_be_read_is_a_fault(project: Project, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "registry.db").write_bytes(b"no database at all " * 500)
    found = finding(project)

    assert (found.level, "file is not a database" in found.message) == (DiagnosisLevel.FAIL, True)
    assert found.cure == "put the folder back from a copy, or set modelRegistry.path to another one"
