"""The looks of a race: when a round is over, who goes on and who is stopped.

Whoever ends the last job of a round looks at once. If that process dies before, the saver process does it.
What is found follows from what was predicted in the folds so far, by fixed draws, so it does not matter who
looks, nor when. A fault of ours stops nobody: the race goes on without this look.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bakeoff.domain.errors import BakeoffError, InfrastructureError
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.race import RaceLook, looks_of
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import RunVerdict, Standing
from bakeoff.operations.context import Context
from bakeoff.operations.judging.sketch_kept_predictions import kept_predictions
from bakeoff.settings import log_setup
from bakeoff.store.bakeoffs import job_queries, run_rows
from bakeoff.store.bakeoffs.results import race_rows
from bakeoff.store.bakeoffs.results.race_rows import Racer

if TYPE_CHECKING:
    from bakeoff.evaluation.statistics.sketches.sketch import Sketch

log = logging.getLogger(__name__)


def look_where_rounds_are_over(context: Context) -> int:
    """Returns in how many runs."""
    return sum(_look(context, run_id, number) for run_id, number in race_rows.due(context.engine))


def _look(context: Context, run_id: str, number: int) -> bool:
    run = run_rows.get(context.engine, run_id)
    with log_setup.with_ids(runId=run_id):
        try:
            found = look_of(context, run, number)
        except InfrastructureError:  # the database is away: the round stays as it is, and is looked at later
            raise
        except Exception as exc:  # a fault in the statistics must not keep a run from going on
            log.exception("look %d of run %s stops nobody", number, run_id)
            found = _idle_look(run, number, problem=f"{type(exc).__name__}: {exc}")
        written = race_rows.write(context.engine, run_id, found)
        if written and found.stopped:
            log.info("%s: after fold %d, %d are stopped", run.name, number, len(found.stopped))
    return written


def look_of(context: Context, run: Run, number: int) -> RaceLook:
    """What the look after fold `number` finds. Nothing is written."""
    from bakeoff.evaluation.statistics import race_elimination

    metric, looks = run.rules.metrics[0], looks_of(run.dataset.design)
    racers = [one for one in race_rows.racers(context.engine, run.id) if one.candidate != run.baseline_id]
    found = race_elimination.look(
        _folds(context, run, racers, number),
        of_repeat=run.dataset.design.folds,
        level=race_elimination.level_of_look(number, looks),
        greater_is_better=run.rules.greater_is_better(metric),
    )
    waiting = {one.candidate for one in racers if one.state is JobState.WAITING}
    # A candidate whose result was reused has all its folds: there is nothing to stop.
    stopped = tuple(one for one in found.stopped if one in waiting)
    out = set(found.stopped)
    return RaceLook(
        number=number,
        looks=looks,
        level=found.level,
        leader=found.leader,
        p_values=found.p_values,
        stopped=stopped,
        is_last=number == looks or len(racers) - len(out) <= 1,
    )


def _idle_look(run: Run, number: int, *, problem: str) -> RaceLook:
    from bakeoff.evaluation.statistics import race_elimination

    looks = looks_of(run.dataset.design)
    level = race_elimination.level_of_look(number, looks)
    return RaceLook(
        number=number, looks=looks, level=level, leader=None, is_last=number == looks, problem=problem
    )


def _folds(
    context: Context, run: Run, racers: Sequence[Racer], number: int
) -> "Mapping[str, Sequence[Sketch]]":
    """The sketches of the first folds of each that has them all."""
    from bakeoff.evaluation.statistics.sketches.sketch import Sketch

    stored = race_rows.fold_sketches(context.engine, run.id)
    found = {}
    for one in racers:
        if one.state is JobState.COMPLETED:
            sketches = _sketched_again(context, run, one.job_id, number)
        else:
            its = stored.get(one.job_id, ())[:number]
            sketches = [Sketch.from_bytes(each) for each in its if each is not None]
        if len(sketches) == number:
            found[one.candidate] = sketches
    return found


def _sketched_again(context: Context, run: Run, job_id: str, number: int) -> "list[Sketch]":
    """The folds of a result that was reused, from its predictions; none if they are gone."""
    from bakeoff.evaluation.jobs.accept_outputs import sketch_folds
    from bakeoff.evaluation.metrics.score_snapshot import ForgedReportError
    from registry.columns.check_predictions import BadPredictionsError

    try:
        paths = kept_predictions(context, run, job_queries.result_of(context.engine, job_id))
        if paths is None:
            return []
        return sketch_folds(run, job_queries.get(context.engine, job_id), paths, number)
    except (BakeoffError, ForgedReportError, BadPredictionsError, OSError) as exc:
        log.warning("the folds of job %s take no part in the race: %s", job_id, exc)
        return []


def with_stopped(verdict: RunVerdict, looks: Sequence[RaceLook]) -> RunVerdict:
    """The verdict on those that were left, with those that the race had stopped before.

    A stopped candidate comes behind those who may be the best. Beside the others it was not compared: its
    place may be any of the rest, and they may be behind it.
    """
    stopped = [one for look in looks for one in look.stopped]
    if not stopped:
        return verdict
    first = max((last for begin, last in verdict.bands.values() if begin == 1), default=0)
    places = len(verdict.bands) + len(stopped)
    bands = {
        name: (begin, last) if last <= first else (begin, last + len(stopped))
        for name, (begin, last) in verdict.bands.items()
    }
    return replace(
        verdict,
        standings={**verdict.standings, **dict.fromkeys(stopped, Standing.STOPPED)},
        bands={**bands, **dict.fromkeys(stopped, (first + 1, places))},
        method=f"{verdict.method}; race: {', '.join(_spent(looks))}, of 0.05 in all",
        sentence=f"{verdict.sentence} {_told(stopped)}".strip(),
    )


def _spent(looks: Sequence[RaceLook]) -> Iterator[str]:
    for look in looks:
        yield f"{look.level:.2g} after fold {look.number}"


def _told(stopped: Sequence[str]) -> str:
    shown = " and ".join([", ".join(stopped[:-1]), stopped[-1]] if stopped[1:] else stopped)
    if len(stopped) > 3:  # noqa: PLR2004 - a list that one still reads
        shown = f"{len(stopped)} others"
    return f"The race stopped {shown} before."
