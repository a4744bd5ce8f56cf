"""One candidate's turn, seen from the supervisor: order a cell, wait for its outcome, score what it left."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from bakeoff.cell.host.cell_client import WarmParent
from bakeoff.cell.host.cell_order import Limits, Order
from bakeoff.cell.host.cell_outcome import CellOutcome, End
from bakeoff.domain.background_work import StoppedError, TooLongError, meanwhile
from bakeoff.domain.dataset import DatasetRef
from bakeoff.domain.identity import utc_now
from bakeoff.domain.job import Job, JobError, JobState, Phase
from bakeoff.domain.provenance import Parts, Provenance
from bakeoff.domain.result import Cost, FittedModel, NotKept, Result
from bakeoff.domain.run import Run
from bakeoff.evaluation.datasets import snapshot, snapshot_store
from bakeoff.evaluation.jobs.accept_model import harvest, remarked
from bakeoff.evaluation.jobs.cell_failure import Faulty, Grant, Killed, Leave, Stopped, without_answer
from bakeoff.evaluation.jobs.job_paths import JobPaths
from bakeoff.evaluation.jobs.score_outputs import ForgedReportError, scores_of
from bakeoff.evaluation.metrics.metric_names import may_need_probabilities
from bakeoff.evaluation.metrics.score_predictions import Scores
from bakeoff.evaluation.reuse.audit_check import sha256
from bakeoff.evaluation.reuse.fingerprint import parts_of
from bakeoff.evaluation.reuse.job_provenance import Before, look_before, provenance_of
from registry.code.code_reading import Code
from registry.code.import_environment import import_path, readable
from registry.columns.predictions import BadPredictionsError


@dataclass(frozen=True, kw_only=True)
class Scored:
    scores: Scores
    cost: Cost
    fitted: FittedModel | NotKept | None = None  #: None when it is not wanted
    provenance: Provenance | None = None  #: None when nothing was fitted
    reused_from: str | None = None  #: the evaluation whose predictions were scored


Verdict = Scored | Faulty | Killed | Stopped


def examine(job: Job, run: Run, *, places: JobPaths, grant: Grant, warm: WarmParent, leave: Leave) -> Verdict:
    for file in places.outputs.values():
        file.parent.mkdir(parents=True, exist_ok=True)

    def once(places: JobPaths) -> Verdict:
        return _examine_once(job, run, places=places, grant=grant, warm=warm, leave=leave)

    first = once(places)
    return _repeated(first, once, places) if run.repeat_check and isinstance(first, Scored) else first


def _repeated(first: Scored, once: Callable[[JobPaths], Verdict], places: JobPaths) -> Verdict:
    """The first verdict, with a word on whether a second fit predicts the same; or how that one failed."""
    again = replace(places, predictions=places.predictions.with_suffix(".again.npy"), model=None)
    try:
        second = once(again)
        if not isinstance(second, Scored):
            return second
        same = places.predictions.read_bytes() == again.predictions.read_bytes()
    finally:
        for file in again.outputs.values():
            file.unlink(missing_ok=True)
    details = {**first.scores.details, "deterministic": same}
    return replace(first, scores=replace(first.scores, details=details))


def _examine_once(
    job: Job, run: Run, *, places: JobPaths, grant: Grant, warm: WarmParent, leave: Leave
) -> Verdict:
    before = look_before(job.candidate, places.root)
    order = _order(job, run, places, grant)
    outcome = warm.run(order, keep_going=leave.may_go_on, may_keep=leave.may_keep)
    if outcome.end is not End.RETURNED:
        return without_answer(outcome, attempt=job.attempt, writes_to=places.predictions.parent)
    return _scored(job, run, places, grant=grant, outcome=outcome, leave=leave, before=before)


_SPARE_MB = 16
_ROW_BYTES = 1024
_WORD_BYTES = 8
_LETTER_BYTES = 4


def _order(job: Job, run: Run, places: JobPaths, grant: Grant) -> Order:
    return Order(
        entry="bakeoff.evaluation.jobs.fit_and_predict:run",
        payload=payload_of(job, run, places, witnessed=True),
        limits=Limits(
            wall_s=job.timeout_s,
            threads=grant.threads,
            memory_mb=grant.memory_mb,
            output_mb=_output_mb(run.dataset),
            processes=grant.processes,
            mapped_bytes=snapshot.mapped_bytes(places.snapshot),
        ),
        log=places.log,
        readable=(
            places.snapshot / snapshot_store.OPEN,
            *readable(
                places.root,
                candidates=[job.candidate],
                closed=(*places.closed, *map(Path, run.dataset.files)),
            ),
        ),
        import_path=import_path(places.root),
        outputs=places.outputs,
    )


def _output_mb(dataset: DatasetRef) -> int:
    """Room for a long label, or for a probability of each class, in each row: the supervisor reads it all."""
    longest = max((len(name) for name in dataset.classes), default=0)
    row = max(_ROW_BYTES, _WORD_BYTES * len(dataset.classes), _LETTER_BYTES * longest)
    return _SPARE_MB + dataset.test_rows * row // 2**20


def payload_of(job: Job, run: Run, places: JobPaths, *, witnessed: bool) -> dict[str, Any]:
    """`witnessed`: whoever runs it has a process to itself, which ends with it."""
    return {
        "about": {"runId": run.id, "jobId": job.id, "attempt": job.attempt},
        "witnessed": witnessed,
        "candidate": job.candidate.to_json(),
        "snapshot": str(places.snapshot / snapshot_store.OPEN),
        "root": str(places.root),
        "seed": run.seed,
        "probabilities": may_need_probabilities(run.rules.metrics, run.dataset.target_kind),
        "saveAs": None if places.model is None or run.save is None else run.save.name,
    }


def _scored(
    job: Job, run: Run, places: JobPaths, *, grant: Grant, outcome: CellOutcome, leave: Leave, before: Before
) -> Verdict:
    def score() -> Scored:
        return Scored(
            cost=_cost(outcome, grant),
            scores=_mention_log(scores_of(job, run, places), outcome),
            fitted=_fitted(job, run, places, outcome.value),
            provenance=provenance_of(
                job.candidate,
                before,
                root=places.root,
                report=outcome.value,
                parts=partial(_parts, job, run),
                predictions=sha256(places.predictions),
                probabilities=sha256(places.probabilities) if places.probabilities.exists() else None,
            ),
        )

    return judge(score, job, run, leave=leave, last_words=outcome.last_words)


def _parts(job: Job, run: Run, code: Code, surroundings: Mapping[str, str]) -> Parts:
    return parts_of(job.candidate, dataset=run.dataset, seed=run.seed, code=code, surroundings=surroundings)


def judge(score: Callable[[], Scored], job: Job, run: Run, *, leave: Leave, last_words: str = "") -> Verdict:
    """Metrics may be strangers' code, and take as long as they like."""
    try:
        return meanwhile(score, keep_going=leave.may_go_on, longest_s=job.timeout_s)
    except StoppedError:
        return Stopped()
    except TooLongError:
        return Faulty(state=JobState.TIMED_OUT, error=_slow_metrics(job, run))
    except (BadPredictionsError, ForgedReportError) as exc:
        error = JobError(type="BadPredictions", message=str(exc), phase=Phase.SCORE, log_tail=last_words)
        return Faulty(state=JobState.FAILED, error=error)


def _fitted(job: Job, run: Run, places: JobPaths, report: Any) -> FittedModel | NotKept | None:
    if places.model is None:
        return None
    return harvest(report, places.model, job=job, run=run, classes=snapshot.classes(places.snapshot))


def _slow_metrics(job: Job, run: Run) -> JobError:
    return JobError(
        type="Timeout",
        message=f"its metrics, {', '.join(run.rules.metrics)}, took longer than {job.timeout_s:g} seconds",
        phase=Phase.SCORE,
        hint="name fewer metrics or faster ones with `--metrics`",
    )


def _cost(outcome: CellOutcome, grant: Grant) -> Cost:
    return Cost(
        fit_s=_seconds(outcome, "fitSeconds"),
        predict_s=_seconds(outcome, "predictSeconds"),
        cpu_s=outcome.usage.cpu_s,
        peak_memory_mb=outcome.usage.peak_memory_mb,
        granted_threads=grant.threads,
        granted_memory_mb=grant.memory_mb,
    )


def _seconds(outcome: CellOutcome, key: str) -> float:
    """As the cell says, which cannot be more than it had."""
    value = outcome.value
    seconds = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(seconds, int | float) or not 0 <= seconds <= outcome.usage.wall_s:
        raise ForgedReportError(f"the report of the cell holds no {key}: {value!r:.200}")
    return float(seconds)


def _mention_log(scores: Scores, outcome: CellOutcome) -> Scores:
    if not outcome.log_gap:
        return scores
    warnings = [*scores.details["warnings"], outcome.log_gap]
    return replace(scores, details={**scores.details, "warnings": warnings})


def result_of(job: Job, run: Run, scored: Scored, *, duration_s: float) -> Result:
    return Result(
        evaluation_id=job.id,
        run_id=run.id,
        model_id=job.candidate.id,
        model_version=job.candidate.version,
        dataset_id=run.dataset.dataset_id,
        dataset_name=run.dataset.name,
        split_id=run.dataset.split_id,
        seed=run.seed,
        metrics=scored.scores.metrics,
        details=remarked(scored.scores.details, scored.fitted),
        timestamp=utc_now(),
        duration_s=duration_s,
        cost=scored.cost,
        attempt=job.attempt,
        reused_from=scored.reused_from,
    )
