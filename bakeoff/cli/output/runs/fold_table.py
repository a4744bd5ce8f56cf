"""The scores of a run by fold or by seed: how far they vary, and what was there before a candidate ended."""

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from bakeoff.cli.output.number_format import NOTHING, decimals, fixed
from bakeoff.domain.errors import InvalidInputError
from bakeoff.operations.runs.run_report import RunReport, folds_of_failed

if TYPE_CHECKING:
    from rich.console import RenderableType

#: More folds than these are shown as a spread alone.
_MOST_COLUMNS = 10
_FEWEST_TO_SPREAD = 2


def fold_table(report: RunReport) -> "list[RenderableType]":
    """A line for each candidate, by the metric that ranks, in the order of the leaderboard.

    Of a run with several seeds, the columns are its seeds.
    """
    design, metric = report.run.dataset.design, report.metrics[0]
    if design.fits == 1:
        raise InvalidInputError(
            f"run {report.run.id} has one split; for folds: `bakeoff run {report.run.dataset.name} --folds 5`"
        )
    what, number = ("seed", design.seeds) if design.seeds > 1 else ("fold", design.splits)
    scores: dict[str, list[float | None]] = {}
    means: dict[str, float | None] = {}
    for standing in report.standings:
        result = standing.result
        # A candidate that predicts the same with every seed has scores of one.
        fits = result.details.get(f"{what}s", [{"metrics": result.metrics}])
        scores[result.model_id] = _scores(fits, metric, number)
        means[result.model_id] = result.metrics.get(metric)
    for job in report.unsuccessful:
        scores[job.candidate.id] = _scores(folds_of_failed(report, job)[:number], metric, number)
    for stopped in report.stopped:
        name = stopped.job.candidate.id
        scores[name] = _scores([{"metrics": fold.metrics} for fold in stopped.folds], metric, number)
    places = decimals(value for values in scores.values() for value in values if value is not None)
    columns = range(number) if number <= _MOST_COLUMNS else ()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", title_justify="left")
    table.add_column("model", no_wrap=True)
    headings = [_heading(place, number if what == "seed" else design.folds) for place in columns]
    for name in ("mean", "spread", "lowest", "highest", *headings):
        table.add_column(name, justify="right", no_wrap=True)
    for model, values in scores.items():
        each = (fixed(values[place], places) for place in columns)
        table.add_row(model, fixed(means.get(model), places), *_spread(values, places), *each)
    return [Text(f"\n{metric} of each {what}", "dim"), table]


def _scores(fits: Sequence[Mapping[str, Any]], metric: str, number: int) -> list[float | None]:
    """By place; None where it is undefined, or the candidate ended before."""
    found: list[float | None] = [fit["metrics"].get(metric) for fit in fits]
    return [*found, *[None] * (number - len(found))]


def _heading(place: int, folds: int) -> str:
    repeat, fold = divmod(place, folds)
    return f"{fold + 1}" if repeat == 0 else f"{repeat + 1}.{fold + 1}"


def _spread(values: Sequence[float | None], places: int) -> list[Text | str]:
    known = [value for value in values if value is not None]
    if not known:
        return [NOTHING] * 3
    spread = statistics.stdev(known) if len(known) >= _FEWEST_TO_SPREAD else None
    return [fixed(value, places) for value in (spread, min(known), max(known))]
