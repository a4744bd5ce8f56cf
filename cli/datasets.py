"""`bakeoff datasets`: the datasets of the configuration."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import project, terminal
from cli.project import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from config.settings import DatasetSettings


def datasets(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """List the datasets of the configuration."""
    configuration = project.open_project(config)
    known = configuration.settings.datasets
    if as_json:
        terminal.write_json([_record(name, dataset) for name, dataset in known.items()])
    elif known:
        terminal.show(terminal.out(), _table(known))
    else:
        terminal.out().print(
            f"no datasets in {configuration.file or 'the configuration'}: name some under `datasets:`, "
            f"or give a file, `bakeoff run FILE --target COLUMN`"
        )


def _record(name: str, dataset: "DatasetSettings") -> dict[str, Any]:
    return {
        "name": name,
        "source": dataset.source,
        "from": _where(dataset),
        "target": dataset.target,
        "task": dataset.task,
    }


def _where(dataset: "DatasetSettings") -> str | None:
    """Without the password of a URL."""
    from cli.secrets import masked

    return masked(dataset.url) if dataset.url else dataset.path or dataset.name


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
            Text(dataset.target or "its own", "" if dataset.target else "dim"),
            Text(dataset.task or "by its values", "" if dataset.task else "dim"),
            Text(terminal.clean(_where(dataset) or ""), "dim"),
        )
    return table
