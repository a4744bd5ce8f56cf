"""`bakeoff datasets`: the datasets of the configuration."""

from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from bakeoff.settings.setting_definitions import DatasetSettings


def datasets(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """List the datasets of the configuration."""
    context = project_access.open_project(config)
    configuration = context.configuration
    known = configuration.settings.datasets
    if as_json:
        terminal.write_json([dataset.to_record(name) for name, dataset in known.items()])
    elif known:
        terminal.show(terminal.out(), _table(known))
    else:
        terminal.out().print(
            f"no datasets in {configuration.file or 'the configuration'}: add some under `datasets:`, "
            f"or give a file, `bakeoff run FILE --target COLUMN`"
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
