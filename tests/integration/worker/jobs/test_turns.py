"""Runs that wait for the same slots, on real workers. No sweep comes to help: leases are long."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from fixtures.projects.large import start_large_run
from fixtures.projects.project import Project, a_project, celery_app, wait_for

from bakeoff.domain.ids_and_times import utc_now
from bakeoff.store.bakeoffs import cancellation, run_rows

NAMES = [f"m{n}" for n in range(6)]


@pytest.fixture
def project(request: pytest.FixtureRequest) -> Iterator[Project]:
    """With candidates that wait, each for a gate of its own."""
    with a_project({}, leaseSeconds=600, evalWorkers=getattr(request, "param", 1)) as project:
        waits = {name: {"path": "Waits", "params": {"gate": str(project.gate(name))}} for name in NAMES}
        project.write_catalog({"good": {"path": "Means"}, **waits})
        yield project


def starts(project: Project, *run_ids: str) -> list[str]:
    """The runs whose jobs began, in the order in which they did."""
    jobs = [job for run_id in run_ids for job in project.jobs(run_id).values()]
    return [run_id for _, run_id in sorted((job.started_at, job.run_id) for job in jobs if job.started_at)]


def open_all_gates(project: Project) -> None:
    for name in NAMES:
        project.gate(name).touch()


def wait_until_its_doorbell_stands_for_no_other(project: Project, run_id: str, model: str) -> None:
    project.wait_until_fitting(run_id, model)
    started_at = project.job(run_id, model).started_at
    assert started_at is not None
    wait_for(lambda: utc_now() > started_at + timedelta(seconds=1), "the end of its turn")


def test_a_small_run_is_not_stuck_behind_one_of_a_thousand_jobs(project: Project) -> None:
    with project.worker():
        large = start_large_run(project, project.run("good"), 1_000)
        wait_for(lambda: project.state(large) == "running", "the start of the large run")
        open_all_gates(project)
        small = project.start(*NAMES[:3])
        made_at = run_rows.get(project.engine, small).created_at
        assert project.wait_for_end(small) == "completed"
        cancellation.cancel_run(project.engine, large)

        ended_at = run_rows.get(project.engine, small).ended_at
        meanwhile = [
            job
            for job in project.jobs(large).values()
            if job.started_at and ended_at and made_at < job.started_at < ended_at
        ]
        assert len(meanwhile) <= 6
        assert project.redis.llen("evaluations") <= 2
        project.wait_for_end(large)


def test_an_urgent_run_goes_before_those_that_were_there_before(project: Project) -> None:
    with project.worker() as worker:
        first = project.start("m0")
        wait_until_its_doorbell_stands_for_no_other(project, first, "m0")
        patient = project.start("m1", "m2", "m3")
        urgent = project.start("m4", "m5", priority=7)
        open_all_gates(project)
        for run_id in (first, patient, urgent):
            assert project.wait_for_end(run_id) == "completed"

        assert starts(project, first, patient, urgent) == [first, *[urgent] * 2, *[patient] * 3]
        assert "another run goes first: it stays queued" in worker.log
        assert [job.attempt for job in project.jobs(patient).values()] == [1, 1, 1]


def test_a_priority_may_change_while_runs_go_on(project: Project) -> None:
    with project.worker():
        first = project.start("m0")
        project.wait_until_fitting(first, "m0")
        one, other = project.start("m1", "m2"), project.start("m3", "m4")
        assert run_rows.prioritise(project.engine, one, -1)
        open_all_gates(project)
        for run_id in (first, one, other):
            assert project.wait_for_end(run_id) == "completed"

        assert starts(project, first, one, other) == [first, other, other, one, one]


@pytest.mark.parametrize("project", [2], indirect=True)
def test_a_slot_that_becomes_free_goes_to_the_run_with_fewest(project: Project) -> None:
    with project.worker():
        large = project.start("m0", "m1", "m2", "m3")
        project.wait_until_fitting(large, "m0")
        project.wait_until_fitting(large, "m1")
        small = project.start("m4", "m5")
        project.gate("m0").touch()
        project.wait_until_fitting(small, "m4")
        project.gate("m1").touch()
        project.wait_until_fitting(large, "m2")
        open_all_gates(project)
        assert project.wait_for_end(large) == project.wait_for_end(small) == "completed"

        assert starts(project, large, small)[:4] == [large, large, small, large]


def test_a_doorbell_that_is_revoked_makes_room_for_the_next(project: Project) -> None:
    open_all_gates(project)
    with project.worker():
        wait_for(
            lambda: celery_app().control.broadcast("cancel_consumer", {"queue": "evaluations"}, reply=True)
        )
        run_id = project.start(*NAMES)
        messages = [json.loads(body) for body in project.redis.lrange("evaluations", 0, -1)]
        assert len(messages) == 2
        celery_app().control.revoke([message["headers"]["id"] for message in messages], reply=True)
        celery_app().control.broadcast("add_consumer", {"queue": "evaluations"}, reply=True)

        assert project.wait_for_end(run_id) == "cancelled"
        assert list(project.states(run_id).values()) == ["cancelled"] * 2 + ["completed"] * 4
