"""The commit that a fit was made at, read from the files of git as git reads them."""

import subprocess
from pathlib import Path

import pytest

from bakeoff.evaluation.reuse.job_provenance import commit_of, processor


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "below").mkdir(parents=True)
    git(folder, "init")
    git(folder, "commit", "--allow-empty", "-m", "one")
    return folder


@pytest.mark.parametrize(
    "state",
    [
        [],
        [("commit", "--allow-empty", "-m", "two")],
        [("pack-refs", "--all")],
        [("checkout", "--detach")],
        [("checkout", "-b", "feature/x"), ("commit", "--allow-empty", "-m", "two")],
    ],
)
def test_it_is_the_commit_that_git_tells(checkout: Path, state: list[tuple[str, ...]]) -> None:
    for arguments in state:
        git(checkout, *arguments)

    assert commit_of(checkout / "below") == git(checkout, "rev-parse", "HEAD")


def test_a_worktree_has_a_commit_of_its_own(checkout: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(checkout, "worktree", "add", "-b", "other", str(other))
    git(other, "commit", "--allow-empty", "-m", "two")

    assert commit_of(other) == git(other, "rev-parse", "HEAD") != commit_of(checkout)


def test_outside_of_a_checkout_there_is_none(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None


def test_a_checkout_without_a_commit_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init")

    assert commit_of(tmp_path) is None


def test_a_processor_has_a_name() -> None:
    assert processor()
