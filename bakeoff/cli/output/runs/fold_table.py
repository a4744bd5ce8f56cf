"""The scores of a run fold by fold: how far they vary, and what a candidate that failed gave before."""

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from bakeoff.cli.output.number_format import NOTHING, decimals, fixed
from bakeoff.domain.errors import InvalidInputError
from bakeoff.operations.run_report import RunReport, folds_of_failed

if TYPE_CHECKING:
    from rich.console import RenderableType

#: More folds than these are shown as a spread alone.
_MOST_COLUMNS = 10
_FEWEST_TO_SPREAD = 2


def fold_table(report: RunReport) -> "list[RenderableType]":
    """A line for each candidate, by the metric that ranks, in the order of the leaderboard."""
    design, metric = report.run.dataset.design, report.metrics[0]
    if not design.has_folds:
        raise InvalidInputError(
            f"run {report.run.id} has one split; for folds: `bakeoff run {report.run.dataset.name} --folds 5`"
        )
    rows = {standing.result.model_id: standing.result.details["folds"] for standing in report.standings}
    rows |= {job.candidate.id: folds_of_failed(report, job) for job in report.unsuccessful}
    scores = {model: _scores(folds, metric, design.fits) for model, folds in rows.items()}
    places = decimals(value for values in scores.values() for value in values if value is not None)
    columns = range(design.fits) if design.fits <= _MOST_COLUMNS else ()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", title_justify="left")
    table.add_column("model", no_wrap=True)
    for name in (
        "mean",
        "spread",
        "lowest",
        "highest",
        *(_heading(place, design.folds) for place in columns),
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for model, values in scores.items():
        each = (fixed(values[place], places) for place in columns)
        table.add_row(model, *_summary(values, places), *each)
    return [Text(f"\n{metric} of each fold", "dim"), table]


def _scores(folds: Sequence[Mapping[str, Any]], metric: str, fits: int) -> list[float | None]:
    """By place; None where it is undefined, or the candidate failed before."""
    found: list[float | None] = [folds_of["metrics"].get(metric) for folds_of in folds]
    return [*found, *[None] * (fits - len(found))]


def _heading(place: int, folds: int) -> str:
    repeat, fold = divmod(place, folds)
    return f"{fold + 1}" if repeat == 0 else f"{repeat + 1}.{fold + 1}"


def _summary(values: Sequence[float | None], places: int) -> list[Text | str]:
    known = [value for value in values if value is not None]
    if not known:
        return [NOTHING] * 4
    spread = statistics.stdev(known) if len(known) >= _FEWEST_TO_SPREAD else None
    mean = statistics.fmean(known) if len(known) == len(values) else None
    return [fixed(value, places) for value in (mean, spread, min(known), max(known))]
