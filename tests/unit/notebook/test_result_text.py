"""Where the text of a result sends a reader who wants to know more."""

from fixtures.values.samples import a_job, a_run
from fixtures.values.stored import an_error

from bakeoff.domain.runs.job import JobState
from bakeoff.notebook.results.result_text import where_to_look


def test_a_failed_candidate_is_looked_up_where_its_traceback_is() -> None:
    job = a_job(a_run(), 0, state=JobState.FAILED, error=an_error(traceback="Traceback: ..."))

    assert where_to_look(job) == f".errors[{job.candidate.id!r}].traceback"


def test_one_without_a_traceback_is_looked_up_in_its_log() -> None:
    job = a_job(a_run(), 0, state=JobState.TIMED_OUT, error=an_error(traceback=""))

    assert where_to_look(job) == f".log({job.candidate.id!r})"
