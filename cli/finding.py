"""The job that people mean: by its id, or by a run and a candidate."""

from typing import TYPE_CHECKING

from domain.errors import NotFoundError
from domain.job import Job
from store import jobs, runs

if TYPE_CHECKING:
    from sqlalchemy import Engine


def find_job(engine: "Engine", asked: str, model: str | None) -> Job:
    """`asked`: of the job, or of the run if a candidate is named."""
    if model is None:
        return jobs.get(engine, jobs.find(engine, asked))
    run_id = runs.find(engine, asked)
    of_run = jobs.of_run(engine, run_id)
    for job in of_run:
        if job.candidate.id == model:
            return job
    known = ", ".join(job.candidate.id for job in of_run)
    raise NotFoundError(f"run {run_id} has no candidate {model!r}; there are {known}")
