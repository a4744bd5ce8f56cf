"""Details of the metrics of one candidate: each class, the confusion matrix, the residuals."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from bakeoff.cli.output.number_format import NOTHING, decimals, fixed, plain
from bakeoff.cli.output.terminal import clean
from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.runs.result import Result
from bakeoff.evaluation.reports.leaderboard import LeaderboardRow
from bakeoff.operations.runs.run_report import RunReport, standing_record

if TYPE_CHECKING:
    from rich.console import RenderableType

_GAP = 2
_LONGEST_LABEL = 24
_RATIOS = ("precision", "recall", "f1")


def of_model(report: RunReport, model_id: str) -> list[LeaderboardRow]:
    """The rows of the leaderboard of this model: one for each version of it that took part."""
    found = [standing for standing in report.standings if standing.result.model_id == model_id]
    if not found:
        known = ", ".join(standing.result.model_id for standing in report.standings) or "none"
        raise NotFoundError(
            f"run {report.run.id} has no result of {model_id!r}; there are results of {known}"
        )
    return found


def details_record(standing: LeaderboardRow) -> dict[str, Any]:
    return {**standing_record(standing), "details": dict(standing.result.details)}


def details(standing: LeaderboardRow) -> "list[RenderableType]":
    result = standing.result
    parts: list[RenderableType] = [Text(), _title(result)]
    if "folds" in result.details:
        parts.append(Text("these are means of the folds; below, the rows of all folds count together", "dim"))
    if "perClass" in result.details:
        parts += [Text(), _per_class(result.details)]
    if "confusion" in result.details:
        parts += [Text(), _confusion(result.details["classes"], result.details["confusion"])]
    if "residuals" in result.details:
        parts += [Text(), _residuals(result.details["residuals"])]
    parts += [Text(line) for line in _choices(result.details)]
    if result.details.get("preparesItself"):
        parts.append(Text("prepared  by itself: its steps see text, dates and missing values as they are"))
    return parts + [Text(f"warning  {clean(w)}", "yellow") for w in result.details.get("warnings", ())]


def _title(result: Result) -> Text:
    values = ", ".join(f"{name} {plain(value)}" for name, value in result.metrics.items())
    return Text.assemble((result.model_id, "bold"), (f" {result.model_version}  ", "dim"), values)


def _choices(details: Mapping[str, Any]) -> Iterator[str]:
    """What the candidate chose on its training rows, fit by fit."""
    for place, threshold in enumerate(details.get("thresholds", ()), 1):
        of_fit = _of_fit(details["thresholds"], place)
        yield f"threshold  {threshold:.4g}, chosen on the training rows{of_fit}"
    for place, found in enumerate(details.get("tuning", ()), 1):
        params = chosen_parameters(found)
        states = Counter(trial["state"] for trial in found["trials"])
        counts = ", ".join(f"{number} {state}" for state, number in states.items())
        yield (
            f"tuned      {params}: trial {found['best'] + 1} of {len(found['trials'])} ({counts}), "
            f"{found['metric']} {found['value']:.4g} on inner folds{_of_fit(details['tuning'], place)}"
        )


def chosen_parameters(search: Mapping[str, Any]) -> str:
    """As `depth=4, rate=0.1`."""
    return ", ".join(f"{name}={clean(str(value))}" for name, value in search["params"].items())


def _of_fit(fits: Sequence[Any], place: int) -> str:
    return f" of fit {place}" if len(fits) > 1 else ""


def _per_class(details: Mapping[str, Any]) -> Table:
    table = _table("class", *_RATIOS, "rows")
    for row in details["perClass"]:
        ratios = (fixed(row[name], 4) for name in _RATIOS)
        table.add_row(_label(row["label"]), *ratios, Text(f"{row['support']:,}", "dim"))
    if details["classCount"] > len(details["perClass"]):
        table.caption = f"the {len(details['perClass'])} most frequent of {details['classCount']} classes"
    return table


def _confusion(classes: Sequence[Any], counts: Sequence[Sequence[int]]) -> Table:
    labels = [_label(name) for name in classes]
    labels += [Text("other", "italic")] * (len(counts) - len(labels))
    table = _table(Text("true ↓  predicted →", "dim"), *labels)
    for place, (label, row) in enumerate(zip(labels, counts, strict=True)):
        table.add_row(label, *(_count(n, right=place == column) for column, n in enumerate(row)))
    return table


def _count(count: int, *, right: bool) -> Text:
    if count == 0:
        return Text("·", "dim")
    return Text(f"{count:,}", "bold green" if right else "red")


def _residuals(residuals: Mapping[str, Any]) -> Table:
    table = _table("residuals", "true less predicted")
    quantiles = {_percent(share): value for share, value in residuals["quantiles"].items()}
    values = {"mean": residuals["mean"], "spread": residuals["std"], **quantiles}
    places = decimals(values.values())
    for name, value in values.items():
        table.add_row(name, fixed(value, places))
    return table


def _percent(share: str) -> str:
    return {"0": "least", "0.5": "median", "1": "greatest"}.get(share, f"{float(share):.0%}")


def _table(first: str | Text, *others: str | Text) -> Table:
    table = Table(
        box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold", caption_justify="left"
    )
    table.add_column(first, justify="left", no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _label(label: Any) -> Text:
    text = Text(clean(str(label)) or NOTHING)
    text.truncate(_LONGEST_LABEL, overflow="ellipsis")
    return text
