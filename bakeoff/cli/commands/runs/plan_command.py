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
    from bakeoff.evaluation.planning.run_plan import Plan
    from bakeoff.evaluation.reuse.reuse_plan import ProspectGroup
    from bakeoff.operations.runs.plan_preview import RunAhead


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
    members: Annotated[bool, typer.Option("--members", help="All members of grids, too.")] = False,
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

    from bakeoff.evaluation.reuse.reuse_plan import grouped
    from bakeoff.operations.runs.plan_preview import ahead_of
    from bakeoff.store.database import schema_version

    schema_version.ensure(context.engine)
    planned = run_options.plan_of(
        context, request, added or [], terminal.err() if as_json else terminal.out()
    )
    ahead = ahead_of(context, planned)
    if as_json:
        terminal.write_json(_record(ahead))
    else:
        groups = grouped(ahead.prospects, whole=members)
        folded = len(groups) < len(ahead.prospects)
        told = [
            *_folds(planned),
            *([Text(ahead.detectable.sentence, "dim")] if ahead.detectable else []),
            *(Text(said, "dim") for said in ahead.beside_fits),
            *(
                [Text("of a grid one line stands for its members: --members shows all", "dim")]
                if folded
                else []
            ),
            *_findings(ahead.run.findings, all_of_them=all_findings),
        ]
        terminal.show(terminal.out(), _table(groups), _sum(ahead), *told)


def _record(ahead: "RunAhead") -> dict[str, Any]:
    run = ahead.run
    return {
        "datasetId": run.dataset.dataset_id,
        "datasetName": run.dataset.name,
        "splitId": run.dataset.split_id,
        "seed": run.seed,
        "design": run.dataset.design.to_record(),
        "folds": [{"trainRows": train, "testRows": test} for train, test in ahead.plan.folds],
        **run.rules.to_record(),
        "detectableDifference": ahead.detectable.to_record() if ahead.detectable else None,
        "findings": [finding.to_record() for finding in run.findings],
        "workSeconds": list(ahead.work_s),
        "shuffleCheck": ahead.shuffle_cost,
        "importanceSeconds": ahead.importance_s,
        "candidates": [prospect.to_record() for prospect in ahead.prospects],
    }


def _table(groups: "Sequence[ProspectGroup]") -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    from bakeoff.cli.output.number_format import NOTHING, duration

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
    for name in ("model", "action", "expected", "why"):
        table.add_column(Text(name, "bold"), justify="right" if name == "expected" else "left")
    for group in groups:
        table.add_row(
            group.title,
            Text(group.first.way, "cyan" if group.first.fit is None else "green"),
            Text(NOTHING if group.expected_s is None else duration(group.expected_s), "dim"),
            Text(terminal.clean(group.first.why), "dim"),
        )
    return table


def _sum(ahead: "RunAhead") -> "RenderableType":
    from rich.text import Text

    from bakeoff.cli.output.number_format import duration
    from bakeoff.domain.wording import counted

    least_s, most_s = ahead.work_s
    said = [f"{ahead.to_fit} of {counted(len(ahead.prospects), 'candidate')} to fit"]
    if most_s:
        between = f"{duration(least_s)} to {duration(most_s)}" if least_s < most_s else duration(most_s)
        said.append(f"about {between} of work")
    if ahead.untimed:
        said.append(f"{ahead.untimed} never timed")
    return Text("\n" + ", ".join(said), "dim")


def _findings(findings: "Sequence[Finding]", *, all_of_them: bool) -> "list[RenderableType]":
    from rich.text import Text

    from bakeoff.cli.output.states_and_findings import all_findings, finding_lines

    if not findings:
        return []
    return [Text(), *(all_findings(findings) if all_of_them else finding_lines(findings))]


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
