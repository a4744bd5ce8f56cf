"""Figures with their Monte-Carlo errors, and the tables they are printed in."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Figure:
    case: str  #: the row of the table
    column: str
    value: float  #: NaN where no run says anything
    error: float  #: one standard error, in the same unit
    runs: int  #: that it is the mean of; 0: it is computed


@dataclass(frozen=True, kw_only=True)
class Table:
    title: str
    figures: Sequence[Figure]
    digits: int = 1

    def text(self) -> str:
        cells = {(figure.case, figure.column): self._cell(figure) for figure in self.figures}
        cells |= {(figure.case, "runs"): f"{figure.runs}" for figure in self.figures if figure.runs}
        cases = list(dict.fromkeys(case for case, _ in cells))
        columns = list(dict.fromkeys(column for _, column in cells))
        width_of_cases = max(map(len, cases))
        lines = [self.title, " " * width_of_cases]
        lines += [f"{case:{width_of_cases}}" for case in cases]
        for column in columns:
            texts = [column, *(cells.get((case, column), "") for case in cases)]
            width = max(map(len, texts)) + 3
            lines[1:] = [f"{line}{text:>{width}}" for line, text in zip(lines[1:], texts, strict=True)]
        return "\n".join([*lines, ""])

    def _cell(self, figure: Figure) -> str:
        if math.isnan(figure.value):
            return "-"
        error = f" ±{figure.error:.{self.digits}f}" if figure.error else ""
        return f"{figure.value:.{self.digits}f}{error}"


def share(case: str, column: str, shares: Sequence[float]) -> Figure:
    """The mean of what is 0 or 1 in each run, or between, in per cent.

    What happened in none of the runs, or in all, has an error too: in one run more it might be otherwise.
    """
    if not shares:
        return Figure(case=case, column=column, value=math.nan, error=0.0, runs=0)
    runs, value = len(shares), float(np.mean(shares))
    cautious = (runs * value + 1) / (runs + 2)
    spread = float(np.std(shares)) or math.sqrt(cautious * (1 - cautious))
    return Figure(
        case=case, column=column, value=100 * value, error=100 * spread / math.sqrt(runs), runs=runs
    )


def mean(
    case: str, column: str, values: Sequence[float] | NDArray[np.float64], *, scale: float = 1
) -> Figure:
    runs = len(values)
    return Figure(
        case=case,
        column=column,
        value=scale * float(np.mean(values)) if runs else math.nan,
        error=scale * float(np.std(values, ddof=1)) / math.sqrt(runs) if runs > 1 else 0.0,
        runs=runs,
    )
