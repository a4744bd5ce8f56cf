"""Turns results and settings into what the statistics take, for the verdict of a run and for comparisons.

Also here: a second baseline, which answers the positive class for every row. The dummy answers the most
frequent class. If that is the negative one, its f1 and precision are 0, and any candidate that guesses beats
it. Always answering the positive class knows as little, and has an f1 of up to twice the share of positives:
a winner must be shown to beat that, too.
"""

import logging
from collections.abc import Sequence

from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.metric_names_and_scoring_rules import Average
from bakeoff.domain.runs.result import Result
from bakeoff.domain.runs.run import Run
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef
from bakeoff.evaluation.datasets.snapshot_layout import folder_of
from bakeoff.evaluation.statistics.reach_verdict import JudgedCandidate
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from bakeoff.evaluation.statistics.verdict_findings import SplitUse
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs.results import verdict_rows

log = logging.getLogger(__name__)

#: Of these the dummy has the least that is possible. (Everybody reaches the best recall by this answer.)
_RANKED_BY = ("f1", "precision")


def judged_candidate(
    result: Result, run: Run, sketch: bytes | None, *, metric: str, name: str | None = None
) -> JudgedCandidate:
    """`sketch`: as it is stored, of this metric. `name`: if it is not called by the id of its candidate."""
    score = result.metrics.get(metric)
    return JudgedCandidate(
        id=name or result.model_id,
        sketch=None if sketch is None else Sketch.from_bytes(sketch),
        score=score,
        why_unscored=result.unscored.get(metric),
        is_baseline=name is None and result.model_id == run.baseline_id,
        fit_seconds=result.cost.fit_s,
        predict_seconds=result.cost.predict_s / max(1, _predicted_rows(run, result)),
        peak_memory_mb=result.cost.peak_memory_mb,
    )


def _predicted_rows(run: Run, result: Result) -> int:
    """In all repeats, with all seeds that there were."""
    seeds = len(result.details.get("seeds", ())) or 1
    return run.dataset.test_rows * run.dataset.design.repeats * seeds


def use_of_split(context: Context, data: DatasetRef) -> SplitUse:
    settings = context.configuration.settings
    return SplitUse(
        looks=verdict_rows.candidates_scored_on(context.engine, data.split_id),
        may_seal=data.design.may_seal,
        warn_from=settings.reuse_warning,
        alarm_from=settings.reuse_alarm,
    )


def always_positive(
    context: Context, run: Run, candidates: Sequence[JudgedCandidate]
) -> list[JudgedCandidate]:
    """The baseline, if the run has a dummy to beat and this one scores higher; else an empty list."""
    from bakeoff.evaluation.datasets.read_snapshot import classes
    from bakeoff.evaluation.jobs.accept_outputs import score_constant_answer

    metric, rules = run.rules.metrics[0], run.rules
    dummy = next((one for one in candidates if one.is_baseline), None)
    if dummy is None or metric not in _RANKED_BY or rules.average is not Average.BINARY:
        return []
    folder = folder_of(context.configuration.snapshots, run.dataset.dataset_id, run.dataset.split_id)
    try:
        label = next(label for label in classes(folder) if str(label) == rules.positive_label)
        sketch = score_constant_answer(run, folder, label).sketches.get(metric)
    except (BakeoffError, OSError, StopIteration) as exc:  # the snapshot was removed, for example
        log.warning("%s is judged without the baseline of always answering positive: %s", run.name, exc)
        return []
    if sketch is None or (sketch.value or 0.0) <= (dummy.value or 0.0):
        return []
    return [JudgedCandidate(id=f"always answering {rules.positive_label!r}", sketch=sketch, is_baseline=True)]
