"""What the supervisor accepts of the choices that a cell reports: parameters that were searched, a threshold.

The report comes from a process in which untrusted code runs. What is false in it harms its own result alone;
what is no such record at all ends the job.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.tuning import Trial, TrialState, Tuning
from bakeoff.evaluation.metrics.score_snapshot import ForgedReportError

#: The keys of a result's details that hold choices: one entry for each fit that was scored.
CHOICES = ("tuning", "thresholds")

_MOST_KEPT_BYTES = 8 * 2**20


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
        threshold = claimed.get("threshold")
        if not isinstance(threshold, int | float) or not math.isfinite(threshold):
            raise ForgedReportError("the report of the cell holds no threshold")
        found["thresholds"] = [float(threshold)]
    return found


def _searched(claimed: Mapping[str, Any], tuning: Tuning) -> dict[str, Any]:
    trials = [Trial.from_json(one) for one in claimed["trials"]][: tuning.trials]
    complete = {trial.number: trial for trial in trials if trial.state is TrialState.COMPLETE}
    best = complete[claimed["best"]]
    return {
        "metric": tuning.rules.metric,
        "params": dict(best.params),
        "value": best.value,
        "best": best.number,
        "wanted": tuning.trials,
        "outOfTime": claimed["outOfTime"] is True,
        "trials": [trial.to_json() for trial in trials],
    }


def warnings_about(choices: Mapping[str, Any]) -> list[str]:
    return [
        f"tuned with {len(found['trials'])} of {found['wanted']} trials: its time for that was over"
        for found in choices.get("tuning", ())
        if found["outOfTime"]
    ]


def choices_in(details: Mapping[str, Any]) -> dict[str, Any]:
    return {key: details[key] for key in CHOICES if key in details}


def trials_kept(file: Path) -> list[dict[str, Any]]:
    """The trials of an attempt that died, in order. What follows a gap or a half line does not count."""
    if not file.is_file() or file.stat().st_size > _MOST_KEPT_BYTES:
        return []
    found: list[dict[str, Any]] = []
    for line in file.read_bytes().splitlines():
        try:
            trial = Trial.from_json(json.loads(line))
        except (KeyError, TypeError, ValueError, RecursionError):
            continue  # half a line, at which somebody was killed
        if trial.number == len(found):
            found.append(trial.to_json())
    return found
