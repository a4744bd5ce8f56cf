"""`bakeoff datasets`: the datasets of the configuration, and what is to be known of their data."""

from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.commands.project import datasets_add
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType
    from rich.table import Table

    from bakeoff.operations.datasets.dataset_overview import CheckedDataset
    from bakeoff.settings.setting_definitions import DatasetSettings


_REFUSED = 1

app = typer.Typer(
    help="List the datasets, add one, and look for traps in one.",
    invoke_without_command=True,
    add_completion=False,
)


@app.callback()
def datasets(
    called: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """List the datasets of the configuration.

    `add` remembers a file as one of them; `check` looks for traps in the data of one.
    """
    if called.invoked_subcommand is not None:
        return
    context = project_access.open_project(config)
    configuration = context.configuration
    known = configuration.settings.datasets
    if as_json:
        terminal.write_json([dataset.to_record(name) for name, dataset in known.items()])
    elif known:
        terminal.show(terminal.out(), _table(known))
    else:
        terminal.out().print(
            f"no datasets in {configuration.file or 'the configuration'}: add one "
            "with `bakeoff datasets add NAME FILE --target COLUMN`"
        )


def _table(known: "Mapping[str, DatasetSettings]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("dataset", "source", "target", "task", "from"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    for name, dataset in known.items():
        table.add_row(
            Text(name, "bold"),
            Text(dataset.source),
            Text(dataset.target or "of the source", "" if dataset.target else "dim"),
            Text(dataset.task or "inferred", "" if dataset.task else "dim"),
            Text(terminal.clean(dataset.place or ""), "dim"),
        )
    return table


app.command("add")(datasets_add.add)


@app.command("check")
def check(  # noqa: PLR0917 - one parameter for each option
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", help="A configured dataset, or a .csv or .parquet file.")
    ],
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", show_default=False, help="What to predict in a file.")
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", show_default=False, help="As of a run that keeps these groups."),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", show_default=False, help="As of a run that tests the latest rows."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Look for traps in the data: leaks, repeated rows, groups and times that the split ignores.

    The data are read, and pinned as a run would do.  Exit code 1: a finding of high severity is open.
    """
    from bakeoff.domain.finding import blocking
    from bakeoff.evaluation.planning.declared_run_options import RunRequest
    from bakeoff.operations.datasets.dataset_overview import check_dataset

    context = project_access.open_project(config)
    request = RunRequest.parse(
        {"dataset": dataset, "target": target, "design": {"group": group, "time": time}}
    )
    console = terminal.err() if as_json else terminal.out()
    with terminal.busy(console, "reading the data"):
        found = check_dataset(context, request)
    if as_json:
        terminal.write_json(found.to_record())
    else:
        terminal.show(console, *_findings(found))
    if blocking(found.findings):
        raise typer.Exit(_REFUSED)


def _findings(found: "CheckedDataset") -> "list[RenderableType]":
    from rich.text import Text

    from bakeoff.cli.output.states_and_findings import all_findings
    from bakeoff.domain.wording import counted

    data = found.dataset
    about = (
        f"{data.train_rows:,} rows to train, {data.test_rows:,} to test, {counted(data.columns, 'feature')}"
    )
    title = Text.assemble((terminal.clean(data.name), "bold"), f"  {about}")
    if not found.findings:
        return [title, Text("no findings", "green")]
    return [title, *all_findings(found.findings)]
