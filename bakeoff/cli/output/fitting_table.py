"""Tables that lose whole columns where the terminal is narrow, and say which, instead of cutting cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.table import Table
from rich.text import Text

_GAP = 2
ALWAYS = 99  #: `keep` of a column that is never left out


@dataclass(frozen=True, kw_only=True)
class FittingColumn:
    name: str
    unit: str = ""
    cells: Sequence[Text]
    justify: Literal["left", "right"] = "right"
    keep: int  #: when there is no room for all, the column with the lowest number goes first
    style: str = "bold"  #: of its name

    @property
    def header(self) -> Text:
        return Text.assemble((self.name, self.style), (f" {self.unit}" if self.unit else "", "dim"))

    @property
    def width(self) -> int:
        return max(self.header.cell_len, *(cell.cell_len for cell in self.cells)) + _GAP


def fitting(columns: Sequence[FittingColumn], width: int) -> list[FittingColumn]:
    """The columns for which there is room."""
    kept = list(columns)
    while sum(column.width for column in kept) - _GAP > width:
        least = min(kept, key=lambda column: column.keep)
        if least.keep == ALWAYS:
            break
        kept = [column for column in kept if column is not least]
    return kept


def table_of(columns: Sequence[FittingColumn]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="")
    for column in columns:
        table.add_column(column.header, justify=column.justify, no_wrap=True, overflow="ellipsis")
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def left_out(
    columns: Sequence[FittingColumn], kept: Sequence[FittingColumn], *, elsewhere: str
) -> list[Text]:
    """A line that names the columns without room, if any; `elsewhere` is the option that has them."""
    names = [column.name for column in columns if column.name and column not in kept]
    return [Text(f"no room for {', '.join(names)} ({elsewhere} has them)", "dim")] if names else []


def cut(text: Text, longest: int) -> Text:
    text.truncate(longest, overflow="ellipsis")
    return text
