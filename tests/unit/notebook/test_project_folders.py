import os
from pathlib import Path

import pytest

from bakeoff.domain.errors import InfrastructureError
from bakeoff.notebook.project_folders import make_temporary_project, temporary_root, worker_environment
from bakeoff.settings.configuration import Configuration, load


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def temporary_configuration(folder: Path, *, workers: int | None) -> Configuration:
    return load(make_temporary_project(folder, workers=workers), environment={})


def test_each_working_folder_has_a_project_of_its_own_and_finds_it_again(tmp_path: Path) -> None:
    one, other = tmp_path / "a" / "churn", tmp_path / "b" / "churn"
    assert temporary_root(one) == temporary_root(one)
    assert temporary_root(one) != temporary_root(other)
    assert temporary_root(one).name.startswith("churn-")
    assert temporary_root(one).parent == tmp_path / "cache" / "bakeoff" / "notebooks"


def test_settings_of_the_environment_are_those_of_other_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEOFF_DATABASE_URL", "postgresql://elsewhere/db")
    configuration = temporary_configuration(tmp_path, workers=None)

    assert configuration.database_url.startswith(f"sqlite:///{tmp_path / 'cache'}")
    environment = {"BAKEOFF_DATABASE_URL": "x", "HOME": "h"}
    theirs = worker_environment(environment, ["/mine"], with_settings=False)
    assert theirs == {"HOME": "h", "PYTHONPATH": "/mine"}
    assert worker_environment(environment, [], with_settings=True)["BAKEOFF_DATABASE_URL"] == "x"


def test_the_number_of_workers_is_kept_until_another_is_asked_for(tmp_path: Path) -> None:
    numbers = [
        temporary_configuration(tmp_path, workers=wanted).settings.eval_workers for wanted in (3, None, 1)
    ]
    assert numbers == [3, 3, 1]


def test_a_cache_that_cannot_be_written_is_named_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(
        InfrastructureError, match=r"cannot be written .* set XDG_CACHE_HOME to a folder that you"
    ):
        make_temporary_project(tmp_path, workers=None)


def test_a_project_of_an_earlier_day_that_is_read_only_now_is_named_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_temporary_project(tmp_path, workers=None)
    monkeypatch.setattr(os, "access", lambda _, wanted: wanted != os.W_OK)

    with pytest.raises(InfrastructureError, match=r"cannot be written \(Permission denied\): set XDG_CACHE"):
        make_temporary_project(tmp_path, workers=None)
