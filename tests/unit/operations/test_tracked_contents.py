"""What is logged of a run: nothing that can happen to one is without a place in MLflow."""

import pytest

from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import RunState
from bakeoff.operations.runs import tracked_contents


@pytest.mark.parametrize("state", [state for state in RunState if state.has_ended])
def test_each_end_of_a_run_is_an_end_in_mlflow(state):
    assert tracked_contents._RUN_ENDS[state] in {"FINISHED", "FAILED", "KILLED"}


@pytest.mark.parametrize("state", [state for state in JobState if state.has_ended])
def test_each_end_of_a_job_is_an_end_in_mlflow(state):
    assert tracked_contents._JOB_ENDS[state] in {"FINISHED", "FAILED", "KILLED"}
