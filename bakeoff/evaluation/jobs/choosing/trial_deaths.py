"""Trials that end their cell: by a crash of a library, `sys.exit`, or more memory than there is.

Such a trial costs itself, and not the search: it is noted as failed in the file of the trials, and another
cell goes on with the next one. Several of them end the job.
"""

from bakeoff.cell.host.cell_outcome import CellOutcome, End
from bakeoff.domain.runs.job import JobError, JobState, Phase
from bakeoff.domain.runs.result import digest_of
from bakeoff.evaluation.jobs.cell_failure import Faulty
from bakeoff.evaluation.jobs.choosing.trial_file import MOST_DEATHS, KeptTrials, note_death, trials_kept
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import EvaluationUnderWay
from bakeoff.evaluation.reuse.job_provenance import seed_at

#: Ends of a cell that a trial is no cause of. The time limit is that of the whole job.
_OTHER_ENDS = {End.RETURNED, End.TIMED_OUT, End.STOPPED, End.LOST, End.NO_ROOM}


def searched(evaluation: EvaluationUnderWay) -> str:
    """What is searched, as the first line of the file of its trials has it."""
    seed = seed_at(evaluation.job.candidate, evaluation.run.seed, evaluation.seed_place)
    return digest_of([evaluation.parts_now(), seed])


def kept_trials(evaluation: EvaluationUnderWay) -> KeptTrials:
    if evaluation.job.candidate.tune is None:
        return KeptTrials()
    return trials_kept(evaluation.paths.trials, of=searched(evaluation))


def was_a_trial(evaluation: EvaluationUnderWay, outcome: CellOutcome) -> bool:
    """Whether the cell ended while a trial was under way. Then it is noted as failed."""
    if evaluation.job.candidate.tune is None or outcome.end in _OTHER_ENDS:
        return False
    return note_death(evaluation.paths.trials, of=searched(evaluation), cause=_how_it_ended(outcome))


def too_many_deaths(evaluation: EvaluationUnderWay, outcome: CellOutcome) -> Faulty | None:
    """The end of the job, if so many trials have ended their cell that the next ones are not tried."""
    deaths = kept_trials(evaluation).deaths
    if deaths <= MOST_DEATHS:
        return None
    error = JobError(
        type="TuningFailed",
        message=f"{deaths} of its trials ended their cell, the last one so: {_how_it_ended(outcome)}",
        phase=Phase.FIT,
        hint="leave out the values below `tune` that take too much memory, or end the process",
        log_tail=outcome.end_of_log,
    )
    return Faulty(state=JobState.FAILED, error=error)


def _how_it_ended(outcome: CellOutcome) -> str:
    error = outcome.error
    return str(outcome.end) if error is None else f"{error.type}: {error.message}".removesuffix(": ")
