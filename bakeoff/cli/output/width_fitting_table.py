"""Tables that lose whole columns where the terminal is narrow, and say which, instead of cutting cells.

One column may be of sentences: it takes the room that the others leave, and goes when that is too little.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType

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
    least: int | None = None  #: of a column of sentences: the width that it needs at least
    wraps: bool = False  #: a column of sentences that goes on in the next line, instead of being cut

    @property
    def header(self) -> Text:
        return Text.assemble((self.name, self.style), (f" {self.unit}" if self.unit else "", "dim"))

    @property
    def width(self) -> int:
        """The least that it takes, with the gap behind it."""
        whole = self.whole_width
        return (whole if self.least is None else min(whole, self.least)) + _GAP

    @property
    def whole_width(self) -> int:
        return max(self.header.cell_len, *(cell.cell_len for cell in self.cells))


def fitted(columns: Sequence[FittingColumn], width: int, *, elsewhere: str) -> "list[RenderableType]":
    """The table, and below it a line that names what it had no room for."""
    kept = fitting(columns, width)
    return [table_of(kept, width), *left_out(columns, kept, elsewhere=elsewhere)]


def fitting(columns: Sequence[FittingColumn], width: int) -> list[FittingColumn]:
    """The columns for which there is room."""
    kept = list(columns)
    while sum(column.width for column in kept) - _GAP > width:
        least = min(kept, key=lambda column: column.keep)
        if least.keep == ALWAYS:
            break
        kept = [column for column in kept if column is not least]
    return kept


def table_of(columns: Sequence[FittingColumn], width: int | None = None) -> Table:
    """`width`: of the terminal, where a column of sentences is to take what is left of it."""
    left = None if width is None else width + _GAP - sum(one.width for one in columns if one.least is None)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="")
    for column in columns:
        table.add_column(
            column.header,
            justify=column.justify,
            no_wrap=not column.wraps,
            overflow="ellipsis",
            width=None if left is None or column.least is None else min(column.whole_width, left - _GAP),
        )
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
