"""`bakeoff datasets add`: a file is read as a run would read it, and remembered in the configuration."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from bakeoff.evaluation.datasets.canonical_column import Field
    from bakeoff.operations.datasets.add_dataset import AddedDataset

_MOST_NAMED = 12


def _text(*flags: str, metavar: str, says: str) -> Any:
    return typer.Option(*flags, metavar=metavar, help=says, show_default=False)


def add(  # noqa: PLR0917 - one parameter for each option
    name: Annotated[str, typer.Argument(metavar="NAME", help="What runs will call it.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .parquet file.")],
    target: Annotated[str, _text("--target", metavar="COLUMN", says="What to predict.")],
    features: Annotated[
        str | None, _text("--features", metavar="A,B", says="Columns to use; else all others.")
    ] = None,
    drop: Annotated[str | None, _text("--drop", metavar="A,B", says="Columns to leave out.")] = None,
    dtypes: Annotated[
        str | None, _text("--dtypes", metavar="COLUMN=TYPE,…", says="Types of columns of a CSV file.")
    ] = None,
    separator: Annotated[
        str | None, _text("--sep", metavar="CHARACTER", says="Between the values of a CSV file; else found.")
    ] = None,
    encoding: Annotated[
        str | None, _text("--encoding", metavar="NAME", says="Of a CSV file, such as latin-1.")
    ] = None,
    test_file: Annotated[
        Path | None, _text("--test-file", metavar="FILE", says="A file with the rows to test.")
    ] = None,
    group: Annotated[
        str | None, _text("--group", metavar="COLUMN", says="Equal values are never trained on and tested.")
    ] = None,
    time: Annotated[
        str | None, _text("--time", metavar="COLUMN", says="The latest rows by it are tested.")
    ] = None,
    weight: Annotated[
        str | None, _text("--weight", metavar="COLUMN", says="How much each row counts.")
    ] = None,
    positive_label: Annotated[
        str | None, _text("--positive-label", metavar="LABEL", says="The positive class of two.")
    ] = None,
    drop_unlabelled: Annotated[
        bool, typer.Option("--drop-unlabelled", help="Leave out rows that have no target.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Remember a file as a dataset of the configuration.

    The file is read, split and searched for traps first, as in a run: what would not load is not written.
    Comments and order of config/bakeoff.yaml stay as they are.

    For example: `bakeoff datasets add visits visits.csv --target cost --group patient --dtypes zip=str`
    """
    from bakeoff.cli.key_value_and_grid_options import split
    from bakeoff.cli.run_options import column_types
    from bakeoff.operations.datasets.add_dataset import add_dataset

    context = project_access.open_project(config)
    options = {
        "target": target,
        "testPath": None if test_file is None else str(test_file.absolute()),
        "features": split(features),
        "drop": split(drop),
        "dtypes": column_types(dtypes, "dtypes") if dtypes else None,
        "separator": separator,
        "encoding": encoding,
        "group": group,
        "time": time,
        "weight": weight,
        "positiveLabel": positive_label,
        "dropUnlabelled": drop_unlabelled or None,
    }
    given = {key: value for key, value in options.items() if value is not None}
    console = terminal.err() if as_json else terminal.out()
    with terminal.busy(console, "reading the data"):
        added = add_dataset(context, name, file, given)
    if as_json:
        terminal.write_json(added.to_record())
    else:
        terminal.show(console, *_added(added))


def _added(added: "AddedDataset") -> "list[RenderableType]":
    from rich.text import Text

    from bakeoff.cli.output.states_and_findings import all_findings

    data = added.found.dataset
    about = (
        f"  target {terminal.clean(data.target)}, {data.target_kind}; {data.train_rows:,} rows to train, "
        f"{data.test_rows:,} to test"
    )
    return [
        Text.assemble((terminal.clean(added.name), "bold"), about),
        *(Text(f"  {line}", "dim") for line in _columns(added.fields)),
        *all_findings(added.found.findings),
        Text(),
        Text(f"added to {added.file}"),
        Text.assemble("next:  ", (f"bakeoff run {added.name}", "bold")),
    ]


def _columns(fields: "Sequence[Field]") -> list[str]:
    """The names of the features by type: what was taken for text or a number is what to look at."""
    kinds: dict[str, list[str]] = {}
    for field in fields:
        kinds.setdefault(field.type, []).append(terminal.clean(field.name))
    return [
        f"{kind}: {', '.join(names[:_MOST_NAMED])}"
        + (f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else "")
        for kind, names in kinds.items()
    ]
