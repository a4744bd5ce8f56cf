"""What the catalog and the settings may open to candidates from outside, and what stays closed."""

import re
from pathlib import Path

import pytest

from bakeoff.domain.candidate import Candidate
from registry.code.permitted_environment_and_files import (
    below_home,
    name_problem,
    outside_paths,
    path_problem,
    variables_of,
    with_access_of_all,
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a home folder, with data, a secret, and weights beside it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for folder in ("project/data/snapshots", "project/models", ".cache/hub", ".ssh", "shared"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "shared" / "labels.csv").write_text("y\n")
    (tmp_path / "trap").symlink_to(tmp_path / "project" / "data")
    return tmp_path / "project"


def closed(root: Path) -> list[Path]:
    return [root / "data", root.parent / "shared" / "labels.csv"]


def a_candidate(*, env: tuple[str, ...] = (), readable: tuple[str, ...] = ()) -> Candidate:
    return Candidate(id="m", version="1", path="m:M", env=env, readable=readable)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/", "holds the whole project"),
        ("~", "holds the whole home folder"),
        ("~/project", "holds the whole project"),
        ("data/snapshots", "is part of .*data, which holds data or secrets"),
        ("~/trap/snapshots", "is part of .*data, which holds data or secrets"),
        ("~/shared", "holds .*labels.csv, which stays closed"),
        ("~/shared/labels.csv", "is part of .*labels.csv"),
        ("~/.ssh", "is part of .*ssh"),
        (
            "~/.cache/huggingface",
            "holds .*huggingface/token, which stays closed: name a folder that does not",
        ),
        ("~/.cache/huggingface/token", "is part of .*huggingface/token"),
        ("~/.config", "holds .*gcloud, which stays closed"),
        ("~/.docker/config.json", "is part of .*docker"),
        ("models/.env", "is a hidden file of the project"),
    ],
)
def test_a_path_that_would_show_labels_or_secrets_is_refused(root: Path, path: str, says: str) -> None:
    assert re.match(rf"{re.escape(path)} {says}", str(path_problem(path, root, closed(root))))
    assert outside_paths([a_candidate(readable=(path,))], root, closed(root)) == ()


def test_a_folder_of_weights_is_opened_and_appears_in_the_home_of_the_cell(root: Path) -> None:
    one = a_candidate(readable=("~/.cache/hub", "~/.cache/absent"))
    weights = (root.parent / ".cache" / "hub").resolve()

    assert outside_paths([one], root, closed(root)) == (weights,)
    assert below_home([one], root, closed(root)) == {".cache/hub": weights}


def test_of_two_that_lie_in_one_another_the_cell_has_a_link_to_the_outer_one_alone(root: Path) -> None:
    cache = (root.parent / ".cache").resolve()
    (cache / "other").mkdir()
    (root.parent / ".local" / "hub").mkdir(parents=True)
    both = a_candidate(
        readable=("~/.local/hub", "~/.cache/hub/x", "~/.cache/other", "~/.cache/hub", "~/.local")
    )
    (cache / "hub" / "x").mkdir()

    assert below_home([both], root, closed(root)) == {
        ".cache/other": cache / "other",
        ".cache/hub": cache / "hub",
        ".local": cache.parent / ".local",
    }


def test_no_link_is_made_outside_the_home_of_the_cell(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "in").mkdir()
    (root.parent / "out").symlink_to(elsewhere / "in")
    paths = (f"~/../{root.parent.name}/shared/../.cache/hub", f"~/../../{elsewhere.name}", "~/out/..")
    one = a_candidate(readable=paths)

    assert below_home([one], root, ()) == {".cache/hub": (root.parent / ".cache" / "hub").resolve()}


@pytest.mark.parametrize(
    "name", ["HF_TOKEN=abc", "", "1A", "BAKEOFF_API_TOKEN", "LD_PRELOAD", "PYTHONPATH", "HOME"]
)
def test_a_variable_that_would_change_the_cell_or_hold_a_secret_of_ours_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("BAKEOFF_API_TOKEN", "secret")

    assert name_problem(name) is not None
    assert variables_of([a_candidate(env=(name,))]) == {}


def test_the_value_is_that_of_this_process_and_no_other_variable_goes_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_123")
    monkeypatch.setenv("OTHER", "x")

    assert variables_of([a_candidate(env=("HF_TOKEN", "ABSENT"))]) == {"HF_TOKEN": "hf_123"}


def test_what_the_settings_open_to_all_comes_beside_what_is_of_one() -> None:
    both = with_access_of_all(a_candidate(env=("A",), readable=("~/a",)), ["A", "B"], ["~/b"])

    assert (both.env, both.readable) == (("A", "B"), ("~/a", "~/b"))
