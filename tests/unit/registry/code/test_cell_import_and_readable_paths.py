import os
import sys
from pathlib import Path

import pytest

from bakeoff.domain.candidate import Candidate, PipelineStep
from registry.code.cell_import_and_readable_paths import class_paths, import_path, readable_paths
from registry.code.class_import import add_to_import_path


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [sys.prefix + "/lib/python", "", "relative"])
    for name in ("models", "config", "data/snapshots", "var/data", "var/log", ".git"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / ".env").write_text("TOKEN=abc")
    return tmp_path


def names(paths, root):
    return [str(path.relative_to(root)) for path in paths]


def test_modules_are_sought_where_this_process_seeks_them_and_last_below_the_root(root, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, "/opt/plugins", str(root), "/opt/more"])

    assert import_path(root) == ("/opt/plugins", str(root), "/opt/more")
    assert import_path(Path("/srv/project")) == ("/opt/plugins", str(root), "/opt/more", "/srv/project")


def test_modules_of_another_project_that_this_process_works_with_are_left_out(root, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    for project in (other, root):
        add_to_import_path(project)

    assert str(other) not in import_path(root)
    assert str(root) in import_path(root)


def test_all_but_what_is_hidden_is_readable(root):
    assert names(readable_paths(root), root) == ["config", "data", "models", "var"]


def test_what_is_closed_is_left_out_however_deep_it_lies(root):
    assert names(readable_paths(root, closed=[root / "data"]), root) == ["config", "models", "var"]
    assert names(readable_paths(root, closed=[root / "var" / "data"]), root) == [
        "config",
        "data",
        "models",
        "var/log",
    ]
    assert readable_paths(root, closed=[root]) == ()


def test_a_link_to_what_is_closed_opens_nothing(root):
    (root / "latest").symlink_to(root / "data" / "snapshots")

    assert names(readable_paths(root, closed=[root / "data"]), root) == ["config", "models", "var"]


def look_twice(root, **given):
    """At folders that have not changed for long."""
    for folder in (root, *root.iterdir()):
        if folder.is_dir():
            os.utime(folder, (0, 0))
    assert readable_paths(root, **given) == readable_paths(root, **given)
    return names(readable_paths(root, **given), root)


def test_what_comes_or_goes_is_seen_by_the_next_who_looks(root):
    assert look_twice(root) == ["config", "data", "models", "var"]
    (root / "plugins").mkdir()
    os.utime(root, (1, 1))  # long ago, too
    assert names(readable_paths(root), root) == ["config", "data", "models", "plugins", "var"]
    (root / "plugins").rmdir()
    assert names(readable_paths(root), root) == ["config", "data", "models", "var"]


def test_what_comes_beside_something_closed_is_seen_by_the_next_who_looks(root):
    closed = [root / "var" / "data"]
    assert look_twice(root, closed=closed) == ["config", "data", "models", "var/log"]
    (root / "var" / "more").mkdir()

    assert names(readable_paths(root, closed=closed), root) == [
        "config",
        "data",
        "models",
        "var/log",
        "var/more",
    ]


def test_what_is_closed_later_is_closed(root):
    assert look_twice(root) == ["config", "data", "models", "var"]
    assert names(readable_paths(root, closed=[root / "data"]), root) == ["config", "models", "var"]


def test_a_link_that_leads_to_something_closed_from_now_on_opens_nothing(root, tmp_path_factory):
    current = tmp_path_factory.mktemp("releases") / "current"
    current.symlink_to(root / "models")
    (root / "latest").symlink_to(current)
    assert look_twice(root, closed=[root / "data"]) == ["config", "latest", "models", "var"]
    current.unlink()
    current.symlink_to(root / "data")

    assert names(readable_paths(root, closed=[root / "data"]), root) == ["config", "models", "var"]


def test_the_folder_of_a_candidate_that_is_a_file_is_readable_wherever_it_lies(root, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    for name in ("mine.py", "table.csv", ".env"):
        (outside / name).write_text("")
    mine = Candidate(id="mine", version="1", path=f"{outside}/mine.py:Mine")

    opened = set(readable_paths(root, candidates=[mine], closed=[outside / "table.csv"]))

    assert outside / "mine.py" in opened
    assert not {outside, outside / "table.csv", outside / ".env"} & opened


def test_a_candidate_is_made_of_the_classes_of_its_steps_and_parameters():
    inner = {"class": "b.py:B", "params": {"c": [{"class": "c:C"}], "plain": {"class": 3}}}
    single = Candidate(id="x", version="1", path="a:A", params={"b": inner})
    steps = Candidate(
        id="y", version="1", steps=(PipelineStep(path="a:A"), PipelineStep(path="b:B", params={"b": inner}))
    )

    assert list(class_paths(single)) == ["a:A", "b.py:B", "c:C"]
    assert list(class_paths(steps)) == ["a:A", "b:B", "b.py:B", "c:C"]
