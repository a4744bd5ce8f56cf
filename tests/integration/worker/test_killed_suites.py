"""A suite whose process is killed between two of its runs: the workers that are left complete it."""

import signal
from collections.abc import Iterator

import pytest
from fixtures.projects.project import Project, a_project, wait_for

from bakeoff.operations.suites.suite_report import SuiteState, read_suite
from bakeoff.store.bakeoffs import run_rows, suite_rows

SCRIPT = """
import os, signal
from tasks.celery import process_context
from bakeoff.operations.suites.start_suite import new_suite, start_suite

def killed(dataset, what):
    if what == "started":
        os.kill(os.getpid(), signal.SIGKILL)

context = process_context()
start_suite(context, new_suite(context, "both"), progress=killed)
"""


@pytest.fixture
def project() -> Iterator[Project]:
    one = {"source": "csv", "path": "data.csv", "target": "y"}
    with a_project(
        {"good": {"path": "Means"}},
        datasets={"tiny": one, "again": one},
        suites={"both": {"datasets": ["tiny", "again"], "models": ["good"]}},
        modelRegistry={"backend": "none"},
    ) as made:
        yield made


def test_the_run_that_was_not_started_is_started_by_a_worker_once(project: Project) -> None:
    with project.python(SCRIPT) as starting:
        assert starting.wait(60) == -signal.SIGKILL
    (suite,) = suite_rows.page(project.engine, limit=2)
    assert len(run_rows.page(project.engine, limit=9)) == 1

    with project.worker():
        wait_for(lambda: read_suite(project.context, suite.id).verdict, "the verdict of the suite")

    assert read_suite(project.context, suite.id).state is SuiteState.COMPLETED
    assert sorted(one.run.id for one in run_rows.page(project.engine, limit=9)) == sorted(
        member.run_id for member in suite.members
    )
