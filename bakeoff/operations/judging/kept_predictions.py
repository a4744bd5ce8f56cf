"""Finds the stored predictions of a result, if they are unchanged."""

from typing import TYPE_CHECKING

from bakeoff.domain.runs.result import Result
from bakeoff.domain.runs.run import Run
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs.results import earlier_fits

if TYPE_CHECKING:
    from bakeoff.evaluation.jobs.evaluation_under_way import JobPaths


def kept_predictions(context: Context, run: Run, result: Result) -> "JobPaths | None":
    """The paths; None if the predictions or their snapshot were removed or changed."""
    from bakeoff.evaluation.datasets.snapshot_layout import folder_of
    from bakeoff.evaluation.jobs.accept_outputs import has_predictions_of
    from bakeoff.evaluation.jobs.evaluation_under_way import JobPaths

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
