"""Whatever is killed or stopped, a run of signals ends once, and its ensemble is what its models said."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date

import joblib
import pytest
from fixtures.projects.kitchen import is_alive
from fixtures.projects.project import Worker, celery_app, wait_for
from fixtures.projects.signals import SYMBOLS, SignalProject, a_signal_project

from bakeoff.store.bakeoffs import cancellation
from registry import ModelRegistry
from tasks import enqueue

LEASE_S = 2


@pytest.fixture(scope="module")
def project() -> Iterator[SignalProject]:
    with a_signal_project({}, leaseSeconds=LEASE_S, evalWorkers=2) as project:
        project.write_signal_models(
            {
                "optimist": {"path": "Says"},
                "untrained": {},
                "learned": {},
                **{
                    f"waits-{place}": {"path": "Waits", "params": {"gate": str(project.gate(place))}}
                    for place in ("killed", "twice", "cancelled", "last")
                },
            }
        )
        yield project


@pytest.fixture(scope="module")
def crew(project: SignalProject) -> Iterator[Callable[[], Worker]]:
    """A worker that is alive: that of the test before, unless it was killed."""
    with ExitStack() as until_the_end:
        crew: list[Worker] = []

        def one() -> Worker:
            if not crew or crew[-1].has_ended():
                crew.append(until_the_end.enter_context(project.worker()))
            return crew[-1]

        yield one


@pytest.fixture
def worker(crew: Callable[[], Worker]) -> Worker:
    return crew()


def wait_until_asked(project: SignalProject, run_id: str, model: str, times: int = 1) -> int:
    """For the so-manieth time; the process of its cell."""
    wait_for(lambda: project.log(run_id, model).count("waiting") == times, "the question")
    return int(project.log(run_id, model).split()[-1])


def told(project: SignalProject, run_id: str) -> list[str]:
    """Each once: it may be told twice."""
    return [str(event.type) for event in {e.id: e for e in project.wait_for_events(run_id)}.values()]


@pytest.mark.usefixtures("worker")
def test_a_cell_that_is_killed_costs_an_attempt_and_no_answer(project: SignalProject) -> None:
    day = date(2025, 1, 11)
    run_id = project.generate("optimist", "waits-killed", as_of=day)
    os.kill(wait_until_asked(project, run_id, "waits-killed"), signal.SIGKILL)
    wait_until_asked(project, run_id, "waits-killed", times=2)
    project.gate("killed").touch()

    assert project.wait_for_end(run_id) == "completed"
    assert project.job(run_id, "waits-killed").attempt == 2
    assert len(project.ensemble(day)) == 3


@pytest.mark.usefixtures("worker")
def test_a_message_that_comes_again_and_again_changes_nothing(project: SignalProject) -> None:
    run_id = project.generate("optimist", "waits-twice", as_of=date(2025, 1, 12))
    wait_until_asked(project, run_id, "waits-twice")
    for job in 3 * list(project.jobs(run_id).values()):
        celery_app().send_task("bakeoff.evaluate", kwargs={"jobId": job.id}, queue="evaluations")
    project.gate("twice").touch()
    project.wait_for_end(run_id)
    wait_for(lambda: project.redis.llen("evaluations") == 0, "the end of all messages")
    kinds = told(project, run_id)

    assert [job.attempt for job in project.jobs(run_id).values()] == [1, 1]
    assert kinds.count("evaluation.completed") == 2
    assert kinds.count("SIGNAL_GENERATED") == kinds.count("run.completed") == 1


@pytest.mark.usefixtures("worker")
def test_a_cancelled_run_leaves_no_ensemble_and_no_cell(project: SignalProject) -> None:
    day = date(2025, 1, 13)
    run_id = project.generate("waits-cancelled", as_of=day)
    cell = wait_until_asked(project, run_id, "waits-cancelled")
    assert cancellation.cancel_run(project.engine, run_id)
    wait_for(lambda: not is_alive(cell), "the end of the cell")

    assert project.wait_for_end(run_id) == "cancelled"
    assert project.ensemble(day) == []
    assert told(project, run_id) == ["evaluation.started", "evaluation.cancelled", "run.completed"]


@pytest.mark.usefixtures("worker")
def test_a_retry_asks_those_alone_that_had_not_answered_with_what_was_trained_since(
    project: SignalProject,
) -> None:
    day = date(2025, 1, 14)
    first = project.generate_to_the_end("optimist", "untrained", as_of=day)
    assert project.states(first) == {"optimist": "completed", "untrained": "failed"}
    assert project.ensemble(day) == []
    ModelRegistry(project.configuration.registry_path).save_model({}, "never_saved")

    again = enqueue.retry(first)
    assert project.wait_for_end(again) == "completed"
    assert project.log(again, "optimist") == ""
    assert project.results(again)["optimist"].reused_from == project.job(first, "optimist").id
    assert [one.models_contributing for one in project.ensemble(day)] == 3 * [("optimist", "untrained")]
    assert not list(project.configuration.copies.glob("*"))


def test_another_worker_finishes_what_a_killed_one_had_begun_and_what_was_damaged_meanwhile_is_not_loaded(
    project: SignalProject, worker: Worker
) -> None:
    registry = ModelRegistry(project.configuration.registry_path)
    for name in ("learned_level", "learned_slope"):
        registry.save_model({"level": 0.9}, name)
    run_id = project.generate("optimist", "waits-last")
    cell = wait_until_asked(project, run_id, "waits-last")
    wait_for(lambda: project.states(run_id)["optimist"] == "completed", "the other one")
    worker.kill()
    assert not is_alive(cell)
    late = project.generate("learned", "optimist", as_of=date(2025, 1, 15))
    joblib.dump({"level": 0.1}, registry.get("learned_level/1.0.0").file_path)
    with project.worker(name="next"):
        wait_until_asked(project, run_id, "waits-last", times=2)
        project.gate("last").touch()
        assert project.wait_for_end(run_id) == "completed"
        assert project.wait_for_end(late) == "partial"
        kinds = told(project, run_id)

    assert project.job(run_id, "waits-last").attempt == 2
    assert kinds.count("evaluation.completed") == 2
    assert kinds[-2:] == ["SIGNAL_GENERATED", "run.completed"]
    assert [one.symbol for one in project.ensemble()] == list(SYMBOLS)
    error = project.job(late, "learned").error
    assert error is not None
    assert "is not the file that was saved" in error.message
    assert "bakeoff signals train learned" in error.hint
