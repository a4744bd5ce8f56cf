"""Evaluates the folds of one evaluation, one after another.

A cell that has learnt the labels of one fold could remember them in the next, where they are to be predicted.
So each fold gets a new cell, unless the candidate is code of a library alone. In either case the cell is
given the training labels of the fold at hand, and can open those of no other. All cells are forked from the
same warm parent: the libraries are loaded once, and memory is given back when a cell ends.

Each fold is kept when it is done. If the worker dies, the next one fits only what is left: a fold counts if
its predictions are the ones that were kept, and the candidate is what it was. So does a fold that another job
has kept, which failed, was cancelled or stopped after it: its predictions are copied, and scored by the rules
of this run.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.runs.column_importance import was_measured_by
from bakeoff.domain.runs.job import JobError, JobState, Phase
from bakeoff.domain.runs.result import FoldResult, NotKept, fingerprint
from bakeoff.evaluation.jobs.accept_outputs import score_outputs
from bakeoff.evaluation.jobs.cell_failure import Faulty, Killed, Stopped
from bakeoff.evaluation.jobs.choosing.accept_choices import choices_in
from bakeoff.evaluation.jobs.evaluation_job import EvaluationEnd, RoundDone, Scored, score_within_time
from bakeoff.evaluation.jobs.folds.join_folds_to_one_result import fold_paths, paths_at, together
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import EvaluationUnderWay, JobPaths
from bakeoff.evaluation.metrics.metric_names import importance_rules, need_more_than_labels
from bakeoff.evaluation.metrics.score_predictions import Scores
from bakeoff.evaluation.reuse.used_files_unchanged import first_change, sha256
from registry.columns.check_predictions import BadPredictionsError

#: Fits one part of an evaluation: a fold, or the refit to all rows.
FitPart = Callable[[EvaluationUnderWay], EvaluationEnd]


class KeptFolds(Protocol):
    """Where the folds of a job are kept until it ends: the database, or nowhere."""

    def present(self) -> Mapping[int, FoldResult]:
        """Those that were kept before, by their place."""

    def earlier(self, place: int) -> Iterable["EarlierFold"]:
        """The same fold of the same candidate as other jobs have kept it, the newest first."""

    def elsewhere(self, place: int) -> FoldResult | Faulty | Stopped | None:
        """What the job of this fold gave, where it has one of its own; waits for it if it is at work.

        None: the fold is to be fitted here.
        """

    def keep(self, fold: FoldResult, sketch: bytes | None) -> bool:
        """False when the job is no longer ours: then nothing was written.

        `sketch`: of the metric that ranks, in a race.
        """

    def goal(self) -> int:
        """How many fits it may have by now: all of the design, or in a race those until the next look."""


@dataclass(frozen=True, kw_only=True)
class EarlierFold:
    """A fold that another job has kept."""

    fold: FoldResult
    predictions: Path  #: where that job has, or had, those of the whole; those of the fold lie beside it


@dataclass(frozen=True, kw_only=True)
class _FoldDone:
    fold: FoldResult
    scores: Scores
    earlier_s: float = 0.0  #: what another job took for it, which is not counted by our own clock

    def sketch(self, metric: str) -> bytes | None:
        found = self.scores.sketches.get(metric)
        return found.to_bytes() if found else None


def evaluate_folds(
    evaluation: EvaluationUnderWay, fit: FitPart, kept: KeptFolds
) -> EvaluationEnd | RoundDone:
    """The first fold that fails ends the job, and names itself. What the folds before it gave stays kept."""
    design = evaluation.run.dataset.design
    goal = kept.goal()
    done = {place: fold for place, fold in kept.present().items() if _is_still_true(evaluation, place, fold)}
    earlier_s = sum(fold.duration_s for fold in done.values())
    began, waited_s = time.monotonic(), 0.0
    needed = design.fits
    for place in range(design.fits):
        if more_seeds_say_nothing(evaluation, place, done):
            needed = design.splits
            break
        if place in done:
            continue
        if place >= goal:
            return RoundDone(folds=place)
        at = time.monotonic()
        found = kept.elsewhere(place)
        waited_s += time.monotonic() - at  # the time of its own job counts, and not that of waiting for it
        if isinstance(found, Faulty | Stopped):
            return found
        if found is not None and _is_still_true(evaluation, place, found):
            earlier_s += found.duration_s
            done[place] = found
            continue
        left_s = evaluation.job.timeout_s - earlier_s - (time.monotonic() - began - waited_s)
        end = _one_fold(evaluation, place, fit, kept, left_s=left_s)
        if not isinstance(end, _FoldDone):
            return end
        earlier_s += end.earlier_s
        done[place] = end.fold
    folds = [done[place] for place in range(needed)]
    left_s = evaluation.job.timeout_s - earlier_s - (time.monotonic() - began - waited_s)
    refit = _refit(evaluation, fit, left_s) if evaluation.paths.model is not None else None
    if isinstance(refit, Killed | Stopped):
        return refit
    if not evaluation.permission.may_keep():
        return Stopped()
    return score_within_time(partial(together, evaluation, folds, refit, earlier_s - waited_s), evaluation)


def evaluate_one_fold(
    evaluation: EvaluationUnderWay, place: int, fit: FitPart, kept: KeptFolds
) -> FoldResult | Faulty | Killed | Stopped | None:
    """A fold that is a job of its own. `evaluation` is the whole, which joins the folds later.

    None: nothing has to be fitted, since another seed would say nothing more.
    """
    done = {at: fold for at, fold in kept.present().items() if _is_still_true(evaluation, at, fold)}
    if place in done:
        return done[place]
    splits = evaluation.run.dataset.design.splits
    looked_at = [*range(splits), *([splits] if place == splits + 1 else [])]
    if (
        place >= splits
        and all(at in done for at in looked_at)
        and more_seeds_say_nothing(evaluation, place, done)
    ):
        return None
    others_s = sum(fold.duration_s for fold in done.values())
    end = _one_fold(evaluation, place, fit, kept, left_s=evaluation.job.timeout_s - others_s)
    return end.fold if isinstance(end, _FoldDone) else end


def _one_fold(
    evaluation: EvaluationUnderWay, place: int, fit: FitPart, kept: KeptFolds, *, left_s: float
) -> "_FoldDone | Faulty | Killed | Stopped":
    """Takes the fold over from another job, or fits it; and keeps it."""
    title = evaluation.run.dataset.design.fold_title(place)
    if left_s <= 0:
        return _out_of_time(evaluation, title)
    done = _taken_over(evaluation, place, kept.earlier(place))
    if done is None:
        at = time.monotonic()
        end = fit(fold_of(evaluation, place, left_s))
        if not isinstance(end, Scored):
            return _named(end, title, evaluation)
        done = _FoldDone(fold=fold_result(place, end, time.monotonic() - at), scores=end.scores)
    is_kept = kept.keep(done.fold, done.sketch(evaluation.run.rules.metrics[0]))
    return done if is_kept else _no_longer_ours(evaluation)


def _taken_over(
    evaluation: EvaluationUnderWay, place: int, earlier: Iterable[EarlierFold]
) -> _FoldDone | None:
    """The newest that a fit of this fold would repeat. Its predictions are copied to those of this job.

    None if there is none, or if those that there are differ: the candidate predicts something else each time.
    """
    found = [one for one in earlier if _would_be_repeated(evaluation, place, one)]
    made = [one.fold.provenance for one in found if one.fold.provenance is not None]
    if not found or not all(made[0].predicted_like(other) for other in made):
        return None
    part = fold_of(evaluation, place, evaluation.job.timeout_s)
    try:
        _copy_predictions(paths_at(_with_predictions(evaluation, found[0]), place), part.paths)
        scores = score_outputs(part)
    except (OSError, BadPredictionsError):
        return None  # they were removed just now, or cannot be scored by the rules of this run
    fold = replace(found[0].fold, metrics=scores.metrics)
    return _FoldDone(fold=fold, scores=scores, earlier_s=fold.duration_s)


def _with_predictions(evaluation: EvaluationUnderWay, earlier: EarlierFold) -> EvaluationUnderWay:
    return replace(evaluation, paths=replace(evaluation.paths, predictions=earlier.predictions))


def _would_be_repeated(evaluation: EvaluationUnderWay, place: int, earlier: EarlierFold) -> bool:
    """Whether this fit would predict the same, and has stored what the rules of this run need."""
    fold, run = earlier.fold, evaluation.run
    before = _with_predictions(evaluation, earlier)
    if fold.provenance is None or fold.provenance.obstacle or fold.deterministic is False:
        return False
    if run.repeat_check and fold.deterministic is None:
        return False
    rules = importance_rules(run.rules, run.dataset.target_kind)
    if evaluation.wants_importance and not was_measured_by(rules, fold.choices):
        return False
    if not _is_still_true(before, place, fold):
        return False
    asks_for_more = need_more_than_labels(run.rules, run.dataset.target_kind)
    labels = evaluation.job.candidate.writes is OutputKind.LABELS
    return not (labels and asks_for_more) or paths_at(before, place).beside is not None


def _copy_predictions(source: JobPaths, target: JobPaths) -> None:
    """Each file appears whole: a kill leaves no half of one."""
    target.predictions.parent.mkdir(parents=True, exist_ok=True)
    for file, place in (
        (source.predictions, target.predictions),
        (source.probabilities, target.probabilities),
        (source.scores, target.scores),
    ):
        place.unlink(missing_ok=True)
        if file.is_file():
            draft = place.with_suffix(f".{uuid4().hex}.part")
            shutil.copyfile(file, draft)
            draft.replace(place)


def more_seeds_say_nothing(
    evaluation: EvaluationUnderWay, place: int, done: Mapping[int, FoldResult]
) -> bool:
    """Whether a candidate predicts the same with every seed, once the fits of the first one are done.

    Either its cells saw that it looks at no seed, or its first fit with a second seed predicts the same.
    """
    design = evaluation.run.dataset.design
    if place < design.splits or design.seeds == 1:
        return False
    if evaluation.job.candidate.chooses:
        # Its inner folds are dealt by the seed: two choices may be the same by chance.
        return False
    if not any(done[first].uses_seed for first in range(design.splits)):
        return True
    if place != design.splits + 1:
        return False
    first, second = (paths_at(evaluation, at).predictions for at in (0, design.splits))
    return first.read_bytes() == second.read_bytes()


def whole_seeds(evaluation: EvaluationUnderWay, done: Mapping[int, FoldResult]) -> list[FoldResult]:
    """The fits of all seeds, or of the first one alone where others say nothing more."""
    design = evaluation.run.dataset.design
    seeds = design.seeds if len(done) == design.fits else 1
    return [done[place] for place in range(design.splits * seeds)]


def remove_parts(evaluation: EvaluationUnderWay) -> None:
    """Removes what the folds predicted, once it is kept as a whole."""
    whole = evaluation.paths.predictions
    if evaluation.run.dataset.design.fits == 1:
        evaluation.paths.trials.unlink(missing_ok=True)
        return
    files = (f"{whole.stem}.*-*.npy", f"{whole.stem}.*-*.trials.jsonl", f"{whole.stem}.trials.jsonl")
    for pattern in files:
        for file in whole.parent.glob(pattern):
            file.unlink(missing_ok=True)


def fold_of(evaluation: EvaluationUnderWay, place: int, left_s: float) -> EvaluationUnderWay:
    """The evaluation of one fold. `left_s`: of the time limit of the whole."""
    design = evaluation.run.dataset.design
    seed_place, split = divmod(place, design.splits)
    return replace(
        evaluation,
        fold=split if design.has_folds else None,
        seed_place=seed_place,
        is_part=True,
        job=replace(evaluation.job, timeout_s=left_s),
        paths=paths_at(evaluation, place),
        share_s=_share_s(evaluation),
    )


def _share_s(evaluation: EvaluationUnderWay) -> float:
    """What each fit may count on: all of them have the same, and one more fits what is saved."""
    run = evaluation.run
    fits = run.dataset.design.fits * (2 if run.repeat_check else 1)
    return evaluation.job.timeout_s / (fits + (evaluation.paths.model is not None))


def _is_still_true(evaluation: EvaluationUnderWay, place: int, fold: FoldResult) -> bool:
    """Whether a fit of this fold would start from what it started from then, and its predictions are here."""
    made = fold.provenance
    if made is None or place >= evaluation.run.dataset.design.fits:
        return False
    if fingerprint(evaluation.parts_now()) != made.fingerprint or first_change(
        made.seen, root=evaluation.paths.root
    ):
        return False
    paths = paths_at(evaluation, place)
    expected = ((paths.predictions, made.predictions), (paths.beside, made.probabilities))
    return all(
        digest is None or (file is not None and file.is_file() and sha256(file) == digest)
        for file, digest in expected
    )


def fold_result(place: int, scored: Scored, duration_s: float) -> FoldResult:
    details = scored.scores.details
    return FoldResult(
        place=place,
        metrics=scored.scores.metrics,
        cost=scored.cost,
        duration_s=duration_s,
        warnings=tuple(details["warnings"]),
        uses_seed=scored.uses_seed,
        deterministic=details.get("deterministic"),
        provenance=scored.provenance,
        choices=choices_in(details),
    )


def _named(
    end: Faulty | Killed | Stopped, title: str, evaluation: EvaluationUnderWay
) -> Faulty | Killed | Stopped:
    if isinstance(end, Stopped):
        return end
    if isinstance(end, Faulty) and end.state is JobState.TIMED_OUT and end.error.phase is not Phase.SCORE:
        return _out_of_time(evaluation, title, end.error)
    return replace(end, error=replace(end.error, message=f"{title}: {end.error.message}"))


def _out_of_time(evaluation: EvaluationUnderWay, title: str, error: JobError | None = None) -> Faulty:
    """The time limit is that of the whole job, and a cell knows only what was left of it."""
    message = f"{title}: all folds together took longer than {evaluation.job.timeout_s:g} seconds"
    known = error or JobError(type="Timeout", message=message, phase=Phase.FIT)
    return Faulty(state=JobState.TIMED_OUT, error=replace(known, message=message))


def _no_longer_ours(evaluation: EvaluationUnderWay) -> Stopped:
    evaluation.permission.may_keep()  # so that the lease is seen to be lost before the end is written
    return Stopped()


def _refit(
    evaluation: EvaluationUnderWay, fit: FitPart, left_s: float
) -> Scored | NotKept | Killed | Stopped:
    """Fits the candidate once more, with folds to all rows. If that fails, no model is saved."""
    if left_s <= 0:
        return NotKept(problem="no time was left to fit it once more, to all rows")
    paths = replace(fold_paths(evaluation.paths, "refit-all"), model=evaluation.paths.model)
    run = replace(evaluation.run, repeat_check=False)
    job = replace(evaluation.job, timeout_s=left_s)
    share_s = _share_s(evaluation)
    end = fit(replace(evaluation, refit=True, run=run, job=job, paths=paths, share_s=share_s))
    if isinstance(end, Faulty):
        return NotKept(problem=f"fitted once more, it failed: {end.error.type}: {end.error.message}")
    return end
