"""Facts beside a verdict in words, from its record: what terminal, pages and reports say alike.

The sentence of a verdict is in the record itself (see `verdict_sentences`).
"""

from collections.abc import Mapping
from typing import Any

from bakeoff.domain.metric_names_and_scoring_rules import short_name
from bakeoff.domain.wording import counted


def comparison_in_words(record: Mapping[str, Any]) -> str:
    """A record of a ReferenceComparison as gates keep it: with `rows`, `run` and `mayKnowRows`."""
    between = "nothing can be claimed on so few rows"
    if record["low"] is not None and record["high"] is not None:
        interval = f"{_signed(record['low'])} to {_signed(record['high'])}"
        between = f"{interval}, adjusted p {record['pValue']:.2g}"
    caution = "; Production may know some of these rows" if record["mayKnowRows"] else ""
    beside = f"{_signed(record['difference'])} beside {record['reference']} ({between})"
    return f"{beside} on {record['rows']:,} rows of run {record['run'][:8]}{caution}"


def verdict_facts(record: Mapping[str, Any]) -> list[str]:
    """What to expect of the highest score, what would have been seen, how often the test rows were used.

    `record`: of a RunVerdict.
    """
    said = []
    corrected, detectable, uses = (
        record["correctedScore"],
        record["minimumDetectableDifference"],
        record["testSetUses"],
    )
    if corrected is not None:
        extreme = "highest" if record["greaterIsBetter"] else "lowest"
        low, value, high = (f"{corrected[name]:.3g}" for name in ("low", "value", "high"))
        said.append(
            f"corrected for being the {extreme}, {corrected['candidate']} scores {value} ({low} to {high})"
        )
    if detectable is not None:
        unit = short_name(record["metric"])
        said.append(f"differences of {detectable:.2g} {unit} or more would usually have been seen")
    if uses is not None:
        said.append(f"{counted(uses, 'candidate')} scored on these test rows so far")
    said += [
        f"fitted to shuffled labels, {check['candidate']} predicts as chance does"
        for check in record.get("shuffleChecks", ())
        if check["passed"]
    ]
    return said


def _signed(value: float) -> str:
    return f"{value:+.3g}" if value else "0"
