"""The worker that is started for a run when no other is there, and kept for the next one."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
from fixtures.projects.project import Project, a_project, wait_for, wait_until_all_have_ended
from fixtures.servers import warm
from fixtures.servers.machines import a_redis
from redis import Redis

from bakeoff.domain.ids_and_times import new_id
from bakeoff.worker.temporary import worker_for_command_run

#: Starts a worker for a run, then the run, and waits for its end; each step when it is told to.
PRODUCER = """
import sys
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from tasks import enqueue
from tasks.celery import process_context
from bakeoff.worker.temporary import worker_for_command_run

run_id, *models = sys.argv[1:]
print(worker_for_command_run.start_for(process_context(), run_id), flush=True)
sys.stdin.readline()
enqueue.start_run(RunRequest(dataset="tiny", models=models, baseline=False, run_id=run_id))
print(enqueue.wait(run_id, timeout_s=60), flush=True)
sys.stdin.readline()
"""

#: The same, but while it waits it replaces a worker that has died.
WATCHFUL = PRODUCER.replace(
    "print(enqueue.wait",
    """
import time
from bakeoff.store.bakeoffs import run_rows
while not run_rows.get(process_context().engine, run_id).state.has_ended:
    if worker_for_command_run.replace_the_dead(process_context(), run_id):
        print("replaced", flush=True)
    time.sleep(0.2)
print(enqueue.wait""",
)


#: With the worker kept for as long as is said.
KEEPING = "import os; os.environ['BAKEOFF_KEEP_WORKER'] = '{seconds}'" + WATCHFUL

#: As `bakeoff run` starts a run. It ends by itself, and says what it has loaded for that.
COMMAND = """
import os, sys, time
os.environ["BAKEOFF_KEEP_WORKER"] = "60"
from bakeoff.cli.project_access import open_project
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from bakeoff.operations.runs.start_run import start_run
from bakeoff.store.bakeoffs import run_rows
from bakeoff.worker.temporary import worker_for_command_run

context, run_id = open_project(None), sys.argv[1]
worker_for_command_run.start_for(context, run_id)
start_run(context, RunRequest(dataset="tiny", models=["good"], baseline=False, run_id=run_id))
began = time.monotonic()
while not run_rows.get(context.engine, run_id).state.has_ended:
    assert time.monotonic() < began + 60
    time.sleep(0.02)
print(sorted({"celery", "kombu", "redis"} & set(sys.modules)))
"""


@pytest.fixture
def project() -> Iterator[Project]:
    with a_project({}) as project:
        gate = str(project.gate("open"))
        project.write_catalog({"good": {"path": "Means"}, "waits": {"params": {"gate": gate}}})
        yield project


class Producer:
    def __init__(self, project: Project, *models: str, script: str = PRODUCER) -> None:
        self.run_id = new_id()
        self.process = project.python(script, self.run_id, *models, stdin=subprocess.PIPE)

    def says(self) -> str:
        assert self.process.stdout is not None
        return str(self.process.stdout.readline().strip())

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def die(self) -> None:
        self.process.kill()
        self.process.communicate()


def temporary(project: Project) -> list[psutil.Process]:
    """The main processes of such workers."""
    return [process for process in project.processes() if _is_main(process)]


def _is_main(process: psutil.Process) -> bool:
    """Its children bear the same arguments."""
    try:
        parent = process.parent()
        above = parent.cmdline() if parent else []
        return "--for-run" in process.cmdline() and "--for-run" not in above
    except psutil.Error:
        return False


def wait_until_it_has_left(project: Project) -> None:
    wait_until_all_have_ended(lambda: temporary(project), "the leaving of the worker")


def test_it_leaves_after_its_run(project: Project) -> None:
    producer = Producer(project, "good")
    assert producer.says() == "True"
    producer.go_on()
    assert producer.says() == "completed"

    wait_until_it_has_left(project)
    producer.process.communicate("\n")
    assert producer.process.returncode == 0


def test_it_finishes_a_run_whose_starter_was_killed(project: Project) -> None:
    producer = Producer(project, "waits", "good")
    producer.says()
    producer.go_on()
    wait_for(project.configuration.log_of(producer.run_id, "x").parent.exists, "the run")
    project.wait_until_fitting(producer.run_id, "waits")
    producer.die()
    project.gate("open").touch()

    assert project.wait_for_end(producer.run_id) == "completed"
    wait_until_it_has_left(project)


def test_whoever_waits_for_the_run_replaces_it_when_it_was_killed(project: Project) -> None:
    producer = Producer(project, "waits", "good", script=WATCHFUL)
    producer.says()
    producer.go_on()
    wait_for(project.configuration.log_of(producer.run_id, "x").parent.exists, "the run")
    project.wait_until_fitting(producer.run_id, "waits")
    temporary(project)[0].kill()

    assert producer.says() == "replaced"
    project.gate("open").touch()
    assert producer.says() == "completed"
    producer.die()
    wait_until_it_has_left(project)


def test_it_leaves_when_its_starter_dies_before_the_run_is_there(project: Project) -> None:
    producer = Producer(project, "good")
    producer.says()
    wait_for(lambda: "ready." in project.configuration.worker_log.read_text(), "the start of the worker")
    assert len(temporary(project)) == 1
    producer.die()

    wait_until_it_has_left(project)


def test_it_serves_whoever_found_it_there_and_comes_a_moment_later(project: Project) -> None:
    first = Producer(project, "good")
    assert first.says() == "True"
    wait_for(lambda: "ready." in project.configuration.worker_log.read_text(), "the start of the worker")
    second = Producer(project, "good")
    assert second.says() == "True"
    assert len(temporary(project)) == 1
    first.go_on()
    assert first.says() == "completed"
    first.die()
    with pytest.raises(psutil.TimeoutExpired):
        temporary(project)[0].wait(2)

    second.go_on()
    assert second.says() == "completed"
    second.die()
    wait_until_it_has_left(project)


def test_none_is_started_beside_a_worker_that_answers(project: Project) -> None:
    with project.worker():
        producer = Producer(project, "good")
        assert producer.says() == "False"
        producer.go_on()
        assert producer.says() == "completed"
        producer.die()


def test_an_interrupt_at_the_terminal_leaves_it_alone(project: Project) -> None:
    producer = Producer(project, "waits")
    producer.says()
    producer.go_on()
    wait_for(project.configuration.log_of(producer.run_id, "x").parent.exists, "the run")
    project.wait_until_fitting(producer.run_id, "waits")
    [worker] = temporary(project)
    producer.process.send_signal(signal.SIGINT)
    producer.process.communicate()

    assert worker.is_running()
    project.gate("open").touch()
    assert project.wait_for_end(producer.run_id) == "completed"
    wait_until_it_has_left(project)


def run_keeping(project: Project, seconds: float, *models: str) -> Producer:
    """A run of which the worker is there yet, though its command has gone."""
    producer = Producer(project, *models, script=KEEPING.format(seconds=seconds))
    assert producer.says() == "True"
    producer.go_on()
    assert producer.says() == "completed"
    producer.process.communicate("\n")
    return producer


def stop_all(project: Project) -> None:
    assert worker_for_command_run.stop_idle(project.context) == 1
    assert temporary(project) == []


def test_the_next_command_finds_it_there(project: Project) -> None:
    run_keeping(project, 60, "good")
    [worker] = temporary(project)
    run_keeping(project, 60, "good")

    assert temporary(project) == [worker]
    stop_all(project)


def test_a_command_starts_a_run_on_a_waiting_worker_without_celery_and_redis(project: Project) -> None:
    run_keeping(project, 60, "good")
    [worker] = temporary(project)
    said = subprocess.run(
        [sys.executable, "-c", COMMAND, new_id()],  # not from the warm server, which has loaded all of it
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert said == "[]\n"
    assert temporary(project) == [worker]
    stop_all(project)


def test_it_leaves_when_no_command_comes_for_a_while(project: Project) -> None:
    run_keeping(project, 2, "good")
    [worker] = temporary(project)
    with pytest.raises(psutil.TimeoutExpired):
        worker.wait(1)

    wait_until_it_has_left(project)


def test_it_leaves_also_when_its_broker_is_gone_for_good() -> None:
    with a_redis() as url, a_project({"good": {"path": "Means"}}, brokerUrl=url) as project:
        run_keeping(project, 2, "good")
        assert len(temporary(project)) == 1
        Redis.from_url(url).shutdown(nosave=True)

        wait_until_it_has_left(project)


def test_one_that_was_started_with_other_settings_is_replaced(project: Project) -> None:
    run_keeping(project, 60, "good")
    [outdated] = temporary(project)
    project.file.write_text(project.file.read_text() + "memoryLimitMb: 900\n")
    run_keeping(project, 60, "good")

    [worker] = temporary(project)
    assert worker != outdated
    stop_all(project)


def test_one_that_is_at_work_is_neither_replaced_nor_stopped(project: Project) -> None:
    first = Producer(project, "waits", script=KEEPING.format(seconds=60))
    first.says()
    first.go_on()
    wait_for(project.configuration.log_of(first.run_id, "x").parent.exists, "the run")
    project.wait_until_fitting(first.run_id, "waits")
    [busy] = temporary(project)
    project.file.write_text(project.file.read_text() + "memoryLimitMb: 900\n")
    second = Producer(project, "good", script=KEEPING.format(seconds=60))

    assert second.says() == "False"
    assert worker_for_command_run.stop_idle(project.context) == 0
    assert temporary(project) == [busy]
    second.go_on()
    assert second.says() == "completed"
    project.gate("open").touch()
    assert first.says() == "completed"
    for command in (first, second):
        command.die()
    stop_all(project)


def test_one_that_dies_after_a_command_has_found_it_is_replaced(project: Project) -> None:
    run_keeping(project, 60, "good")
    [found] = temporary(project)
    second = Producer(project, "waits", script=KEEPING.format(seconds=60))
    second.says()
    second.go_on()
    wait_for(project.configuration.log_of(second.run_id, "x").parent.exists, "the run")
    project.wait_until_fitting(second.run_id, "waits")
    found.kill()

    assert second.says() == "replaced"
    project.gate("open").touch()
    assert second.says() == "completed"
    second.die()
    stop_all(project)


def test_it_leaves_when_its_project_is_removed(project: Project) -> None:
    run_keeping(project, 60, "good")
    [worker] = temporary(project)
    away = project.configuration.data_dir.rename(project.folder / "away")

    worker.wait(20)
    for keeper in project.processes():  # of a Redis that cannot remove its socket without the folder
        keeper.kill()
    shutil.rmtree(project.folder / "t")
    shutil.rmtree(project.configuration.data_dir, ignore_errors=True)
    away.rename(project.configuration.data_dir)  # for what looks at the project after the test


def test_a_worker_that_is_started_to_stay_takes_its_place(project: Project) -> None:
    run_keeping(project, 60, "good")
    with project.launch(sys.executable, "-m", "bakeoff.cli.main", "worker", name="both"):
        wait_until_it_has_left(project)


def test_a_command_stops_it(project: Project) -> None:
    run_keeping(project, 60, "good")
    stop = [sys.executable, "-m", "bakeoff.cli.main", "worker", "--stop"]

    def said() -> str:
        return warm.run(
            stop, cwd=project.folder, env=project.environment, capture_output=True, text=True, check=True
        ).stdout

    assert said() == "stopped\n"
    assert temporary(project) == []
    assert said() == "no worker waits for a next run\n"
