"""The header above the jobs and the leaderboard of a run: its data, target, metrics and warnings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bakeoff.cli.output import states_and_findings
from bakeoff.cli.output.number_format import duration
from bakeoff.cli.output.signal_run_view import order
from bakeoff.cli.output.states_and_findings import WHAT_TO_DO, finding_lines, has_cures
from bakeoff.cli.output.terminal import clean
from bakeoff.domain.finding import Finding
from bakeoff.domain.metric_names_and_scoring_rules import AVERAGED_METRICS, ScoringRules, short_name
from bakeoff.domain.runs.model_saving import SavePolicy, SaveRequest
from bakeoff.domain.runs.run import Run
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef, TargetKind
from bakeoff.domain.wording import counted
from bakeoff.evaluation.planning.candidate_choice import what_is_learnt
from bakeoff.store.bakeoffs.run_rows import RunSummary

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bakeoff.evaluation.reuse.reuse_plan import Prospect

_MOST_CLASSES = 6


def header(
    run: Run,
    *,
    uses: Sequence[str] = (),
    preparation: Sequence[str] = (),
    left_out: Sequence[str] = (),
    reused: str = "",
    findings: Sequence[Finding] = (),
    warnings: Sequence[str] = (),
) -> "RenderableType":
    """The header, with a line for each that is given.

    `uses`: the saved models of signal models. `preparation`: what the default pipeline does.
    `left_out`: ids of enabled candidates that learn another kind of target.
    """
    rows = [
        ("run", Text.assemble((clean(run.name), "bold"), (f"  {run.id}", "dim"))),
        *(_evaluation(run) if run.signals is None else order(run.dataset, run.signals)),
        *([("saves", _save(run.save))] if run.save else []),
        *(("uses", Text(clean(line))) for line in uses),
        *(("prepared", Text(clean(line))) for line in preparation),
        *([("left out", _left_out(left_out, run))] if left_out else []),
        *([("reused", Text(reused))] if reused else []),
        *(("finding", line) for line in finding_lines(findings)),
        *([("", Text(WHAT_TO_DO, "dim"))] if has_cures(findings) else []),
        *(("warning", Text(clean(warning), "yellow")) for warning in warnings),
    ]
    return grid(rows)


def how_many_reused(prospects: "Sequence[Prospect]") -> str:
    """How many results are reused, in words; empty if all candidates are fitted."""
    number = sum(prospect.fit is not None for prospect in prospects)
    return f"{number} of {counted(len(prospects), 'candidate')}: `bakeoff plan` says why" if number else ""


def state(summary: RunSummary, *, reused: int = 0, own_preparation: Sequence[str] = ()) -> "RenderableType":
    """The lines below the header, which the results tell: first the state of the run.

    `reused`: how many of its results were reused. `own_preparation`: ids of candidates that prepare the data
    themselves.
    """
    run = summary.run
    rows = [("state", _state(summary))]
    if own_preparation:
        rows.append(("prepared", Text(f"by themselves: {clean(', '.join(own_preparation))}")))
    if reused:
        rows.append(("reused", Text(f"{reused} of {counted(sum(summary.jobs.values()), 'result')}", "dim")))
    if run.priority:
        rows.append(("priority", Text(f"{run.priority:+}", "dim")))
    if run.retry_of:
        rows.append(("retry of", Text(run.retry_of, "dim")))
    return grid(rows)


def grid(rows: Sequence[tuple[str, Text]]) -> Table:
    """A table with names on the left and values on the right."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", width=9)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, value)
    return table


def _evaluation(run: Run) -> list[tuple[str, Text]]:
    return [("data", _dataset(run.dataset, run.rules)), ("target", _target(run)), ("scored by", _rules(run))]


def _dataset(dataset: DatasetRef, rules: ScoringRules) -> Text:
    rows = f"{dataset.train_rows:,} rows to train, {dataset.test_rows:,} to test"
    if dataset.design.has_folds:
        rows = f"{dataset.test_rows:,} rows to test, up to {dataset.train_rows:,} to train at once"
    if rules.seal:
        rows += f" of which {dataset.test_rows - rules.open_rows(dataset.test_rows):,} are sealed"
    if dataset.design.title:
        rows += f", {clean(dataset.design.title)}"
    return Text.assemble((clean(dataset.name), "bold"), f"  {rows}, {counted(dataset.columns, 'feature')}")


def _target(run: Run) -> Text:
    dataset = run.dataset
    text = Text.assemble((clean(dataset.target), "bold"), f"  {dataset.target_kind}")
    if dataset.target_kind is not TargetKind.REGRESSION:
        text.append(f", {len(dataset.classes)} classes")
        text.append(f" {_classes(dataset.classes)}", "dim")
    if run.rules.positive_label is not None:
        text.append(f", positive {clean(run.rules.positive_label)}")
    return text


def _left_out(ids: Sequence[str], run: Run) -> Text:
    return Text(f"since the target is {what_is_learnt(run.dataset.target_kind)}: {', '.join(ids)}", "dim")


def _classes(classes: Sequence[str]) -> str:
    shown = ", ".join(clean(name) for name in classes[:_MOST_CLASSES])
    return f"({shown}, …)" if len(classes) > _MOST_CLASSES else f"({shown})"


def _rules(run: Run) -> Text:
    first, *others = map(short_name, run.rules.metrics)
    text = Text.assemble((first, "bold"), "".join(f", {name}" for name in others))
    if run.rules.average is not None and not AVERAGED_METRICS.isdisjoint(run.rules.metrics):
        text.append(f"  {run.rules.average} average")
    if run.rules.tuned:
        text.append(", each its own threshold")
    if run.rules.costs is not None:
        costs = run.rules.costs
        text.append(f", costs {costs.false_positive:g} and {costs.false_negative:g}")
    if run.rules.threshold is not None:
        text.append(f", threshold {run.rules.threshold:g}")
    return text.append(f"  seed {run.seed}", "dim")


def _save(request: SaveRequest) -> Text:
    which = "the best model" if request.policy is SavePolicy.BEST else "all models"
    return Text.assemble(which, " as ", (clean(request.name), "bold"))


def _state(summary: RunSummary) -> Text:
    run = summary.run
    text = Text.assemble(
        states_and_findings.glyph(run.state),
        " ",
        (states_and_findings.words(run.state), states_and_findings.style(run.state)),
        "  ",
    )
    text.append_text(states_and_findings.counts(summary.jobs))
    if run.started_at and run.ended_at:
        text.append(f"  in {duration((run.ended_at - run.started_at).total_seconds())}", "dim")
    return text
