"""What is logged of a run: nothing that can happen to one is without a place in MLflow."""

import pytest
from fixtures.values.samples import a_job, a_result, a_run

from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import RunState
from bakeoff.operations.runs import mlflow_run_contents


@pytest.mark.parametrize("state", [state for state in RunState if state.has_ended])
def test_each_end_of_a_run_is_an_end_in_mlflow(state):
    assert mlflow_run_contents._RUN_ENDS[state] in {"FINISHED", "FAILED", "KILLED"}


@pytest.mark.parametrize("state", [state for state in JobState if state.has_ended])
def test_each_end_of_a_job_is_an_end_in_mlflow(state):
    assert mlflow_run_contents._JOB_ENDS[state] in {"FINISHED", "FAILED", "KILLED"}


@pytest.mark.parametrize(
    ("searches", "logged"),
    [([{"C": 0.5}], "0.5"), ([{"C": 0.5}, {"C": 2.0}], "[0.5, 2.0]")],
)
def test_what_a_search_chose_is_logged_of_each_fold(searches, logged):
    details = {"tuning": [{"params": params} for params in searches]}
    result = a_result(a_job(a_run()), details=details)

    assert mlflow_run_contents._chosen(result) == {"tuned.C": logged}
