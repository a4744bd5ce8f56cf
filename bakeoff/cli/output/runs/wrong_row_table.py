"""The test rows in which a candidate was wrong, as a table and as CSV."""

import csv
import io
from typing import TYPE_CHECKING, Any

from rich.text import Text

from bakeoff.cli.output.number_format import fixed, plain
from bakeoff.cli.output.terminal import clean
from bakeoff.cli.output.width_fitting_table import ALWAYS, FittingColumn, fitted
from bakeoff.operations.comparing.wrong_rows import WrongRow, WrongRows

if TYPE_CHECKING:
    from rich.console import RenderableType

ON_A_PAGE = 20
_LEAST_FEATURES = 16  #: characters: of less one learns nothing


def wrong_row_table(found: WrongRows, width: int) -> "list[RenderableType]":
    parts: list[RenderableType] = [_title(found)]
    if found.items:
        parts += [Text(), *fitted(_columns(found), width, elsewhere="--format csv")]
    elif found.offset:
        parts.append(
            Text(f"--offset {found.offset} is behind the last of {found.wrong:,}: leave it out", "yellow")
        )
    if found.following is not None:
        left = found.wrong - found.following
        parts.append(Text(f"and {left:,} more: --offset {found.following} shows the next ones", "dim"))
    return parts


def to_csv(found: WrongRows) -> str:
    """A column for each feature, after those of the prediction; what is missing is empty."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    names = list(found.items[0].features) if found.items else []
    writer.writerow(["row", "fold", "true", "predicted", "probability", "error", *names])
    for item in found.items:
        values = (item.row, item.fold, item.true, item.predicted, item.probability, item.error)
        writer.writerow([*values, *item.features.values()])
    return written.getvalue()


def _title(found: WrongRows) -> Text:
    name = (clean(found.result.name), "bold")
    of_run = f" of run {clean(found.result.run.title)}"
    if found.is_of_numbers:
        return Text.assemble(name, f"{of_run}: {found.tested:,} test rows, the most wrong first")
    return Text.assemble(name, f"{of_run}: wrong in {found.wrong:,} of {found.tested:,} test rows")


def _columns(found: WrongRows) -> list[FittingColumn]:
    """The features take the room that is left: what has none is in `--format csv` and `--json`."""
    items = found.items
    columns = [
        FittingColumn(name="row", cells=[Text(f"{item.row:,}") for item in items], keep=ALWAYS),
        FittingColumn(name="true", cells=[Text(_text(item.true)) for item in items], keep=ALWAYS),
        FittingColumn(
            name="predicted",
            cells=[Text(_text(item.predicted)) for item in items],
            justify="left",
            keep=ALWAYS,
        ),
    ]
    if any(item.fold is not None for item in items):
        cells = [Text("" if item.fold is None else str(item.fold)) for item in items]
        columns.insert(1, FittingColumn(name="fold", cells=cells, keep=2))
    if found.is_of_numbers:
        columns.append(
            FittingColumn(name="error", cells=[Text(_text(item.error)) for item in items], keep=ALWAYS)
        )
    elif any(item.probability is not None for item in items):
        cells = [Text("" if item.probability is None else fixed(item.probability, 2)) for item in items]
        columns.append(FittingColumn(name="probability", cells=cells, keep=3))
    features = [Text(_features(item), "dim") for item in items]
    return [
        *columns,
        FittingColumn(name="features", cells=features, justify="left", keep=1, least=_LEAST_FEATURES),
    ]


def _features(item: WrongRow) -> str:
    return ", ".join(f"{clean(name)} {_text(value)}" for name, value in item.features.items())


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return plain(value) if isinstance(value, float) else clean(str(value))
