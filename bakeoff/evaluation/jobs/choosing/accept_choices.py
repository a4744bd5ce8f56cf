"""What the supervisor accepts of the choices that a cell reports: parameters that were searched, a threshold.

The report comes from a process in which untrusted code runs. What is false in it harms its own result alone;
what is no such record at all ends the job.
"""

from collections.abc import Mapping
from typing import Any

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.runs.column_importance import IMPORTANCE
from bakeoff.domain.tuning import Trial, TrialState, Tuning, finite, search_record
from bakeoff.evaluation.jobs.choosing.trial_file import ENDED_ITS_CELL, ended_its_cell
from bakeoff.evaluation.metrics.score_snapshot import ForgedReportError

#: The keys of a result's details that hold one entry for each fit that was scored: what it chose, and how
#: much it relies on each column.
CHOICES = ("tuning", "thresholds", IMPORTANCE)


def accept_choices(report: Any, candidate: Candidate) -> dict[str, Any]:
    """As they stand in the details of a result; empty if the candidate chooses nothing."""
    if not candidate.chooses:
        return {}
    claimed = report.get("chosen") if isinstance(report, Mapping) else None
    if not isinstance(claimed, Mapping):
        raise ForgedReportError("the report of the cell does not say what was chosen")
    found: dict[str, Any] = {}
    if candidate.tune is not None:
        try:
            found["tuning"] = [_searched(claimed["tuning"], candidate.tune)]
        except (KeyError, TypeError, ValueError) as exc:
            raise ForgedReportError(f"the report of the cell holds no record of a search: {exc!r}") from exc
    if candidate.tuned_threshold is not None:
        try:
            found["thresholds"] = [finite(claimed["threshold"])]
        except (KeyError, TypeError, ValueError) as exc:
            raise ForgedReportError("the report of the cell holds no threshold") from exc
    return found


def _searched(claimed: Mapping[str, Any], tuning: Tuning) -> dict[str, Any]:
    trials = [Trial.from_json(one) for one in claimed["trials"]][: tuning.trials]
    complete = {trial.number: trial for trial in trials if trial.state is TrialState.COMPLETE}
    best = complete[claimed["best"]]
    return search_record(tuning, trials, best=best, out_of_time=claimed["outOfTime"] is True)


def ran_out_of_time(choices: Mapping[str, Any]) -> bool:
    """Whether one of its searches did: with more time it might have chosen something else."""
    return any(found["outOfTime"] for found in choices.get("tuning", ()))


def warnings_about(choices: Mapping[str, Any]) -> list[str]:
    """Of the searches of all fits together: that one ran out of time, and that trials ended their cells."""
    warnings = []
    if ran_out_of_time(choices):
        numbers = ", ".join(str(len(found["trials"])) for found in choices["tuning"])
        wanted = choices["tuning"][0]["wanted"]
        warnings.append(f"tuned with {numbers} of {wanted} trials: its time for that was over")
    errors = [trial["error"] for found in choices.get("tuning", ()) for trial in found["trials"]]
    deaths = [error for error in errors if ended_its_cell(error)]
    if deaths:
        trials = "1 trial" if len(deaths) == 1 else f"{len(deaths)} trials"
        warnings.append(
            f"{trials} ended the cell, the last one so: {deaths[-1].removeprefix(ENDED_ITS_CELL)}"
        )
    return warnings


def choices_in(details: Mapping[str, Any]) -> dict[str, Any]:
    return {key: details[key] for key in CHOICES if key in details}
