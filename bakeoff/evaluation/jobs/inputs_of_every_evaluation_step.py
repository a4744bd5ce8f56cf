"""What every step of evaluating one candidate gets, as one object: job, run, files, grant and permission."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bakeoff.domain.candidate import Candidate, CandidateKind
from bakeoff.domain.runs.column_importance import IMPORTANCE
from bakeoff.domain.runs.job import Job
from bakeoff.domain.runs.result import Parts
from bakeoff.domain.runs.run import Run
from bakeoff.evaluation.datasets.snapshot_layout import PART_FILES, REFIT, fold_folder
from bakeoff.evaluation.jobs import fit_and_predict, pickle_fitted_model
from bakeoff.evaluation.jobs.importance import permuted_predictions
from bakeoff.evaluation.reuse.job_provenance import look_before, parts_of
from registry.code.candidate_code import Code, is_installed_code
from registry.code.library_versions import cell_environment

_LEAST_PROCESSES = 128
_PROCESSES_PER_THREAD = 4
_SEARCHED = 0.5  #: the other half is for the fit itself


@dataclass(frozen=True, kw_only=True)
class Grant:
    """The part of the machine that one cell may use."""

    threads: int
    memory_mb: int | None  #: None: no limit

    @property
    def processes(self) -> int:
        return max(_LEAST_PROCESSES, _PROCESSES_PER_THREAD * self.threads)


class Permission(Protocol):
    """Says whether a job may go on: the lease monitor in a worker, `StopsNever` without one."""

    def may_go_on(self) -> bool:
        """Called each second while the cell runs and while its outputs are scored."""

    def may_keep(self) -> bool:
        """Called once, when the cell has returned: whether its outputs are still wanted."""


class StopsNever:
    def may_go_on(self) -> bool:
        return True

    def may_keep(self) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class JobPaths:
    """The files of one evaluation: what its cell may read, and what it writes."""

    root: Path  #: the folder that plugins are imported from
    closed: tuple[Path, ...]  #: files and folders below `root` that plugins must not read, such as secrets
    snapshot: Path
    log: Path
    predictions: Path
    model: Path | None = None  #: None when the fitted model is not wanted
    model_limit_mb: int = 1024  #: size of `model`, and of `preprocessor`

    @property
    def outputs(self) -> dict[str, Path]:
        """The files that the cell writes, by the names that it knows them by."""
        outputs = {
            fit_and_predict.PREDICTIONS: self.predictions,
            fit_and_predict.PROBABILITIES: self.probabilities,
            fit_and_predict.SCORES: self.scores,
        }
        if self.model is not None and self.preprocessor is not None:
            outputs[pickle_fitted_model.MODEL] = self.model
            outputs[pickle_fitted_model.PREPROCESSOR] = self.preprocessor
        return outputs

    @property
    def probabilities(self) -> Path:
        """Written only by a candidate that predicts labels, if a metric or the threshold may need them."""
        return self.predictions.with_suffix(".proba.npy")

    @property
    def scores(self) -> Path:
        """What its `decision_function` returned. Written instead of probabilities by one that has none."""
        return self.predictions.with_suffix(".scores.npy")

    @property
    def beside(self) -> Path | None:
        """The file of probabilities or scores, whichever was written."""
        return next((file for file in (self.probabilities, self.scores) if file.is_file()), None)

    @property
    def trials(self) -> Path:
        """The trials of a search, a line for each that has ended; removed when the job has completed."""
        return self.predictions.with_suffix(".trials.jsonl")

    @property
    def permuted(self) -> dict[str, Path]:
        """Predictions on shuffled columns, by the names that the cell knows; removed when they are scored."""
        return {
            permuted_predictions.ANSWERS: self.predictions.with_suffix(".importance-0.npy"),
            permuted_predictions.BESIDE: self.predictions.with_suffix(".importance-1.npy"),
        }

    @property
    def preprocessor(self) -> Path | None:
        return None if self.model is None else self.model.with_suffix(".preprocessor.pkl")


@dataclass(frozen=True, kw_only=True)
class EvaluationUnderWay:
    job: Job
    run: Run
    paths: JobPaths
    grant: Grant
    permission: Permission
    metric_timeout_s: float = 60.0  #: for each custom metric
    shared_cells: tuple[str, ...] = ()  #: the installed packages whose candidates may share a cell
    fold: int | None = (
        None  #: which of the folds of all repeats; None: there is one split, or it is the whole
    )
    seed_place: int = 0  #: which of the seeds
    is_part: bool = False  #: it is one of several fits, which are scored together later
    refit: bool = False  #: it is fitted to all rows, to be saved, and nothing is scored
    shuffled: int | None = None  #: which refit to shuffled training labels it is; None: they are true
    share_s: float | None = None  #: of the time limit of the whole job; None: it has no parts

    @property
    def tune_s(self) -> float:
        """The longest that it may search for parameters: half of its time, and of its share of the job's.

        What earlier parts left over changes nothing, unless they took more than their own shares.
        """
        left_s = self.job.timeout_s
        return _SEARCHED * min(left_s, left_s if self.share_s is None else self.share_s)

    @property
    def outputs(self) -> dict[str, Path]:
        searches = self.job.candidate.tune is not None
        return {
            **self.paths.outputs,
            **({fit_and_predict.TRIALS: self.paths.trials} if searches else {}),
            **(self.paths.permuted if self.wants_importance else {}),
        }

    @property
    def inputs(self) -> dict[str, Path]:
        """What the cell is given open, since it may open that of no other fold."""
        if self.part is None:
            return {}
        return {name: self.paths.snapshot / self.part / name for name in PART_FILES}

    @property
    def wants_importance(self) -> bool:
        """Not of the dummy, which looks at no column, nor of a refit to all rows or to shuffled labels."""
        asked = bool(self.run.options.get(IMPORTANCE)) and self.job.candidate.id != self.run.baseline_id
        return asked and not self.refit and self.shuffled is None

    def parts_now(self) -> Parts:
        """The parts of the fingerprint that a fit would have that began now."""
        return parts_of(
            self.job.candidate,
            dataset=self.run.dataset,
            seed=self.run.seed,
            code=look_before(self.job.candidate, self.paths.root).code,
            surroundings=cell_environment(),
        )

    @property
    def part(self) -> str | None:
        """The folder of the snapshot that has the rows of this fit alone; None: there is one split."""
        if self.refit:
            return REFIT if self.run.dataset.design.has_folds else None
        return None if self.fold is None else fold_folder(self.fold)


def may_share_cell(evaluation: EvaluationUnderWay, code: Code) -> bool:
    """Whether a candidate may share its cell with others, one after another: it is but installed code.

    A cell costs more than a cheap candidate computes, and its walls are for the code of strangers: a class of
    scikit-learn with parameters from a catalog is no such code. The supervisor decides: neither the candidate
    nor its cell has a say. `code` is that of the candidate, as it lies on the disk now.

    Fits that are repeated to compare them have cells of their own: what one leaves could hide how they
    differ.
    """
    if not evaluation.shared_cells or evaluation.run.repeat_check:
        return False
    candidate = evaluation.job.candidate
    return _asks_for_nothing_special(candidate) and is_installed_code(
        candidate, code, packages=evaluation.shared_cells
    )


def _asks_for_nothing_special(candidate: Candidate) -> bool:
    """A search for parameters takes long, and keeps its trials in a file that other cells must not reach."""
    return (
        candidate.kind is CandidateKind.CANDIDATE
        and not candidate.chooses
        and not candidate.env
        and not candidate.readable
    )
