"""What a candidate costs, read from its record: its title, and where the figure stands."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bakeoff.domain.runs.verdict import is_cheap

#: By the name of a cost in an address.
COSTS: Final[Mapping[str, str]] = {
    "p99": "p99 of one prediction, ms",
    "p50": "median of one prediction, ms",
    "predict": "time to predict the test rows, s",
    "fit": "time to fit, s",
    "memory": "peak memory, MB",
    "size": "size of the saved model, MB",
}

#: Lower ones count as these, as in the verdict's choice among tied candidates: ms, s or MB.
_NEGLIGIBLE: Final = {"p99": 1.0, "p50": 1.0, "predict": 0.1, "fit": 0.1, "memory": 16.0, "size": 1.0}

_KEYS: Final = {"predict": "predictSeconds", "fit": "fitSeconds", "memory": "peakMemoryMb"}

#: The 99th of fewer calls is no more than the slowest one, which an idle machine decides.
_ENOUGH_CALLS = 100


def cost_of(record: Mapping[str, Any], cost: str) -> float | None:
    """Of a record of the leaderboard; None where it was not measured."""
    if cost in {"p50", "p99"}:
        latency = record.get("latency")
        return 1000 * latency["oneRow"][cost] if latency else None
    if cost == "size":
        return record["modelBytes"] / 1e6 if record.get("modelBytes") else None
    value: float = record[_KEYS[cost]]
    return value


def is_much_dearer(one: float, other: float, cost: str) -> bool:
    """By the rule of the verdict: measured costs differ from run to run, and small ones count as equal."""
    least = _NEGLIGIBLE[cost]
    return not is_cheap(max(one, least), max(other, least))


def latency_figure(records: Sequence[Mapping[str, Any]]) -> str | None:
    """`p99` if all that were measured were asked often enough for it, else `p50`; None: none was measured."""
    known = [record["latency"]["oneRow"]["calls"] for record in records if record.get("latency")]
    if not known:
        return None
    return "p99" if min(known) >= _ENOUGH_CALLS else "p50"


def telling_cost(records: Sequence[Mapping[str, Any]]) -> str:
    """The cost that score is held against: latency, or the time to predict where most have none."""
    latency = latency_figure(records)
    measured = sum(bool(record.get("latency")) for record in records)
    return latency if latency and measured > len(records) / 2 else "predict"
