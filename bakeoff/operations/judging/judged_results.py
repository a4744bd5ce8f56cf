"""Turns results and settings into what the statistics take, for the verdict of a run and for comparisons."""

from bakeoff.domain.runs.result import Result
from bakeoff.domain.runs.run import Run
from bakeoff.evaluation.statistics.judging import JudgedCandidate
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from bakeoff.evaluation.statistics.verdict_findings import SplitUse
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs.results import verdict_rows


def judged_candidate(
    result: Result, run: Run, sketch: bytes | None, *, metric: str, name: str | None = None
) -> JudgedCandidate:
    """`sketch`: as it is stored, of this metric. `name`: if it is not called by the id of its candidate."""
    return JudgedCandidate(
        id=name or result.model_id,
        sketch=None if sketch is None else Sketch.from_bytes(sketch),
        score=result.metrics.get(metric),
        is_baseline=name is None and result.model_id == run.baseline_id,
        fit_seconds=result.cost.fit_s,
        predict_seconds=result.cost.predict_s / max(1, _predicted_rows(run, result)),
        peak_memory_mb=result.cost.peak_memory_mb,
    )


def _predicted_rows(run: Run, result: Result) -> int:
    """In all repeats, with all seeds that there were."""
    seeds = len(result.details.get("seeds", ())) or 1
    return run.dataset.test_rows * run.dataset.design.repeats * seeds


def use_of_split(context: Context, split_id: str) -> SplitUse:
    settings = context.configuration.settings
    return SplitUse(
        looks=verdict_rows.candidates_scored_on(context.engine, split_id),
        warn_from=settings.reuse_warning,
        alarm_from=settings.reuse_alarm,
    )
