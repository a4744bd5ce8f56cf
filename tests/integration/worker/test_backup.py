"""A backup in the middle of a run: from the restored copy the run ends completely, and alike."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures.projects.project import Project, a_project, wait_for
from fixtures.servers import warm


@pytest.fixture
def project() -> Iterator[Project]:
    with a_project({}) as project:
        gate = {"params": {"gate": str(project.gate("open"))}}
        project.write_catalog(
            {"good": {"path": "Means"}, "waits": gate, "other": {"path": "Waits", **gate}, "raises": {}}
        )
        yield project


def bakeoff(project: Project, *arguments: str) -> Any:
    command = [str(Path(sys.executable).with_name("bakeoff")), *arguments, "--json"]
    done = warm.run(
        command, cwd=project.folder, env=project.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_from_a_copy_made_in_the_middle_of_a_run_it_ends_completely_and_alike(project: Project) -> None:
    with project.worker():
        run_id = project.start("waits", "good", "raises", "other")
        project.wait_until_fitting(run_id, "waits")
        wait_for(lambda: project.job(run_id, "raises").state.has_ended, "the end of two")
        project.wait_until_fitting(run_id, "other")
        copy = bakeoff(project, "db", "backup")
        project.gate("open").touch()
        assert project.wait_for_end(run_id) == "partial"
        project.wait_for_events(run_id)
    before = project.metrics(run_id)
    project.engine.dispose()

    restored = bakeoff(project, "db", "restore", copy["file"])
    assert (restored["runs"], restored["needsUpgrade"]) == (1, False)
    assert project.states(run_id) == {
        "waits": "running",
        "good": "completed",
        "raises": "failed",
        "other": "running",
    }
    with project.worker():
        assert project.wait_for_end(run_id) == "partial"
        wait_for(lambda: [event.type for event in project.events(run_id)].count("run.completed") == 2, "it")

    assert project.metrics(run_id) == before
    assert {model: job.attempt for model, job in project.jobs(run_id).items()} == {
        "waits": 2,
        "good": 1,
        "raises": 1,
        "other": 2,
    }
    told = {event.id: event.type for event in project.events(run_id)}
    started = [kind for kind in told.values() if kind == "evaluation.started"]
    assert len(started) == 4
