"""`bakeoff logs`: what a candidate printed."""

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

    from bakeoff.domain.job import Job
    from bakeoff.settings.configuration import Configuration

_POLL_S = 0.2


def logs(
    job: Annotated[
        str, typer.Argument(metavar="JOB", help="Job id, its first characters, or a run if MODEL follows.")
    ],
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Candidate of that run.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Print what a candidate printed."""
    from bakeoff.cli.project_access import find_job

    context = project_access.open_project(config)
    configuration = context.configuration
    engine = project_access.database(context)
    found = find_job(engine, job, model)
    file = _file(found, configuration, engine, may_wait=follow)
    if as_json:
        text = file.read_text(encoding="utf-8", errors="replace")
        terminal.write_json({"evaluationId": found.id, "node": found.node, "file": str(file), "log": text})
        return
    _say_where_the_rest_is(found, configuration.settings.node)
    _say_that_it_is_empty(found, file)
    for piece in _pieces(file, engine, found.id, follow=follow):
        _write(piece)


def _file(job: "Job", configuration: "Configuration", engine: "Engine", *, may_wait: bool) -> "Path":
    from bakeoff.domain.errors import NotFoundError
    from bakeoff.store.bakeoffs import job_rows

    file, here = configuration.log_of(job.run_id, job.id), configuration.settings.node
    while may_wait and not file.exists() and _may_still_run_on(here, job):
        time.sleep(_POLL_S)
        job = job_rows.get(engine, job.id)
    if not file.exists():
        raise NotFoundError(
            f"job {job.id} ({job.candidate.id}, {job.state}) has no log here: {_why(job, file, here)}"
        )
    return file


def _may_still_run_on(here: str, job: "Job") -> bool:
    from bakeoff.domain.job import JobState

    return job.state is JobState.QUEUED or (job.state is JobState.RUNNING and job.node == here)


def _why(job: "Job", file: "Path", here: str) -> str:
    if job.started_at is None:
        return "it has not been started" if not job.state.has_ended else "it was never started"
    if job.node == here:
        return f"it ran on this machine, and {file} is gone"
    return f"it ran on {job.node}, where `bakeoff logs` prints it"


def _say_where_the_rest_is(job: "Job", here: str) -> None:
    """An attempt leaves its log on the machine it was made on."""
    if job.node not in {None, here}:
        terminal.err().print(f"this is what {here} has of it: its last attempt was made on {job.node}")


def _say_that_it_is_empty(job: "Job", file: "Path") -> None:
    """A traceback is none of what a candidate prints."""
    if job.error is not None and job.error.traceback and not file.stat().st_size:
        told = f"it printed nothing; `bakeoff show {job.run_id[:8]} --errors` has its traceback"
        terminal.err().print(told, soft_wrap=True)


def _pieces(file: "Path", engine: "Engine", job_id: str, *, follow: bool) -> "Iterator[str]":
    """What there is; with `follow`, also what is written until the job has ended."""
    with file.open(encoding="utf-8", errors="replace", newline="") as log:
        over = not follow
        while True:
            yield from _rest(log)
            if over:
                return
            time.sleep(_POLL_S)
            over = _has_ended(engine, job_id)


def _rest(log: TextIO) -> "Iterator[str]":
    while piece := log.readline(65_536):
        yield piece


def _has_ended(engine: "Engine", job_id: str) -> bool:
    from bakeoff.store.bakeoffs import job_rows

    return job_rows.get(engine, job_id).state.has_ended


def _write(piece: str) -> None:
    """As it is into a file or pipe; on a terminal for people, without what would steer it."""
    sys.stdout.write(terminal.clean(readable(piece)) if sys.stdout.isatty() else piece)
    sys.stdout.flush()
