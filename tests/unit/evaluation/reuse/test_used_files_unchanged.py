"""What a witness told is held against the disk: what was used is remembered, and any change of it is seen."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from bakeoff.evaluation.reuse.used_files_unchanged import (
    ObstacleError,
    first_change,
    packages_in,
    verify_audit,
)
from registry.code.candidate_code import Code, code_at

NOTHING: dict[str, Any] = {"files": [], "folders": [], "packages": [], "actions": []}
#: Of a cell that was ordered long after everything was written.
LATER = time.time() + 3600


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "weights.json").write_text("1")
    (tmp_path / "mine.py").write_text("x = 1\n")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.csv").write_text("")
    return tmp_path


def code(root: Path) -> Code:
    return code_at(["mine.py"], root=root)


def verified(root: Path, *, since: float = LATER, **told: list[str]) -> dict[str, str]:
    return verify_audit({**NOTHING, **told}, code(root), root=root, since=since)


def of_all(root: Path) -> dict[str, str]:
    files = ["weights.json", "none.json", "mine.py", "__pycache__/mine.cpython-311.pyc"]
    return verified(
        root,
        files=[f"{root}/{name}" for name in files],
        folders=[f"{root}/tables"],
        packages=["lightgbm"],
    )


def test_what_was_used_beside_the_code_is_remembered(root: Path) -> None:
    seen = of_all(root)

    assert list(seen) == ["file weights.json", "file none.json", "file tables", "package lightgbm"]
    assert list(packages_in(seen)) == ["lightgbm"]
    assert first_change(seen, root=root) is None


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda root: (root / "weights.json").write_text("2"), "file weights.json"),
        (lambda root: (root / "weights.json").unlink(), "file weights.json"),
        (lambda root: (root / "none.json").write_text(""), "file none.json"),
        (lambda root: (root / "tables" / "b.csv").write_text(""), "file tables"),
        (lambda root: (root / "tables" / "a.csv").rename(root / "a.csv"), "file tables"),
    ],
)
def test_any_change_of_it_is_seen(root: Path, change: Any, what: str) -> None:
    seen = of_all(root)
    change(root)

    assert first_change(seen, root=root) == what


def test_another_version_of_a_package_is_seen(root: Path) -> None:
    seen = {**of_all(root), "package lightgbm": "0.1 aa"}

    assert first_change(seen, root=root) == "package lightgbm"


def test_a_change_within_the_same_tick_is_seen(root: Path) -> None:
    """Times and size tell nothing of a file that was touched of late."""
    file = root / "weights.json"
    for content in ("2", "3", "4"):
        before = file.stat()
        file.write_text(content)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        seen = of_all(root)
        file.write_text("9")
        assert first_change(seen, root=root) == "file weights.json"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"actions": ["it connects to 10.0.0.1"]}, "it connects to 10.0.0.1"),
        ({"files": ["/p/quick.abi3.so"]}, "it loads /p/quick.abi3.so, which is compiled"),
        ({"packages": ["nobodys"]}, "it uses the installed module nobodys, which belongs to no distribution"),
    ],
)
def test_what_nobody_can_look_into_is_an_obstacle(root: Path, told: dict[str, list[str]], said: str) -> None:
    with pytest.raises(ObstacleError, match=said):
        verified(root, **told)


def test_a_compiled_module_of_the_project_is_an_obstacle(root: Path) -> None:
    (root / "mine.py").write_text("import quick\n")
    (root / "quick.abi3.so").write_text("")

    with pytest.raises(ObstacleError, match="quick is compiled"):
        verified(root)


def test_what_was_touched_while_the_cell_ran_is_an_obstacle(root: Path) -> None:
    with pytest.raises(ObstacleError, match=r"weights\.json was changed while it ran"):
        verified(root, files=[f"{root}/weights.json"], since=time.time() - 1)


def test_what_cannot_be_read_to_its_end_is_an_obstacle(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "endless").symlink_to("/proc/cpuinfo")
    with (root / "large").open("wb") as large:
        large.truncate(2**32 + 1)

    for name in ("pipe", "endless", "large"):
        with pytest.raises(ObstacleError, match="which is too large to be hashed, or no file"):
            verified(root, files=[f"{root}/{name}"])


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {},
        {**NOTHING, "files": None},
        {**NOTHING, "actions": [1]},
        {**NOTHING, "packages": "lightgbm"},
        {**NOTHING, "files": ["/a\0b"]},
    ],
)
def test_a_forged_audit_is_an_obstacle(root: Path, told: Any) -> None:
    with pytest.raises(ObstacleError, match="its cell does not say what it used"):
        verify_audit(told, code(root), root=root, since=LATER)
