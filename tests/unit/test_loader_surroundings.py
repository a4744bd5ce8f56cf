import sys
from pathlib import Path

import pytest

from registry.surroundings import import_path, readable


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


def test_all_but_what_is_hidden_is_readable(root):
    assert names(readable(root), root) == ["config", "data", "models", "var"]


def test_what_is_closed_is_left_out_however_deep_it_lies(root):
    assert names(readable(root, closed=[root / "data"]), root) == ["config", "models", "var"]
    assert names(readable(root, closed=[root / "var" / "data"]), root) == [
        "config",
        "data",
        "models",
        "var/log",
    ]
    assert readable(root, closed=[root]) == ()


def test_a_link_to_what_is_closed_opens_nothing(root):
    (root / "latest").symlink_to(root / "data" / "snapshots")

    assert names(readable(root, closed=[root / "data"]), root) == ["config", "models", "var"]
