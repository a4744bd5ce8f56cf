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
    with a_project({name: {"path": "Means"} for name in MODELS}, **request.param) as project:
        yield project


def running(project: Project) -> dict[str, int]:
    by_node = (
        select(tables.jobs.c.node, func.count())
        .where(tables.jobs.c.state == "running")
        .group_by(tables.jobs.c.node)
    )
    with reading(project.engine) as connection:
        return {node: count for node, count in connection.execute(by_node)}


def watch(project: Project, run_id: str) -> list[dict[str, int]]:
    """How many were running on each node, looked at again and again until the run was over."""
    seen: list[dict[str, int]] = []

    def is_over() -> bool:
        seen.append(running(project))
        return project.state(run_id).has_ended

    wait_for(is_over, "the end of the run")
    return seen


@pytest.mark.parametrize("project", [{"evalWorkers": 2}], indirect=True)
def test_two_workers_with_five_processes_each_run_two_jobs_at_once(project: Project) -> None:
    with project.worker("-c", "5", name="one"), project.worker("-c", "5", name="two"):
        seen = watch(project, project.start(*MODELS))

    assert max(sum(counts.values()) for counts in seen) == 2


@pytest.mark.parametrize("project", [{"evalWorkers": 2, "maxRunning": 3}], indirect=True)
def test_two_machines_share_what_may_run_at_once_and_neither_has_more_than_its_own(project: Project) -> None:
    with (
        project.worker("-c", "4", name="one", BAKEOFF_NODE_NAME="here"),
        project.worker("-c", "4", name="two", BAKEOFF_NODE_NAME="there"),
    ):
        seen = watch(project, project.start(*MODELS))

    assert max(sum(counts.values()) for counts in seen) <= 3
    assert max(count for counts in seen for count in counts.values()) <= 2
    assert {node for counts in seen for node in counts} == {"here", "there"}


@pytest.mark.parametrize("project", [{}], indirect=True)
def test_metrics_are_the_same_however_many_run_at_once(project: Project) -> None:
    found = []
    for workers in ("1", "2", "3"):
        with project.worker(BAKEOFF_EVAL_WORKERS=workers):
            run_id = project.run(*MODELS[:4], seed=3)
            found.append(project.metrics(run_id))

    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 4
