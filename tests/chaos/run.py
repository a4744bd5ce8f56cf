"""`python tests/chaos/run.py --rounds 200 --seed 7`: as many rounds, and the table of what was seen."""

import argparse
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from chaos.round import Order, Report, play  # noqa: E402 - the path comes first
from chaos.schedule import Database, kinds  # noqa: E402
from chaos.table import show  # noqa: E402


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that it cleans up
    asked = _ask()
    reports: list[Report] = []
    for number in range(asked.first, asked.first + asked.rounds):
        order = Order(
            seed=f"{asked.seed}/{number}",
            database=asked.database,
            runs=asked.runs,
            strokes=asked.strokes,
            kinds=[kind for kind in kinds(asked.database) if asked.only in kind],
            patience_s=asked.patience,
        )
        report = play(order, reference=reports[-1].reference if reports else None, keep=asked.keep)
        reports.append(report)
        _tell(report)
    _say(f"\n{show(reports, kinds(asked.database))}")
    return int(any(report.breaches for report in reports))


def _ask() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", type=Database, choices=list(Database), default=Database.SQLITE)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--first", type=int, default=0, help="number of the first round, to see one again")
    parser.add_argument("--runs", type=int, default=3, help="runs that are under way when the faults begin")
    parser.add_argument("--strokes", type=int, default=18, help="faults in a round")
    parser.add_argument("--only", default="", help="kinds of faults whose name holds this")
    parser.add_argument("--patience", type=float, default=180, help="seconds until a run is stuck")
    parser.add_argument("--keep", type=Path, help="folder for the projects of rounds that went wrong")
    return parser.parse_args()


def _tell(report: Report) -> None:
    _say(
        f"round {report.seed}: {len(report.faults)} faults, {report.jobs} jobs, "
        f"{len(report.recoveries)} recoveries, {report.duration_s:.0f} s, {len(report.breaches)} breaches"
    )
    for breach in report.breaches:
        _say(f"  {breach.sort}: {breach.what}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
