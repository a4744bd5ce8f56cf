"""How many evaluations run at once, whoever runs them, and that it makes no difference to what they find."""

import os
from collections.abc import Iterator

import pytest
import yaml
from fixtures.projects.project import Project, a_project, wait_for
from sqlalchemy import func, select

from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import reading

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
        select(all_tables.jobs.c.node, func.count().label("number"))
        .where(all_tables.jobs.c.state == "running")
        .group_by(all_tables.jobs.c.node)
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


def change_caps(project: Project, **caps: int) -> None:
    """As an operator does it who has an editor."""
    given = yaml.safe_load(project.file.read_text())
    draft = project.file.with_suffix(".draft")
    draft.write_text(yaml.safe_dump({**given, **caps}))
    draft.replace(project.file)


def end_one(project: Project, run_id: str) -> None:
    model = next(model for model, state in project.states(run_id).items() if state == "running")
    project.gate(model).touch()
    wait_for(lambda: project.job(run_id, model).state == "completed", f"the end of {model}")


@pytest.mark.parametrize("project", [{"evalWorkers": 1, "maxRunning": 2, "leaseSeconds": 600}], indirect=True)
def test_both_caps_are_raised_and_lowered_while_runs_go_on(project: Project) -> None:
    """On two machines. Nobody is interrupted, nothing is started again, and no sweep has to help."""
    project.write_catalog(
        {name: {"path": "Waits", "params": {"gate": str(project.gate(name))}} for name in MODELS}
    )
    with (
        project.worker(name="one", BAKEOFF_NODE_NAME="here") as one,
        project.worker(name="two", BAKEOFF_NODE_NAME="there") as two,
    ):
        pool = one.pool
        run_id = project.start(*MODELS)
        wait_for(lambda: running(project) == {"here": 1, "there": 1}, "a full house")

        change_caps(project, evalWorkers=3, maxRunning=5)
        wait_for(lambda: sum(running(project).values()) == 5, "a full house of five")
        assert sorted(running(project).values()) == [2, 3]
        assert set(pool) < set(one.pool)

        change_caps(project, evalWorkers=2, maxRunning=3)
        said = "from now on 2 evaluations at once here, and 3 in all"
        wait_for(lambda: said in one.log and said in two.log, "the change")
        assert sum(running(project).values()) == 5
        for left in (4, 3, 3, 3):
            end_one(project, run_id)
            wait_for(lambda left=left: sum(running(project).values()) == left, f"{left} running")
        assert max(running(project).values()) == 2

        change_caps(project, evalWorkers=4, maxRunning=8)
        wait_for(lambda: sum(running(project).values()) == 8, "a full house of eight")
        assert running(project) == {"here": 4, "there": 4}
        for model in MODELS:
            project.gate(model).touch()
        assert project.wait_for_end(run_id) == "completed"
        assert {job.attempt for job in project.jobs(run_id).values()} == {1}

    cores = len(os.sched_getaffinity(0))
    threads = [result.cost.granted_threads for _, result in sorted(project.results(run_id).items())]
    assert (threads[0], threads[-1]) == (cores, max(1, cores // 4))


@pytest.mark.parametrize("project", [{"evalWorkers": 3}], indirect=True)
def test_a_worker_whose_pool_is_larger_takes_no_message_that_it_would_have_to_refuse(
    project: Project,
) -> None:
    with project.worker() as worker:
        change_caps(project, evalWorkers=1)
        wait_for(lambda: "from now on 1 evaluations at once here, and 1 in all" in worker.log, "the change")
        watch(project, project.start(*MODELS), full=1)

        assert "all slots are taken" not in worker.log


@pytest.mark.parametrize("project", [{"evalWorkers": 1}], indirect=True)
def test_a_mistake_in_the_file_is_told_once_and_the_caps_stay(project: Project) -> None:
    with project.worker() as worker:
        change_caps(project, evalWorkers=30)
        wait_for(lambda: "evalWorkers and maxRunning stay as they are" in worker.log, "a word about it")
        change_caps(project, evalWorkers=2)
        seen = watch(project, project.start(*MODELS), full=2)

        assert max(sum(counts.values()) for counts in seen) == 2
        assert worker.log.count("evalWorkers is 30: input should be less than or equal to 10") == 1


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
