"""The rows that compared results disagree on, from the kept predictions and the labels of the test rows.

This reads the labels, as scoring does: in a process of ours, never in a cell. Rows that the rules of the
run keep out of all scores stay out of this, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.domain.errors import BakeoffError, NotFoundError
from bakeoff.operations.comparing.comparability import ComparedResult
from bakeoff.operations.context import Context
from bakeoff.operations.judging.sketch_kept_predictions import kept_predictions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import JobPaths
    from bakeoff.evaluation.reports.disagreements import DisagreedRow, Disagreements, ScoredRows


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptRows:
    snapshot: Path
    scored: "ScoredRows"
    places: "NDArray[np.intp] | None"  #: of these rows among the test rows; None: they are all of them

    def among_test_rows(self, places: "NDArray[np.intp]") -> "NDArray[np.intp]":
        return places if self.places is None else self.places[places]


def disagreements_of(
    context: Context, results: Sequence[ComparedResult], *, most: int
) -> "tuple[Disagreements | None, Sequence[DisagreedRow], str]":
    """Also the first `most` of the rows; and why there are none, if the files are gone.

    An error only if rows were asked for: a verdict stands without them.
    """
    from bakeoff.evaluation.reports.disagreements import find_disagreements

    try:
        kept = kept_rows(context, results)
        found = find_disagreements(kept.scored)
        return found, _listed(kept, found, most), ""
    except BakeoffError as problem:
        if most:
            raise
        return None, (), f"on which rows they disagree is not known: {problem}"


def kept_rows(context: Context, results: Sequence[ComparedResult]) -> KeptRows:
    import numpy as np

    from bakeoff.evaluation.datasets import read_snapshot
    from bakeoff.evaluation.jobs.accept_outputs import load_predictions
    from bakeoff.evaluation.metrics import run_scoring_options
    from bakeoff.evaluation.reports.disagreements import ScoredRows

    dataset, rules = results[0].run.dataset, results[0].run.rules
    paths = {one.name: _paths_of(context, one) for one in results}
    folder = paths[results[0].name].snapshot
    true = read_snapshot.sealed_labels(folder)
    predictions = {one.name: load_predictions(one.job, paths[one.name]) for one in results}
    places = None
    if rules.seal:
        places = run_scoring_options.rows_to_score(dataset.split_id, len(true), rules, sealed=False)
    elif dataset.design.repeats > 1 or dataset.design.seeds > 1:  # each row once, as it was predicted first
        places = np.arange(dataset.test_rows)
    if places is not None:
        true = true[places]
        predictions = {name: one.of(places) for name, one in predictions.items()}
    scored = ScoredRows(
        true=true,
        predictions=predictions,
        rules=rules,
        target_kind=dataset.target_kind,
        classes=read_snapshot.classes(folder),
    )
    return KeptRows(snapshot=folder, scored=scored, places=places)


def _paths_of(context: Context, one: ComparedResult) -> "JobPaths":
    paths = kept_predictions(context, one.run, one.result)
    if paths is None:
        raise NotFoundError(
            f"the predictions of {one.name} (evaluation {one.result.evaluation_id[:8]}) are not kept, or are "
            f"not those that were scored: `bakeoff run {one.run.dataset.name} --models {one.result.model_id} "
            "--fresh` makes them anew"
        )
    return paths


def _listed(kept: KeptRows, found: "Disagreements", most: int) -> "list[DisagreedRow]":
    """Classes in the order of the dataset; numbers with those first that are furthest apart."""
    if not most or not found.differing:
        return []
    from bakeoff.evaluation.datasets import read_snapshot
    from bakeoff.evaluation.reports.disagreements import DisagreedRow, answers_at, plain_features

    numbers, places = read_snapshot.sealed_rows(kept.snapshot), found.places
    if found.median is None:
        places = places[numbers[kept.among_test_rows(places)].argsort(kind="stable")]
    places = places[:most]
    answers = answers_at(kept.scored, places)
    test_places = kept.among_test_rows(places)
    features = plain_features(read_snapshot.test_rows(kept.snapshot, test_places))
    true = kept.scored.true[places].tolist()
    return [
        DisagreedRow(
            row=int(number),
            true=true[index],
            predictions={name: labels[index] for name, (labels, _) in answers.items()},
            probabilities={name: sure[index] for name, (_, sure) in answers.items() if sure is not None},
            features=features[index],
        )
        for index, number in enumerate(numbers[test_places])
    ]
