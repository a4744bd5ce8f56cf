"""A run whose judges are killed gets one verdict in the end, always the same, and its end is told once."""

import os
import subprocess
import sys
from pathlib import Path
from signal import SIGKILL

import pytest
import yaml
from fixtures.projects.interrupted import INTERRUPTED, SAVER
from fixtures.projects.kitchen import ROOT
from fixtures.projects.project import wait_for
from fixtures.servers import warm
from fixtures.values.samples import a_job, a_result, a_run
from fixtures.values.stored import claim, sketches_of_scores
from sqlalchemy import Engine

from bakeoff.domain.event import EventType
from bakeoff.operations.context import Context
from bakeoff.operations.judging.compute_run_verdict import verdict_of
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import leased_jobs, outbox, run_rows
from bakeoff.store.bakeoffs.results import verdict_rows
from bakeoff.store.database import schema_version

STEPS = [
    ("after", "bakeoff.store.bakeoffs.results.verdict_rows:take"),
    ("after", "bakeoff.store.bakeoffs.job_queries:results_of_run"),
    ("after", "bakeoff.operations.judging.compute_run_verdict:verdict_of"),
    ("before", "bakeoff.store.bakeoffs.results.verdict_rows:finish"),
    ("before", "bakeoff.store.bakeoffs.results.verdict_rows:announce_end"),
    ("after", "bakeoff.store.bakeoffs.results.verdict_rows:finish"),
]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bakeoff.yaml").write_text(yaml.safe_dump({"leaseSeconds": 1}))
    found = Context(load(tmp_path / "config", environment={}))
    schema_version.ensure(found.engine)
    return found


def an_ended_run(engine: Engine) -> str:
    run = a_run()
    jobs = [a_job(run, place) for place in range(2)]
    assert run_rows.create(engine, run, jobs)
    for job, f1 in zip(jobs, (0.25, 0.75), strict=True):
        result = a_result(job, metrics={"f1": f1, "accuracy": f1})
        sketches = sketches_of_scores(f1=f1)
        assert leased_jobs.complete(engine, claim(engine, job).lease, result, sketches=sketches)
    return run.id


def saver(context: Context, *arguments: str, script: str) -> int:
    environment = {**os.environ, "BAKEOFF_CONFIG": str(context.configuration.file), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-c", script, *arguments]
    process = warm.Popen(command, cwd=context.configuration.root, env=environment, stdin=subprocess.DEVNULL)
    return process.wait(60)


def ends_told(engine: Engine, run_id: str) -> int:
    told = [one.event for one in outbox.pending(engine, limit=100)]
    return sum(one.type is EventType.RUN_COMPLETED and one.run_id == run_id for one in told)


@pytest.mark.parametrize(("when", "step"), STEPS)
def test_a_judge_that_is_killed_leaves_the_run_to_the_next_one_with_the_same_verdict(
    context: Context, when: str, step: str
) -> None:
    engine, run_id = context.engine, an_ended_run(context.engine)
    expected = verdict_of(context, run_rows.get(engine, run_id))

    assert saver(context, str(SIGKILL), when, step, script=INTERRUPTED) == -SIGKILL
    wait_for(
        lambda: verdict_rows.due(engine) or not verdict_rows.is_pending(engine, run_id),
        "the end of the lease",
    )
    assert saver(context, script=SAVER) == 0

    assert expected.best == "m1"
    assert verdict_rows.of_run(engine, run_id) == expected
    assert ends_told(engine, run_id) == 1
