"""What a worker loads, and what it starts, before it is ready."""

import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.cell.oven.oven_handle import Oven
from bakeoff.settings.configuration import load
from bakeoff.worker import celery_process, early_oven, worker_processes


def test_a_worker_imports_no_other_command_of_celery_and_no_flower() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *celery_process.WORKER[1:], "--help"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "--for-owner" in done.stdout, done.stderr[-2000:]
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "celery.bin.worker" in imported
    assert not {"celery.bin.celery", "flower", "tornado", "prompt_toolkit", "alembic"} & imported


def test_the_oven_is_started_as_the_command_of_the_worker_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/bakeoff.yaml").write_text("preload: []\n")
    started = []
    monkeypatch.setattr(Oven, "start", lambda **given: started.append(given) or "the oven")
    arguments = worker_processes.eval_command(load(tmp_path / "config/bakeoff.yaml", environment={}), "INFO")

    early_oven.start_first(arguments)

    assert early_oven.OVEN_FIRST not in arguments
    assert arguments[-1] == "eval@%h"
    assert "pandas" in started[0]["preload"]
    assert "sklearn.tree" not in started[0]["preload"]
    assert str(tmp_path) in started[0]["import_path"]
    assert tmp_path / "config/bakeoff.yaml" in started[0]["closed"]
    assert [early_oven.take(), early_oven.take()] == ["the oven", None]
