"""`bakeoff logs`: print the log of a candidate, and follow it."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile
from bakeoff.settings.log_setup import readable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from bakeoff.domain.runs.job import Job
    from bakeoff.settings.configuration import Configuration

_POLL_S = 0.2


def logs(
    job: Annotated[
        str, typer.Argument(metavar="JOB", help="Job id, its first characters, or a run if MODEL follows.")
    ],
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Candidate of that run.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print new lines until the job has ended.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Print the log of a candidate."""
    from bakeoff.cli.project_access import find_job

    context = project_access.open_project(config)
    configuration = context.configuration
    engine = project_access.database(context)
    found = find_job(engine, job, model)
    file = _log_file(found, configuration, engine, may_wait=follow)
    if as_json:
        text = file.read_text(encoding="utf-8", errors="replace")
        terminal.write_json({"evaluationId": found.id, "node": found.node, "file": str(file), "log": text})
        return
    _warn_of_attempts_elsewhere(found, configuration.settings.node)
    _warn_of_empty_log(found, file)
    for chunk in _read_log(file, engine, found.id, follow=follow):
        _write(chunk)


def _log_file(job: "Job", configuration: "Configuration", engine: "Engine", *, may_wait: bool) -> "Path":
    from bakeoff.domain.errors import NotFoundError
    from bakeoff.store.bakeoffs import job_queries

    file, here = configuration.log_of(job.run_id, job.id), configuration.settings.node
    while may_wait and not file.exists() and _may_still_run_on(here, job):
        time.sleep(_POLL_S)
        job = job_queries.get(engine, job.id)
    if not file.exists():
        raise NotFoundError(
            f"job {job.id} ({job.candidate.id}, {job.state}) has no log here: "
            f"{_source_of(job, engine) or _why_no_log(job, file, here)}"
        )
    return file


def _may_still_run_on(here: str, job: "Job") -> bool:
    from bakeoff.domain.runs.job import JobState

    return job.state is JobState.QUEUED or (job.state is JobState.RUNNING and job.node == here)


def _source_of(job: "Job", engine: "Engine") -> str:
    """Which job has the log of a result that was taken over; empty if this one was fitted itself."""
    from bakeoff.domain.runs.job import JobState
    from bakeoff.store.bakeoffs import job_queries

    if job.started_at is not None or job.state is not JobState.COMPLETED:
        return ""
    source = job_queries.result_of(engine, job.id).reused_from
    return f"its result was taken over from an earlier run, `bakeoff logs {source[:8]}`" if source else ""


def _why_no_log(job: "Job", file: "Path", here: str) -> str:
    if job.started_at is None:
        return "it has not been started" if not job.state.has_ended else "it was never started"
    if job.node == here:
        return f"it ran on this machine, and {file} is gone"
    return f"it ran on {job.node}, where `bakeoff logs` prints it"


def _warn_of_attempts_elsewhere(job: "Job", here: str) -> None:
    """Each attempt writes its log on the machine that it runs on."""
    if job.node not in {None, here}:
        terminal.err().print(
            f"this is the log on {here}; the last attempt ran on {job.node}, which has the log of it"
        )


def _warn_of_empty_log(job: "Job", file: "Path") -> None:
    """A traceback is stored with the job, and not written to the log."""
    if not job.state.has_ended or file.stat().st_size:
        return
    where = f"; `bakeoff show {job.run_id[:8]} --errors` has its traceback"
    has_traceback = job.error is not None and job.error.traceback
    terminal.err().print(f"it printed nothing{where if has_traceback else ''}", soft_wrap=True)


def _read_log(file: "Path", engine: "Engine", job_id: str, *, follow: bool) -> "Iterator[str]":
    """Yields what is in the log; with `follow`, also what is added until the job has ended.

    When the job has ended the log is read once more: the job may have written since the last read.
    """
    with file.open(encoding="utf-8", errors="replace", newline="") as log:
        is_last_read = not follow
        while True:
            yield from _chunks_to_end(log)
            if is_last_read:
                return
            time.sleep(_POLL_S)
            is_last_read = _has_ended(engine, job_id)


def _chunks_to_end(log: TextIO) -> "Iterator[str]":
    while chunk := log.readline(65_536):
        yield chunk


def _has_ended(engine: "Engine", job_id: str) -> bool:
    from bakeoff.store.bakeoffs import job_queries

    return job_queries.get(engine, job_id).state.has_ended


def _write(chunk: str) -> None:
    """Writes unchanged into a file or pipe; on a terminal in a readable form, without control characters."""
    sys.stdout.write(terminal.clean(readable(chunk)) if sys.stdout.isatty() else chunk)
    sys.stdout.flush()
