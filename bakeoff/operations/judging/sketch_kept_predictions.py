"""The stored predictions of a result, if they are unchanged, and sketches that are made of them later.

Results of versions before sketches have none. Their predictions are scored once more, but not by custom
metrics. A sketch is added only where that gives the very score that is stored; where the predictions or their
snapshot are gone, or are not what they were, the result stays without.
"""

import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.runs.result import Result
from bakeoff.domain.runs.run import Run
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs import job_queries
from bakeoff.store.bakeoffs.results import earlier_fits, verdict_rows

if TYPE_CHECKING:
    from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import JobPaths


log = logging.getLogger(__name__)


def kept_predictions(context: Context, run: Run, result: Result) -> "JobPaths | None":
    """The paths; None if the predictions or their snapshot were removed or changed."""
    from bakeoff.evaluation.datasets.snapshot_layout import folder_of
    from bakeoff.evaluation.jobs.accept_outputs import has_predictions_of
    from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import JobPaths

    configuration = context.configuration
    fit = earlier_fits.of_evaluation(context.engine, result.reused_from or result.evaluation_id)
    if fit is None:
        return None
    paths = JobPaths(
        root=configuration.root,
        closed=configuration.secrets,
        snapshot=folder_of(configuration.snapshots, run.dataset.dataset_id, run.dataset.split_id),
        log=configuration.log_of(fit.result.run_id, fit.result.evaluation_id),
        predictions=configuration.predictions_of(fit.result.run_id, fit.result.evaluation_id),
    )
    return paths if paths.snapshot.is_dir() and has_predictions_of(fit, paths) else None


def sketch_what_has_none(context: Context, run: Run, results: Sequence[Result]) -> int:
    """Sketches these results of the run. Returns for how many it was possible."""
    return sum(_sketch(context, run, result) for result in results)


def _sketch(context: Context, run: Run, result: Result) -> bool:
    from bakeoff.evaluation.metrics.score_snapshot import ForgedReportError
    from registry.columns.check_predictions import BadPredictionsError

    try:
        return _sketch_from_predictions(context, run, result)
    except (BakeoffError, ForgedReportError, BadPredictionsError, OSError) as exc:
        log.warning("the result of %s in %s stays without intervals: %s", result.model_id, run.name, exc)
        return False


def _sketch_from_predictions(context: Context, run: Run, result: Result) -> bool:
    from bakeoff.evaluation.jobs.accept_outputs import score_files

    paths = kept_predictions(context, run, result)
    if paths is None:
        return False
    scores = score_files(run, job_queries.get(context.engine, result.evaluation_id), paths)
    same = {
        name: sketch
        for name, sketch in scores.sketches.items()
        if _is_same(scores.metrics.get(name), result.metrics.get(name))
    }
    return verdict_rows.sketch_later(
        context.engine,
        result.evaluation_id,
        by_metric={name: sketch.to_bytes() for name, sketch in same.items()},
        intervals={name: one for name, one in scores.intervals.items() if name in same},
    )


def _is_same(again: float | None, stored: float | None) -> bool:
    """Whether both are equal, except for the last bits, which may differ between versions of numpy."""
    if again is None or stored is None:
        return False
    return math.isclose(again, stored, rel_tol=1e-12, abs_tol=1e-15)
