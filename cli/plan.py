"""`bakeoff plan`: what a run would fit, what it would take over, and why."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import asking, project, terminal
from cli.project import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from domain.run import Run
    from evaluation.reuse import Prospect


def plan(  # noqa: PLR0917 - one parameter for each option
    source: asking.Source = None,
    dataset: asking.Dataset = None,
    target: asking.Target = None,
    test_size: asking.TestSize = None,
    seed: asking.Seed = None,
    models: asking.Models = None,
    added: asking.Added = None,
    no_baseline: asking.NoBaseline = False,
    metrics: asking.Metrics = None,
    positive_label: asking.PositiveLabel = None,
    threshold: asking.Threshold = None,
    average: asking.Average = None,
    save: asking.Save = None,
    save_as: asking.SaveAs = None,
    fresh: asking.Fresh = False,
    repeat_check: asking.RepeatCheck = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Say what a run would fit, what it would reuse, and why.

    The options are those of `bakeoff run`.  Nothing is started; the data are read, and pinned as a snapshot.
    """
    from domain.identity import new_id
    from evaluation.plan import RunRequest
    from evaluation.reuse import longest_first
    from store import schema
    from tasks import enqueue, wiring
    from tasks.prospects import prospects_of

    configuration = project.open_project(config)
    request = RunRequest.parse(
        asking.body(
            configuration,
            source=source,
            dataset=dataset,
            target=target,
            test_size=test_size,
            seed=seed,
            models=models,
            no_baseline=no_baseline,
            metrics=metrics,
            positive_label=positive_label,
            threshold=threshold,
            average=average,
            save=save,
            save_as=save_as,
            fresh=fresh,
            repeat_check=repeat_check,
        )
    )
    schema.ensure(wiring.engine())
    planned = asking.plan_of(request, added or [], terminal.err() if as_json else terminal.out())
    run = enqueue.run_of(planned, run_id=new_id())
    prospects = longest_first(prospects_of(run, planned.candidates, fresh=planned.fresh))
    if as_json:
        terminal.write_json(_record(run, prospects))
    else:
        terminal.show(terminal.out(), _table(prospects), _sum(prospects))


def _record(run: "Run", prospects: "Sequence[Prospect]") -> dict[str, Any]:
    return {
        "datasetId": run.dataset.dataset_id,
        "datasetName": run.dataset.name,
        "splitId": run.dataset.split_id,
        "seed": run.seed,
        **run.rules.to_record(),
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
    from cli.numbers import NOTHING, duration

    return NOTHING if prospect.expected_s is None else duration(prospect.expected_s)


def _sum(prospects: "Sequence[Prospect]") -> "RenderableType":
    from rich.text import Text

    from cli.numbers import duration
    from domain.naming import counted

    fitted = [prospect for prospect in prospects if prospect.fit is None]
    known_s = sum(prospect.expected_s or 0.0 for prospect in fitted)
    unknown = sum(prospect.expected_s is None for prospect in fitted)
    said = [f"{len(fitted)} of {counted(len(prospects), 'candidate')} to fit"]
    if known_s:
        said.append(f"about {duration(known_s)} of work")
    if unknown:
        said.append(f"{unknown} never timed")
    return Text("\n" + ", ".join(said), "dim")
