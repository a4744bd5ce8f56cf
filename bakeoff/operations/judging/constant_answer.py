"""A second baseline: whoever answers the positive class for every row.

The dummy answers the most frequent class. If that is the negative one, its f1 and precision are 0, and any
candidate that guesses beats it. Always answering the positive class knows as little, and has an f1 of up to
twice the share of positives: a winner must be shown to beat that, too.
"""

import logging
from typing import TYPE_CHECKING

from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.metric import Average
from bakeoff.domain.runs.run import Run
from bakeoff.evaluation.datasets.snapshot_layout import folder_of
from bakeoff.operations.context import Context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakeoff.evaluation.statistics.judging import JudgedCandidate

log = logging.getLogger(__name__)

#: Of these the dummy has the least that is possible. (Everybody reaches the best recall by this answer.)
_RANKED_BY = ("f1", "precision")


def always_positive(
    context: Context, run: Run, candidates: "Sequence[JudgedCandidate]"
) -> "list[JudgedCandidate]":
    """The baseline, if the run has a dummy to beat and this one scores higher; else an empty list."""
    from bakeoff.evaluation.datasets.snapshot import classes
    from bakeoff.evaluation.jobs.accept_outputs import score_constant_answer
    from bakeoff.evaluation.statistics.judging import JudgedCandidate

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
