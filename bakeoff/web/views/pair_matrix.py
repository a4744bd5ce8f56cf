"""The verdict on all pairs of candidates, as a matrix: the row minus the column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bakeoff.domain.runs.verdict import PairDifference, RunVerdict
from bakeoff.web.charts.number_text import MINUS, places_for
from bakeoff.web.shown_tables import ShownTable


@dataclass(frozen=True, kw_only=True)
class PairCell:
    text: str  #: the difference, with as many places as it is known to
    outcome: str  #: of the row against the column: better, worse, not_shown, or insufficient
    note: str  #: interval and p-value, in words


@dataclass(frozen=True, kw_only=True)
class PairMatrix:
    names: Sequence[str]  #: best first
    cells: Mapping[tuple[str, str], PairCell]  #: by row and column; absent on the diagonal


def pair_matrix(verdict: RunVerdict, order: Sequence[str]) -> PairMatrix:
    """`order`: ids of the candidates, as they stand on the leaderboard; those without a pair are left out."""
    cells: dict[tuple[str, str], PairCell] = {}
    widths = [
        (pair.high - pair.low) / 2 for pair in verdict.pairs if pair.low is not None and pair.high is not None
    ]
    places = places_for([pair.difference for pair in verdict.pairs], widths)
    for pair in verdict.pairs:
        cells[pair.a, pair.b] = _cell(pair, places)
        cells[pair.b, pair.a] = _cell(pair.turned(), places)
    compared = {name for names in cells for name in names}
    return PairMatrix(names=[name for name in order if name in compared], cells=cells)


def _cell(pair: PairDifference, places: int) -> PairCell:
    text = f"{pair.difference:+.{places}f}".replace("-", MINUS)
    if pair.low is None or pair.high is None:
        return PairCell(text=text, outcome="insufficient", note="too few rows to claim anything")
    note = f"{pair.low:+.3g} to {pair.high:+.3g}, adjusted p {pair.p_value:.2g}"
    return PairCell(text=text, outcome=outcome_of(pair), note=note)


def outcome_of(pair: PairDifference) -> str:
    """Of the first against the second."""
    if pair.low is None:
        return "insufficient"
    if pair.better is None:
        return "not_shown"
    return "better" if pair.better == pair.a else "worse"


def pair_table(verdict: RunVerdict) -> ShownTable:
    return ShownTable(
        name="pairs",
        columns=("a", "b", "difference", "low", "high", "adjustedP", "restsOn", "better"),
        rows=[
            (
                pair.a,
                pair.b,
                pair.difference,
                pair.low,
                pair.high,
                pair.p_value,
                round(pair.n_eff),
                pair.better,
            )
            for pair in verdict.pairs
        ],
    )
