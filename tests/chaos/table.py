"""The figures of all rounds, as a table for people."""

from collections.abc import Sequence
from statistics import median

from chaos.round import Report
from chaos.schedule import Kind
from chaos.verdict import Sort

_ROW = "{:<39} {:>6} {:>5} {:>8} {:>7} {:>8} {:>7}"


def show(reports: Sequence[Report], kinds: Sequence[Kind]) -> str:
    return "\n".join(
        [
            f"{'':<46} {'jobs':>5} {'back in queue, s':>16} {'taken again, s':>16}",
            _ROW.format("fault", "struck", "hit", "median", "worst", "median", "worst"),
            *(_row(kind, reports) for kind in kinds),
            "",
            *_totals(reports),
        ]
    )


def _row(kind: Kind, reports: Sequence[Report]) -> str:
    struck = sum(fault.kind is kind for report in reports for fault in report.faults)
    mine = [one for report in reports for one in report.recoveries if one.kind is kind]
    noticed = [one.noticed_s for one in mine if one.noticed_s is not None]
    taken = _median_and_worst([one.taken_s for one in mine])
    return _ROW.format(kind, struck, len(noticed), *_median_and_worst(noticed), *taken)


def _median_and_worst(seconds: Sequence[float]) -> tuple[str, str]:
    return (f"{median(seconds):.2f}", f"{max(seconds):.2f}") if seconds else ("", "")


def _totals(reports: Sequence[Report]) -> list[str]:
    breaches = [breach.sort for report in reports for breach in report.breaches]
    ghosts = [seconds for report in reports for seconds in report.ghosts]
    figures = {
        "rounds": len(reports),
        "minutes": round(sum(report.duration_s for report in reports) / 60),
        "faults": sum(len(report.faults) for report in reports),
        "jobs": sum(report.jobs for report in reports),
        "claims": sum(report.claims for report in reports),
        "ghosts whose cell was still alive": len(ghosts),
        "longest that such a cell lived on, s": f"{max(ghosts, default=0):.2f}",
        **{sort.value: breaches.count(sort) for sort in Sort},
    }
    return [f"{name:<40} {figure:>6}" for name, figure in figures.items()]
