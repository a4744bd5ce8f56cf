"""A run that generates signals: its order, its models, and the ensemble."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bakeoff.cli.output.number_format import duration
from bakeoff.cli.output.signal_table import counts, table
from bakeoff.cli.output.terminal import clean
from bakeoff.domain.signal import EnsembleSignal, SignalOrder, Strategy
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef
from bakeoff.domain.wording import counted
from bakeoff.evaluation.reports.leaderboard import LeaderboardRow
from bakeoff.operations.runs.run_report import RunReport
from bakeoff.store.signals.ensemble_signals import tally_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bakeoff.evaluation.signals.signal_run_plan import SignalPlan

_GAP = 2
_BEST = 20


def order(dataset: DatasetRef, asked: SignalOrder) -> list[tuple[str, Text]]:
    """The lines of the header: a name and a text each."""
    what = f"  as of {asked.as_of}, {counted(len(asked.symbols), 'symbol')}"
    weights = ", ".join(f"{clean(model)} {weight:g}" for model, weight in asked.weights.items())
    return [
        ("data", Text.assemble((clean(dataset.name), "bold"), what)),
        ("asks", Text(weights)),
        ("combines", _rules(asked)),
        *([] if asked.persist else [("keeps", Text("what the models say, and not the ensemble"))]),
    ]


def saved_models(plan: "SignalPlan") -> list[str]:
    """A line for each signal model that uses saved models: which versions."""
    return [
        f"{', '.join(f'{one.name} {one.version}' for one in found.artefacts)}"
        + (f", learned as of {found.learned_as_of}" if found.learned_as_of else "")
        for found in plan.inputs.values()
        if found.artefacts
    ]


def _rules(asked: SignalOrder) -> Text:
    rules = asked.rules
    text = Text.assemble((rules.conflict_strategy, "bold"), f"  agreement from {rules.min_agreement:g}")
    if rules.conflict_strategy is not Strategy.CONFIDENCE_BASED:
        text.append(f", confidence from {rules.min_confidence:g}")
    return text


def outcome(report: RunReport, *, top: int | None) -> "list[RenderableType]":
    if not report.standings:
        return []
    results = [standing.result for standing in report.standings]
    odd = [(result.model_id, remark) for result in results for remark in result.details.get("warnings", ())]
    remarks = [Text(f"{clean(model)}: {clean(remark)}", "yellow") for model, remark in odd]
    return [_models(report.standings), *remarks, Text(), *ensemble(report.ensemble, top=top)]


def _models(standings: Sequence[LeaderboardRow]) -> Table:
    found = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    found.add_column("model")
    found.add_column("version")
    for name in ("signals", "known before", "time", "CPU s", "memory MB"):
        found.add_column(name, justify="right")
    for result in (standing.result for standing in standings):
        cost = result.cost
        found.add_row(
            Text(clean(result.model_id), "bold"),
            Text(clean(result.model_version), "dim"),
            f"{result.metrics['signals']:,}",
            Text(f"{result.metrics['known']:,}", "dim"),
            Text(duration(result.duration_s), "dim"),
            Text(f"{cost.cpu_s:.2f}", "dim"),
            Text(f"{cost.peak_memory_mb:.0f}", "dim"),
        )
    return found


def ensemble(signals: Sequence[EnsembleSignal], *, top: int | None = None) -> "list[RenderableType]":
    """The counts by signal, and a table of the best: `top` of them, or as many as a screen shows."""
    if not signals:
        return [Text("no ensemble: it takes two models that answer for the same symbol", "yellow")]
    shown = signals[: top or _BEST]
    parts: list[RenderableType] = [counts(signals[0].as_of, tally_of(signals)), Text(), table(shown)]
    if len(shown) < len(signals):
        more = len(signals) - len(shown)
        parts.append(Text(f"… and {more:,} more: `bakeoff signals show --limit {len(signals)}`", "dim"))
    return parts
