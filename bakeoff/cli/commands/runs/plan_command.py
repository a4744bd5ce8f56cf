"""`bakeoff plan`: what a run would fit, what it would reuse, and why."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli import project_access, run_options
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bakeoff.domain.finding import Finding
    from bakeoff.domain.runs.run import Run
    from bakeoff.evaluation.planning.run_plan import Plan
    from bakeoff.evaluation.reuse.reuse_plan import Prospect
    from bakeoff.operations.judging.detectable_difference import DetectableDifference


@run_options.takes_run_options(of_plan=True)
def plan(
    *,
    source: run_options.DatasetArgument = None,
    dataset: run_options.DatasetOption = None,
    given: Mapping[str, Any],
    added: run_options.WithOption = None,
    grid: run_options.GridOption = None,
    tune: run_options.TuneOption = None,
    trials: run_options.TrialsOption = None,
    all_findings: Annotated[
        bool, typer.Option("--findings", help="All findings on the data, with their cures.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Say what a run would fit, what it would reuse, and why.

    The options are those of `bakeoff run`.  Nothing is started; the data are read, and pinned as a snapshot.
    """
    context = project_access.open_project(config)
    request = run_options.request_of(
        context.configuration,
        given,
        source=source,
        dataset=dataset,
        grid=grid or (),
        tune=tune or (),
        trials=trials,
    )

    # Only now, so that a mistake in the request is told at once.
    from rich.text import Text

    from bakeoff.domain.identity import new_id
    from bakeoff.evaluation.reuse.reuse_plan import longest_first
    from bakeoff.operations.judging import shuffle_check
    from bakeoff.operations.judging.detectable_difference import detectable_difference
    from bakeoff.operations.runs import start_run
    from bakeoff.store.database import schema_version

    schema_version.ensure(context.engine)
    planned = run_options.plan_of(
        context, request, added or [], terminal.err() if as_json else terminal.out()
    )
    run = start_run.run_of(planned, run_id=new_id())
    prospects = longest_first(
        start_run.prospects_of(context, run, planned.candidates, fresh=planned.spec.fresh)
    )
    candidates = sum(prospect.candidate.id != run.baseline_id for prospect in prospects)
    detectable = detectable_difference(context, run, candidates)
    cost = shuffle_check.what_it_costs(context) if run.wants_shuffle_check else None
    if as_json:
        terminal.write_json(_record(planned, run, prospects, detectable) | {"shuffleCheck": cost})
    else:
        told = [
            *_folds(planned),
            *_detectable(detectable),
            *([Text(shuffle_check.cost_in_words(cost), "dim")] if cost else []),
            *_findings(run.findings, all_of_them=all_findings),
        ]
        terminal.show(terminal.out(), _table(prospects), _sum(prospects, run), *told)


def _record(
    planned: "Plan", run: "Run", prospects: "Sequence[Prospect]", detectable: "DetectableDifference | None"
) -> dict[str, Any]:
    from bakeoff.evaluation.reuse.reuse_plan import work_s

    return {
        "datasetId": run.dataset.dataset_id,
        "datasetName": run.dataset.name,
        "splitId": run.dataset.split_id,
        "seed": run.seed,
        "design": run.dataset.design.to_record(),
        "folds": [{"trainRows": train, "testRows": test} for train, test in planned.folds],
        **run.rules.to_record(),
        "detectableDifference": detectable.to_record() if detectable else None,
        "findings": [finding.to_record() for finding in run.findings],
        "workSeconds": list(work_s(prospects, run)),
        "candidates": [prospect.to_record() for prospect in prospects],
    }


def _table(prospects: "Sequence[Prospect]") -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
    for name in ("model", "action", "expected", "why"):
        table.add_column(Text(name, "bold"), justify="right" if name == "expected" else "left")
    for prospect in prospects:
        colour = "cyan" if prospect.fit is None else "green"
        table.add_row(
            prospect.candidate.id,
            Text(prospect.way, colour),
            Text(_expected(prospect), "dim"),
            Text(terminal.clean(prospect.why), "dim"),
        )
    return table


def _expected(prospect: "Prospect") -> str:
    from bakeoff.cli.output.number_format import NOTHING, duration

    return NOTHING if prospect.expected_s is None else duration(prospect.expected_s)


def _sum(prospects: "Sequence[Prospect]", run: "Run") -> "RenderableType":
    from rich.text import Text

    from bakeoff.cli.output.number_format import duration
    from bakeoff.domain.wording import counted
    from bakeoff.evaluation.reuse.reuse_plan import work_s

    fitted = [prospect for prospect in prospects if prospect.fit is None]
    least_s, most_s = work_s(prospects, run)
    unknown = sum(prospect.expected_s is None for prospect in fitted)
    said = [f"{len(fitted)} of {counted(len(prospects), 'candidate')} to fit"]
    if most_s:
        between = f"{duration(least_s)} to {duration(most_s)}" if least_s < most_s else duration(most_s)
        said.append(f"about {between} of work")
    if unknown:
        said.append(f"{unknown} never timed")
    return Text("\n" + ", ".join(said), "dim")


def _findings(findings: "Sequence[Finding]", *, all_of_them: bool) -> "list[RenderableType]":
    from rich.text import Text

    from bakeoff.cli.output.runs.finding_list import all_findings, finding_lines

    if not findings:
        return []
    return [Text(), *(all_findings(findings) if all_of_them else finding_lines(findings))]


def _detectable(detectable: "DetectableDifference | None") -> "list[RenderableType]":
    from rich.text import Text

    return [Text(detectable.sentence, "dim")] if detectable else []


def _folds(planned: "Plan") -> "list[RenderableType]":
    """How large the folds are. Each candidate is fitted once for each of them."""
    from rich.text import Text

    from bakeoff.domain.wording import counted

    design = planned.dataset.design
    if not planned.folds:
        return [] if design.seeds == 1 else [Text(f"up to {design.seeds} fits of each candidate", "dim")]
    train, test = (sorted(sizes) for sizes in zip(*planned.folds, strict=True))
    said = f"{_from_to(train)} rows to train and {_from_to(test)} to test in each"
    fits = counted(design.fits, "fit")
    return [Text(f"{terminal.clean(design.title)}: {said}, {fits} of each candidate", "dim")]


def _from_to(sizes: "Sequence[int]") -> str:
    least, most = sizes[0], sizes[-1]
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"
