"""How many evaluations run at once, whoever runs them, and that it makes no difference to what they find."""

from collections.abc import Iterator

import pytest
from fixtures.project import Project, a_project, wait_for
from sqlalchemy import func, select

from store import tables
from store.engine import reading

MODELS = [f"m{n}" for n in range(12)]


@pytest.fixture
def project(request: pytest.FixtureRequest) -> Iterator[Project]:
    """With candidates that wait for a gate to open."""
    with a_project({}, **request.param) as project:
        project.write_catalog(
            {name: {"path": "Waits", "params": {"gate": str(project.gate("open"))}} for name in MODELS}
        )
        yield project


def running(project: Project) -> dict[str, int]:
    by_node = (
        select(tables.jobs.c.node, func.count().label("number"))
        .where(tables.jobs.c.state == "running")
        .group_by(tables.jobs.c.node)
    )
    with reading(project.engine) as connection:
        return {row.node: row.number for row in connection.execute(by_node)}


def watch(project: Project, run_id: str, *, full: int) -> list[dict[str, int]]:
    """How many were running on each node, seen again and again, from `full` slots to the end of the run."""
    seen: list[dict[str, int]] = []

    def look() -> dict[str, int]:
        seen.append(running(project))
        return seen[-1]

    wait_for(lambda: sum(look().values()) == full, "a full house")
    project.gate("open").touch()
    wait_for(lambda: not look() and project.state(run_id).has_ended, "the end of the run")
    return seen


@pytest.mark.parametrize("project", [{"evalWorkers": 2}], indirect=True)
def test_two_workers_with_five_processes_each_run_two_jobs_at_once(project: Project) -> None:
    with project.worker("-c", "5", name="one"), project.worker("-c", "5", name="two"):
        seen = watch(project, project.start(*MODELS), full=2)

    assert max(sum(counts.values()) for counts in seen) == 2


@pytest.mark.parametrize("project", [{"evalWorkers": 2, "maxRunning": 3}], indirect=True)
def test_two_machines_share_what_may_run_at_once_and_neither_has_more_than_its_own(project: Project) -> None:
    with (
        project.worker("-c", "4", name="one", BAKEOFF_NODE_NAME="here"),
        project.worker("-c", "4", name="two", BAKEOFF_NODE_NAME="there"),
    ):
        seen = watch(project, project.start(*MODELS), full=3)

    assert max(sum(counts.values()) for counts in seen) == 3
    assert {max(counts.get(node, 0) for counts in seen) for node in ("here", "there")} <= {1, 2}
    assert {"here", "there"} in [set(counts) for counts in seen]


@pytest.mark.parametrize("project", [{}], indirect=True)
def test_metrics_are_the_same_however_many_run_at_once(project: Project) -> None:
    project.gate("open").touch()
    found = []
    for workers in ("1", "2", "3"):
        with project.worker(BAKEOFF_EVAL_WORKERS=workers):
            run_id = project.run(*MODELS[:4], seed=3)
            found.append(project.metrics(run_id))

    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 4
