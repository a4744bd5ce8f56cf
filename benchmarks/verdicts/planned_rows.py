"""How many test rows a difference needs: a table for those who plan a run. It is computed, not simulated.

A difference so large is found in 80 % of the runs. It depends on how often exactly one of two candidates is
right: of two that are right in 85 % of the rows each, in 17 % of the rows if they are of different kinds
(rho 0.6 in the other tables), in 8 % if they are much alike (rho 0.9).
"""

from collections.abc import Iterator

from bakeoff.evaluation.statistics.winners_curse import planned_detectable_difference
from benchmarks.verdicts.rate_tables import Figure, Table

_ROWS = (100, 200, 500, 1000, 2000, 5000, 10_000, 50_000)
_CANDIDATES = (2, 5, 10, 30)


def tables(_runs: int, _seed: int, _only: str) -> Iterator[Table]:
    for discordant in (0.17, 0.08):
        on = f"one of two is right in {discordant:.0%} of the rows"
        yield Table(
            title=f"Smallest difference in accuracy that is found, in points, where only {on}",
            figures=[_planned(rows, many, discordant) for rows in _ROWS for many in _CANDIDATES],
        )


def _planned(rows: int, many: int, discordant: float) -> Figure:
    points = 100 * planned_detectable_difference(rows, many, discordant)
    return Figure(case=f"{rows:,} test rows", column=f"{many} candidates", value=points, error=0.0, runs=0)
