"""The file of the trials of a search, which survives when the cell or its worker dies.

A line of JSON for each thing that has happened, and the first line says what is searched:

    {"of": …}                      the candidate, its data and its seed
    {"begun": 3, "params": …}      a trial begins
    {"number": 3, "state": …}      it has ended
    {"over": true}                 no more trials: what is fitted from here on is the best of them

A trial that has begun and not ended was under way when its cell died. If the cell alone died, the trial is
the cause: its supervisor notes that it failed, and the search goes on in another cell. If nothing was noted,
the worker has died as well, which may have been chance: the trial is tried once more, and counts as failed if
it has no end again.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.domain.tuning import MOST_ERROR_CHARS, Trial, TrialState, finite

#: Trials of one fit that may end their cell. One more ends the job: each costs a process, and maybe the
#: memory of all others.
MOST_DEATHS = 5

#: How the errors of such trials begin.
ENDED_ITS_CELL = "it ended its cell: "

_MOST_KEPT_BYTES = 8 * 2**20
_TRIES = 2  #: of a trial that was under way when its worker died
_WORKER_DIED = "its worker died with it, twice"


@dataclass(frozen=True, kw_only=True)
class KeptTrials:
    """What an earlier cell has left."""

    has_begun: bool = False  #: the file is about this search, and goes on
    trials: tuple[Trial, ...] = ()  #: those that have ended, in order
    under_way: Mapping[str, Any] | None = None  #: the line of the one that has begun, and has no end

    @property
    def deaths(self) -> int:
        return sum(ended_its_cell(trial.error) for trial in self.trials)


def ended_its_cell(error: str) -> bool:
    return error.startswith(ENDED_ITS_CELL)


def first_line(of: str) -> bytes:
    """What is tried on what, and with which code."""
    return json.dumps({"of": of}).encode() + b"\n"


def begin_line(number: int, params: Mapping[str, Any]) -> bytes:
    return json.dumps({"begun": number, "params": dict(params), "at": time.time()}).encode() + b"\n"


def end_line(trial: Trial) -> bytes:
    return json.dumps(trial.to_json()).encode() + b"\n"


def over_line() -> bytes:
    return json.dumps({"over": True}).encode() + b"\n"


def trials_kept(file: Path, *, of: str) -> KeptTrials:
    """`of`: what is searched now. Nothing is kept if the first line says that it was something else.

    What follows a gap does not count.
    """
    if not file.is_file() or file.stat().st_size > _MOST_KEPT_BYTES:
        return KeptTrials()
    first, *lines = file.read_bytes().splitlines() or [b""]
    if first != first_line(of).strip():
        return KeptTrials()
    trials: list[Trial] = []
    begun: list[Mapping[str, Any]] = []  # each start of the next trial
    for line in lines:
        try:
            told = json.loads(line)
            if told == {"over": True}:
                begun = []
                continue
            number, trial = _told(told)
        except (KeyError, TypeError, ValueError, RecursionError):
            continue  # half a line, at which somebody was killed
        if number > len(trials) and len(begun) >= _TRIES:
            trials.append(_failed(begun[-1], _WORKER_DIED))
            begun = []
        if number != len(trials):
            continue
        if trial is None:
            begun.append(told)
        else:
            trials.append(trial)
            begun = []
    if len(begun) >= _TRIES:
        trials.append(_failed(begun[-1], _WORKER_DIED))
        begun = []
    return KeptTrials(has_begun=True, trials=tuple(trials), under_way=begun[-1] if begun else None)


def _told(line: Mapping[str, Any]) -> tuple[int, Trial | None]:
    """The number of a trial, and its end if the line tells that. ValueError and others if it is none."""
    if "begun" in line:
        finite(line["at"])
        json.dumps(line["params"], allow_nan=False)
        if not isinstance(line["begun"], int) or not isinstance(line["params"], Mapping):
            raise ValueError(line)
        return line["begun"], None
    trial = Trial.from_json(line)
    return trial.number, trial


def note_death(file: Path, *, of: str, cause: str) -> bool:
    """Ends the trial that was under way as failed. False if there was none: something else was the cause.

    Called by the supervisor when the cell is gone, so nobody else writes to the file.
    """
    kept = trials_kept(file, of=of)
    if kept.under_way is None:
        return False
    took_s = max(0.0, time.time() - kept.under_way["at"])
    # The cell may have left half a line.
    line = b"\n" + end_line(_failed(kept.under_way, cause, seconds=took_s))
    with file.open("ab") as opened:
        opened.write(line)
        opened.flush()
        os.fsync(opened.fileno())
    return True


def _failed(begun: Mapping[str, Any], cause: str, *, seconds: float = 0.0) -> Trial:
    """`seconds`: of the budget of the search; none for a worker that died, which nobody has timed."""
    return Trial(
        number=begun["begun"],
        params=dict(begun["params"]),
        state=TrialState.FAILED,
        value=None,
        folds=(),
        seconds=seconds,
        error=f"{ENDED_ITS_CELL}{cause}"[:MOST_ERROR_CHARS],
    )
