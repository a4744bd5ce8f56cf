"""A bake-off without cells: in this process, where breakpoints work and exceptions rise. Nothing is kept."""

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bakeoff.cell.inside.cell_api import CellApi
from bakeoff.domain.job import Job
from bakeoff.domain.result import Cost, Result
from bakeoff.domain.run import Run
from bakeoff.evaluation.jobs import fit_and_predict
from bakeoff.evaluation.jobs.evaluation_job import Scored, payload_of, result_of
from bakeoff.evaluation.jobs.job_paths import JobPaths
from bakeoff.evaluation.jobs.score_outputs import scores_of


def rehearse(job: Job, run: Run, *, root: Path, snapshot: Path) -> Result:
    """What the candidate raises, rises."""
    began, cpu = time.perf_counter(), time.process_time()
    with TemporaryDirectory(prefix="bakeoff-rehearsal-") as folder:
        scratch = Path(folder)
        places = JobPaths(
            root=root,
            closed=(),
            snapshot=snapshot,
            log=scratch / "log",
            predictions=scratch / "predictions.npy",
        )
        with _inside(scratch, places) as inside:
            took = fit_and_predict.run(payload_of(job, run, places, witnessed=False), inside)
        scores = scores_of(job, run, places)
    cost = Cost(
        fit_s=took["fitSeconds"],
        predict_s=took["predictSeconds"],
        cpu_s=time.process_time() - cpu,
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        granted_threads=len(os.sched_getaffinity(0)),
    )
    scored = Scored(scores=scores, cost=cost)
    return result_of(job, run, scored, duration_s=time.perf_counter() - began)


@contextmanager
def _inside(scratch: Path, places: JobPaths) -> Iterator[CellApi]:
    """As in a cell, but nobody listens to the report, and an output that nobody wrote is no file."""
    outputs = {name: os.open(file, os.O_WRONLY | os.O_CREAT, 0o600) for name, file in places.outputs.items()}
    with Path(os.devnull).open("wb") as report:
        inside = CellApi(scratch=scratch, report=report.fileno(), outputs=outputs)
        yield inside
        inside.flush()
    for file in places.outputs.values():
        if not file.stat().st_size:
            file.unlink()
