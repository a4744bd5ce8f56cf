"""An evaluation without a cell, in this process: breakpoints work, exceptions are raised, nothing is kept."""

import os
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bakeoff.cell.inside.cell_api import without_cell
from bakeoff.domain.runs.job import Job
from bakeoff.domain.runs.result import Cost, Result
from bakeoff.domain.runs.run import Run
from bakeoff.evaluation.jobs import fit_and_predict
from bakeoff.evaluation.jobs.accept_outputs import about_preparation, about_weights, score_outputs, uses_seed
from bakeoff.evaluation.jobs.choosing.accept_choices import accept_choices, warnings_about
from bakeoff.evaluation.jobs.evaluation_job import (
    Scored,
    payload_of,
    result_of,
    with_choices,
    with_warning,
)
from bakeoff.evaluation.jobs.folds.evaluate_folds_in_turn import (
    fold_of,
    fold_result,
    more_seeds_say_nothing,
    whole_seeds,
)
from bakeoff.evaluation.jobs.folds.join_folds_to_one_result import together
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import (
    EvaluationUnderWay,
    Grant,
    JobPaths,
    StopsNever,
)
from bakeoff.evaluation.jobs.prediction_latency import accept_latency
from bakeoff.evaluation.metrics.custom_metric_function import load_metrics

if TYPE_CHECKING:
    from bakeoff.domain.runs.result import FoldResult


def evaluate_in_process(job: Job, run: Run, *, root: Path, snapshot: Path) -> Result:
    """An exception of the candidate reaches the caller as it is."""
    began = time.perf_counter()
    with TemporaryDirectory(prefix="bakeoff-in-process-") as folder:
        scratch = Path(folder)
        evaluation = EvaluationUnderWay(
            job=job,
            run=run,
            paths=JobPaths(
                root=root,
                closed=(),
                snapshot=snapshot,
                log=scratch / "log",
                predictions=scratch / "predictions.npy",
            ),
            grant=Grant(threads=len(os.sched_getaffinity(0)), memory_mb=None),
            permission=StopsNever(),
        )
        scored = _all_fits(evaluation) if run.dataset.design.fits > 1 else _fit(evaluation)
    return result_of(evaluation, scored, duration_s=time.perf_counter() - began)


def _all_fits(evaluation: EvaluationUnderWay) -> Scored:
    done: dict[int, FoldResult] = {}
    for place in range(evaluation.run.dataset.design.fits):
        if more_seeds_say_nothing(evaluation, place, done):
            break
        began = time.perf_counter()
        scored = _fit(fold_of(evaluation, place, evaluation.job.timeout_s))
        done[place] = fold_result(place, scored, time.perf_counter() - began)
    functions = load_metrics(evaluation.run.rules.custom)
    return together(evaluation, whole_seeds(evaluation, done), functions=functions)


def _fit(evaluation: EvaluationUnderWay) -> Scored:
    began, cpu = time.perf_counter(), time.process_time()
    files = evaluation.outputs
    with without_cell(evaluation.paths.predictions.parent, files, evaluation.inputs) as inside:
        report = fit_and_predict.run(payload_of(evaluation, audited=False), inside)
    for file in files.values():
        if not file.stat().st_size:  # an output that was not written is none
            file.unlink()
    cost = Cost(
        fit_s=report["fitSeconds"],
        predict_s=report["predictSeconds"],
        cpu_s=time.process_time() - cpu,
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        granted_threads=evaluation.grant.threads,
        latency=accept_latency(report, wall_s=time.perf_counter() - began),
    )
    functions = load_metrics(evaluation.run.rules.custom)
    scored = Scored(scores=score_outputs(evaluation, functions), cost=cost, uses_seed=uses_seed(report))
    choices = accept_choices(report, evaluation.job.candidate)
    scored = with_choices(scored, {**choices, **about_preparation(report)})
    for warning in [*warnings_about(choices), *about_weights(report)]:
        scored = with_warning(scored, warning)
    return scored
