"""The outcome of a run: results, failures, verdict, saved models."""

from typing import Any, Literal

from pydantic import Field

from bakeoff.api.schemas.schema_base import FindingOut, Id, Moment, Out
from bakeoff.domain.runs.job import JobState, Phase
from bakeoff.domain.runs.run import RunState
from bakeoff.domain.runs.verdict import Against, Standing


class ToBestOut(Out):
    difference: float
    low: float | None = Field(description="of the simultaneous interval; null where nothing can be claimed")
    high: float | None
    p_value: float


class ReferenceOut(Out):
    reference: str = Field(description="what was fixed before the run: the dummy baseline, or Production")
    candidate: str
    outcome: Against
    difference: float = Field(description="of the candidate minus the reference")
    low: float | None
    high: float | None
    p_value: float
    rests_on: int = Field(description="rows that the difference really rests on")


class CorrectedScoreOut(Out):
    candidate: str
    value: float
    low: float
    high: float


class SealedScoreOut(Out):
    candidate: str
    value: float
    low: float | None
    high: float | None
    rows: int
    opened: int = Field(description="how often sealed rows of this split were opened, this time included")


class SpendingOut(Out):
    run: int = Field(description="counted on these test rows, from 1")
    level: float = Field(description="at which a candidate must be shown to be better than the champion")
    champion: str | None = Field(description="what an earlier run adopted; null: nothing was to be replaced")
    p_value: float | None
    adopted: str | None = Field(description="the evaluation that is adopted now, or stays so")


class ProductionOut(Out):
    name: str = Field(description="of the model, in the registry")
    version: str | None = Field(description="null where the registry did not say which")
    reference: str = Field(description="as `references` call it")
    metrics: dict[str, float | None] = Field(description="of what it predicts for the test rows of this run")
    problem: str = Field(description="why it could not be compared; empty where it was")
    may_know_rows: bool = Field(description="whether the test rows may be among those it was fitted on")


class ShuffleCheckOut(Out):
    candidate: str
    above_chance: list[float] = Field(
        description="of each refit to shuffled labels: 0 is chance, 0.5 perfect for two classes and numbers"
    )
    passed: bool = Field(description="whether a refit was at chance or below it")
    problem: str = Field(description="why there are too few refits to tell; empty: there are enough")


class VerdictOut(Out):
    sentence: str = Field(description="what is known, for people")
    best: str | None = Field(description="null where nobody is shown to be alone at the top")
    tied: list[str] = Field(description="those that share the first place; empty if there is one best")
    recommended: str | None = Field(description="the one to take: of those that tie, a cheap one")
    corrected_score: CorrectedScoreOut | None = Field(
        description="the highest score, less what having been chosen for it adds on average"
    )
    minimum_detectable_difference: float | None = Field(description="found in 80 % of such runs")
    metric: str
    greater_is_better: bool
    level: float = Field(description="at most this share of runs of equal candidates makes a false claim")
    method: str
    seed: int
    references: list[ReferenceOut]
    production: ProductionOut | None = Field(
        description="the version that was in Production of the name that this run saves to; null: none was"
    )
    test_set_uses: int | None = Field(
        description="candidates ever scored on this test set; equal predictions count once"
    )
    expected_flattery: float | None
    sealed: SealedScoreOut | None = Field(
        description="of the one to take, on rows kept out of all other scores"
    )
    spending: SpendingOut | None = Field(description="with the setting `reuse: spend`")
    shuffle_checks: list[ShuffleCheckOut] = Field(description="of candidates fitted again to shuffled labels")
    findings: list[FindingOut]


class PairOut(Out):
    a: str
    b: str
    difference: float = Field(description="of a minus b")
    low: float | None
    high: float | None
    p_value: float = Field(description="adjusted for all pairs of the run")
    rests_on: int
    better: str | None = Field(description="the one that is shown to be better; null: neither")


class PairsOut(Out):
    run_id: Id
    metric: str
    pairs: list[PairOut]


class RocOut(Out):
    false_positive_rate: list[float]
    true_positive_rate: list[float]
    thresholds: list[float | None] = Field(description="null at the point above all scores")
    area: float = Field(description="of all rows, not of the vertices")
    classes: int | None = Field(
        None, description="over which it is the mean, each against the rest; null: of two"
    )


class PrecisionRecallOut(Out):
    recall: list[float]
    precision: list[float]
    thresholds: list[float]
    average_precision: float = Field(description="of all rows, not of the vertices")
    positive_share: float = Field(description="of the rows: the precision of guessing")


class AtThresholdOut(Out):
    true_positive_rate: float
    false_positive_rate: float
    precision: float | None = Field(description="null if no row is named positive")


class CalibrationBinOut(Out):
    predicted: float = Field(description="the mean probability that was said")
    observed: float = Field(description="the share that came true")
    low: float = Field(description="of the 95 % interval of `observed`")
    high: float
    rows: int = Field(description="25 or more")


class PredictedTrueBinOut(Out):
    predicted: float = Field(description="the median prediction of these rows")
    low: float = Field(description="a tenth of their true values are below it")
    median: float
    high: float = Field(description="a tenth are above it")
    rows: int


class HistogramOut(Out):
    edges: list[float]
    counts: list[int]
    below: int = Field(description="residuals below the first edge")
    above: int


class CurvesOfOneOut(Out):
    evaluation_id: Id
    model_id: str
    model_version: str
    roc: RocOut | None = Field(None, description="at most 400 vertices; of more than two classes, the mean")
    precision_recall: PrecisionRecallOut | None = None
    at_threshold: AtThresholdOut | None = Field(None, description="where the candidate itself decides")
    calibration: list[CalibrationBinOut] | None = Field(
        None, description="of more than two classes, of the likeliest one"
    )
    predicted_true: list[PredictedTrueBinOut] | None = Field(None, description="of numbers")
    residuals: HistogramOut | None = Field(None, description="of numbers: truth less prediction")


class CurvesOut(Out):
    run_id: Id
    curves: list[CurvesOfOneOut] = Field(
        description="in the order of the leaderboard; without the candidates that have none"
    )


class CallTimesOut(Out):
    rows: int = Field(description="given to each call")
    calls: int
    p50: float = Field(description="seconds")
    p99: float = Field(description="seconds; of fewer than 100 calls, the longest")


class LatencyOut(Out):
    """Measured in the cell after the fit, with the threads of the job."""

    one_row: CallTimesOut
    batch: CallTimesOut


class FoldOut(Out):
    seed: int = Field(1, description="from 1")
    repeat: int = Field(description="from 1")
    fold: int = Field(description="from 1")
    metrics: dict[str, float | None] = Field(description="of this fold alone")
    train_rows: int | None = None
    test_rows: int | None = None
    fit_seconds: float | None = None
    predict_seconds: float | None = None


class ResultOut(Out):
    rank: int = Field(description="from 1, by the first metric; equals share one")
    evaluation_id: Id
    run_id: Id
    model_id: str
    model_version: str
    dataset_id: str
    dataset_name: str
    split_id: str
    seed: int
    metrics: dict[str, float | None] = Field(description="null where it is undefined for the predictions")
    intervals: dict[str, tuple[float, float]] = Field(description="95 %, of the metrics that have one")
    rests_on: dict[str, int] = Field(description="rows, of intervals that rest on few")
    timestamp: Moment
    duration: float = Field(description="seconds")
    attempt: int
    reused_from: Id | None = Field(description="the evaluation whose numbers these are")
    fit_seconds: float
    predict_seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    granted_threads: int
    granted_memory_mb: int | None
    latency: LatencyOut | None = Field(description="null where the model was too slow to be asked so often")
    model_bytes: int | None = Field(description="of the pickled model; null where the run saves none")
    family: str | None = Field(description="the candidate whose grid it is a member of")
    beats_baseline: bool | None = Field(
        description="whether that is shown; by the score alone until the run is judged. null: not compared, "
        "or too few rows tell"
    )
    baseline_mark: str | None = Field(
        None, description="where it is not shown to beat each baseline: `not better`, `too few rows`, …"
    )
    standing: Standing | None = Field(None, description="null until the run is judged, and for the baseline")
    band: tuple[int, int] | None = Field(
        None, description="first and last place that the candidate may have; null until the run is judged"
    )
    to_best: ToBestOut | None = Field(None, description="its value minus the highest one")
    findings: list[str] = Field(
        [],
        description="slugs of the findings that name it, such as failed-checks; its verdict has them whole",
    )
    folds: list[FoldOut] = Field([], description="of a run with folds, in order")
    details: dict[str, Any] | None = Field(
        None, description="per class, confusion matrix, residuals, warnings; null unless `details=true`"
    )


class ErrorOut(Out):
    type: str
    message: str
    phase: Phase
    traceback: str = Field(description="in the code of the candidate")
    hint: str
    log_tail: str


class FailureOut(Out):
    evaluation_id: Id
    model_id: str
    model_version: str
    status: JobState
    family: str | None = Field(None, description="the candidate whose grid it is a member of")
    attempt: int
    worker: str | None
    error: ErrorOut | None = Field(description="null for what was cancelled")
    folds: list[FoldOut] = Field([], description="what the folds gave before one failed")


class StoppedOut(Out):
    evaluation_id: Id
    model_id: str
    model_version: str
    family: str | None = Field(description="the candidate whose grid it is a member of")
    status: JobState
    standing: Standing
    band: tuple[int, int] | None = Field(description="first and last place that it may have")
    after_folds: int = Field(description="that it had")
    of_folds: int
    leader: str | None = Field(description="who had the best score then")
    p_value: float = Field(description="of being among the best; at most the level")
    level: float = Field(description="that this look could spend")
    metrics: dict[str, float | None] = Field(description="means over the folds that it had")
    cpu_seconds: float
    folds: list[FoldOut]


class ColumnImportanceOut(Out):
    column: str
    loss: float = Field(description="of the score, when the column is shuffled: the mean over all times")
    spread: float | None = Field(description="standard deviation of the single losses; null of a single one")
    times: int


class ImportanceOut(Out):
    run_id: Id
    evaluation_id: Id
    model_id: str
    metric: str
    greater_is_better: bool
    score: float = Field(description="on the same rows, with all columns as they are")
    rows: int = Field(description="test rows that were shuffled, in each fit")
    fits: int
    columns: list[ColumnImportanceOut] = Field(description="the greatest loss first")
    missing: list[str] = Field(description="columns for which there was no time")


class WrongRowOut(Out):
    row: int = Field(description="of the dataset, counted from 0")
    fold: int | None = Field(description="in which it was tested; null without folds")
    true: Any
    predicted: Any
    probability: float | None = Field(description="of what was predicted; null where it is not kept")
    error: float | None = Field(description="of a number: predicted less true")
    features: dict[str, Any]


class WrongRowsOut(Out):
    run_id: Id
    evaluation_id: Id
    model_id: str
    test_rows: int = Field(description="that were scored")
    wrong: int = Field(description="of these; of numbers all of them, the most wrong first")
    offset: int
    next: int | None = Field(description="the offset of the next page; null after the last one")
    items: list[WrongRowOut]


class SavedOut(Out):
    model_id: str
    run_id: Id
    evaluation_id: Id
    name: str
    version: str
    uri: str
    saved_already: bool = Field(description="an earlier run saved the same model: there is no new version")


class NotSavedOut(Out):
    model_id: str
    reason: str


class AdvanceOut(Out):
    promoted: bool
    version: str
    stage: str
    replaced: str | None
    reason: str
    failed_hooks: list[str]


class SavingOut(Out):
    state: Literal["waiting", "done"]
    models: list[SavedOut]
    not_saved: list[NotSavedOut]
    promotion: AdvanceOut | None
    remark: str
    error: str
    tries: int
    due_at: Moment
    done_at: Moment | None


class TrackingOut(Out):
    state: Literal["waiting", "done"]
    uri: str | None = Field(description="of MLflow; null: it was not logged yet, as in what follows")
    experiment: str | None
    mlflow_run_id: str | None
    page: str | None = Field(description="for a browser; null where MLflow is a database")
    error: str = Field(description="of the last attempt; empty if it did not fail")
    tries: int
    due_at: Moment
    done_at: Moment | None


class ResultsOut(Out):
    run_id: Id
    status: RunState
    verdict: VerdictOut | None = Field(description="null until the run has ended and is judged")
    results: list[ResultOut] = Field(description="of the evaluations that have completed, best first")
    stopped: list[StoppedOut] = Field([], description="by the race: not fitted on the other folds")
    failed: list[FailureOut] = Field(description="failed, timed out or cancelled")
    saving: SavingOut | None = Field(description="null before the run has ended, and if it saves nothing")
    tracking: TrackingOut | None = Field(description="null before the run is judged, and if it is not logged")
