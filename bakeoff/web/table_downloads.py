"""Tables as files: what a page shows as a table, anybody can take away as CSV, JSON or Markdown."""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

Cell = str | int | float | bool | None

#: The endings of a path that ask for a table, and the types of the files.
FORMS: Final = {
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
}

#: Spreadsheets take a text that begins so for a formula, and run it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, kw_only=True)
class ShownTable:
    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def write(self, form: str) -> str:
        """`form`: one of the keys of FORMS."""
        return {".csv": self.to_csv, ".json": self.to_json, ".md": self.to_markdown}[form]()

    def to_csv(self) -> str:
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([_no_formula(cell) for cell in row] for row in self.rows)
        return file.getvalue()

    def to_json(self) -> str:
        records = [
            {column: _finite(cell) for column, cell in zip(self.columns, row, strict=True)}
            for row in self.rows
        ]
        return json.dumps(records, ensure_ascii=False, indent=1) + "\n"

    def to_markdown(self) -> str:
        lines = [_line(self.columns), _line(["---"] * len(self.columns))]
        return "\n".join([*lines, *(_line([_plain(cell) for cell in row]) for row in self.rows)]) + "\n"


def _no_formula(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _finite(cell: Cell) -> Cell:
    """JSON has no infinity."""
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def _plain(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _line(cells: Sequence[str]) -> str:
    """Escaped, so that no cell ends its column, its row, or the table, or becomes markup."""
    escaped = (
        " ".join(cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())
        for cell in cells
    )
    return f"| {' | '.join(escaped)} |"
