# ruff: noqa: T201 - a script that prints, no part of a package
"""How far the verdicts of a run can be believed, measured by simulation with the code that ships.

    python -m benchmarks.verdicts coverage   how often the interval of a metric holds the true value
    python -m benchmarks.verdicts claims     how often something false is claimed, and what is found
    python -m benchmarks.verdicts winner     how far the corrected score of a winner is from the truth
    python -m benchmarks.verdicts rows       how many test rows a difference needs
    python -m benchmarks.verdicts shuffled   how often the shuffle check flags whom it should, and whom not
    python -m benchmarks.verdicts cost       what sketches add to scoring, and what judging takes
    python -m benchmarks.verdicts races      what stopping candidates early saves, and whom it costs
    python -m benchmarks.verdicts real       false claims of whole runs: worker, cells, database

Options: [--runs N] [--seed S] [--only TEXT] [--json FILE]. Behind each figure stands its Monte-Carlo standard
error. Every case has a stream of random numbers of its own, so it prints the same whichever run with it:
`--only "rho 0.9"` runs those whose names hold this text.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks.verdicts import (
    cost,
    false_claims,
    interval_coverage,
    planned_rows,
    real_runs,
    replayed_races,
    shuffled_refits,
    winner_bias,
)
from benchmarks.verdicts.rate_tables import Table

#: What each command makes: tables, by the number of runs, the seed, and what the names of cases hold.
COMMANDS: Mapping[str, Callable[[int, int, str], Iterator[Table]]] = {
    "coverage": interval_coverage.tables,
    "claims": false_claims.tables,
    "winner": winner_bias.tables,
    "rows": planned_rows.tables,
    "shuffled": shuffled_refits.tables,
    "cost": cost.tables,
    "races": replayed_races.tables,
    "real": real_runs.tables,
}

#: With these, `coverage`, `claims` and `winner` take three to four minutes of one core together.
_RUNS = {
    "coverage": 1000,
    "claims": 1000,
    "winner": 300,
    "rows": 1,
    "shuffled": 300,
    "cost": 9,
    "races": 300,
    "real": 200,
}


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    runs = asked.runs or _RUNS[asked.command]
    began = time.process_time()
    made = []
    with threadpool_limits(1):  # products of small matrices: more threads only take turns
        for table in COMMANDS[asked.command](runs, asked.seed, asked.only):
            if table.figures:
                print(table.text(), flush=True)
                made.append(table)
    print(f"{time.process_time() - began:.0f} s of processor time")
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        figures = [asdict(figure) for table in made for figure in table.figures]
        asked.json.write_text(json.dumps(figures, indent=1), "utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdicts", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--runs", type=int, help="of each case; fewer are faster, and less exact")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="cases whose names hold this text")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser


if __name__ == "__main__":
    main()
