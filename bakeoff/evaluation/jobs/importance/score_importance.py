"""The supervisor's side of permutation importance: what a cell is to predict, and the scores of that.

The labels of the test rows stay here. What the cell has written is checked like its other predictions: a
false one harms the importance of this candidate, and nothing else.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.runs.column_importance import IMPORTANCE, LONGEST_S, SHARE_OF_LIMIT, fit_record
from bakeoff.domain.runs.run import Run
from bakeoff.evaluation.datasets import read_snapshot
from bakeoff.evaluation.jobs.importance.permuted_predictions import ANSWERS, BESIDE, ImportanceOrder
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import EvaluationUnderWay
from bakeoff.evaluation.metrics.metric_names import importance_rules
from bakeoff.evaluation.metrics.run_scoring_options import rows_to_score
from bakeoff.evaluation.metrics.score_predictions import block_map_of, score_rows
from bakeoff.evaluation.metrics.score_snapshot import ForgedReportError, folded_rows, load_array
from registry.columns.check_predictions import BadPredictionsError, Predictions

_REPEATS, _FEWEST_REPEATS = 5, 2
_MOST_PREDICTIONS = 3000
_MOST_ROWS, _FEWEST_ROWS = 5000, 100
_MOST_BYTES = 64 * 2**20
MOST_MB = 256  #: of one file, which a label that is no class may make longer
_LETTER_BYTES, _FLOAT_BYTES = 4, 8


@dataclass(frozen=True, kw_only=True)
class _TestedRows:
    true: NDArray[Any]
    weights: NDArray[Any] | None
    open: NDArray[np.intp]  #: places of those that are not sealed


def importance_order(evaluation: EvaluationUnderWay) -> ImportanceOrder | None:
    """What the cell is to predict; None where nobody asked for it."""
    if not evaluation.wants_importance:
        return None
    run, columns = evaluation.run, len(_columns(evaluation))
    repeats = min(_REPEATS, max(_FEWEST_REPEATS, _MOST_PREDICTIONS // columns))
    tested = _tested(evaluation)
    room = _MOST_BYTES // (_row_bytes(run) * (1 + repeats * columns))
    number = min(len(tested.open), _MOST_ROWS, max(_FEWEST_ROWS, room))
    seed = zlib.crc32(f"{run.dataset.split_id} {evaluation.fold}".encode())
    # The same rows for all candidates of the split, so that they can be compared.
    chosen = np.random.RandomState(seed).choice(tested.open, size=number, replace=False)
    share_s = evaluation.job.timeout_s if evaluation.share_s is None else evaluation.share_s
    return ImportanceOrder(
        places=tuple(np.sort(chosen).tolist()),
        repeats=repeats,
        seed=seed,
        longest_s=min(LONGEST_S, SHARE_OF_LIMIT * share_s),
    )


def accept_importance(report: Any, evaluation: EvaluationUnderWay) -> tuple[dict[str, Any], list[str]]:
    """What stands in the details of the result, and the warnings: why there is none, if it was asked for."""
    order = importance_order(evaluation)
    if order is None:
        return {}, []
    files = evaluation.paths.permuted
    claims = report.get(IMPORTANCE) if isinstance(report, Mapping) else None
    try:
        return {IMPORTANCE: [_record(claims, order, evaluation, files)]}, []
    except (ForgedReportError, BadPredictionsError) as exc:
        return {}, [f"its importance was not measured: {exc}"]
    finally:
        for file in files.values():
            file.unlink(missing_ok=True)


def _record(
    claims: Any, order: ImportanceOrder, evaluation: EvaluationUnderWay, files: Mapping[str, Path]
) -> dict[str, Any]:
    claims = claims if isinstance(claims, Mapping) else {}
    if isinstance(claims.get("problem"), str):
        raise BadPredictionsError(claims["problem"][:200])
    run, rows, columns = evaluation.run, len(order.places), _columns(evaluation)
    predictions = _predictions(claims, evaluation, files)
    answers, odd = divmod(len(predictions.values), rows)
    if odd or not 1 < answers <= 1 + order.repeats * len(columns):
        raise ForgedReportError(f"there are {len(predictions.values)} predictions for {rows} rows each")
    tested, places = _tested(evaluation), np.array(order.places)
    weights = None if tested.weights is None else tested.weights[places]
    rules = importance_rules(run.rules, run.dataset.target_kind)
    [metric] = rules.metrics
    classes = read_snapshot.classes(evaluation.paths.snapshot)

    def value(answer: int) -> float | None:
        scores = score_rows(
            tested.true[places],
            predictions.of(np.arange(answer * rows, (answer + 1) * rows)),
            block_map_of(rows, weights=weights),
            rules=rules,
            target_kind=run.dataset.target_kind,
            classes=classes,
            sketched=False,
            curved=False,
        )
        return scores.metrics[metric]

    base = value(0)
    if base is None:
        raise BadPredictionsError(f"its {metric} is undefined")
    greater = run.rules.greater_is_better(metric)
    losses: dict[str, list[float]] = {column: [] for column in columns}
    for answer in range(1, answers):
        shuffled = value(answer)
        if shuffled is not None:
            loss = base - shuffled if greater else shuffled - base
            losses[columns[(answer - 1) % len(columns)]].append(loss)
    return fit_record(rules, greater_is_better=greater, score=base, rows=rows, losses=losses)


def _predictions(
    claims: Mapping[str, Any], evaluation: EvaluationUnderWay, files: Mapping[str, Path]
) -> Predictions:
    beside = load_array(files[BESIDE]) if _is_written(files[BESIDE]) else None
    values = load_array(files[ANSWERS])
    if beside is not None and len(beside) != len(values):
        raise ForgedReportError("there are more or fewer probabilities than predictions")
    are_scores = claims.get("beside") == "scores"
    return Predictions(
        values=values,
        output_kind=evaluation.job.candidate.writes,
        probabilities=None if are_scores else beside,
        scores=beside if are_scores else None,
    )


def _is_written(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


def _columns(evaluation: EvaluationUnderWay) -> Sequence[str]:
    names = evaluation.job.candidate.features
    return list(
        dict.fromkeys(names or [field.name for field in read_snapshot.fields(evaluation.paths.snapshot)])
    )


def _tested(evaluation: EvaluationUnderWay) -> _TestedRows:
    run, folder = evaluation.run, evaluation.paths.snapshot
    if evaluation.fold is None:
        true = read_snapshot.sealed_labels(folder)
        open_rows = (
            rows_to_score(run.dataset.split_id, len(true), run.rules, sealed=False)
            if run.rules.seal
            else np.arange(len(true))
        )
        return _TestedRows(true=true, weights=read_snapshot.sealed_weights(folder), open=open_rows)
    folded = folded_rows(run.dataset, folder)
    rows = folded.rows_of(evaluation.fold)
    return _TestedRows(
        true=folded.true[rows],
        weights=None if folded.weights is None else folded.weights[rows],
        open=np.arange(len(rows)),
    )


def _row_bytes(run: Run) -> int:
    longest = max((len(name) for name in run.dataset.classes), default=0)
    return _FLOAT_BYTES * max(1, len(run.dataset.classes)) + _LETTER_BYTES * longest + _FLOAT_BYTES
