"""`bakeoff results`: import results of other systems, list them, and label them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli import project_access
from bakeoff.cli.commands.signals.score_feedback_items_command import SCORED_BY
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile
from bakeoff.domain.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from bakeoff.domain.scored_and_labelled_item import Intake, StoredItem, Value
    from bakeoff.operations.context import Context

app = typer.Typer(
    help="Import results of other systems, and labels for them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)

_AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
_File = Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="A .csv or .parquet file.")]
_IdColumn = Annotated[str, typer.Option("--id", metavar="COLUMN", help="The column with the ids.")]
_By = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", show_default=False, help="Who gives the label; by default the name of the user."
    ),
]
_BATCH_SIZE = 1000


@app.command("import")
def import_results(
    file: _File,
    model: Annotated[
        str | None, typer.Option("--model", metavar="MODEL", show_default=False, help=SCORED_BY)
    ] = None,
    id_column: _IdColumn = "id",
    as_json: _AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Store the rows of a file, and score them.

    Each column is a feature. A row whose id is stored already is the same result: if its features differ, it
    is scored again.
    """
    from bakeoff.domain.scored_and_labelled_item import Intake
    from bakeoff.inference.read_items_and_labels import items_in
    from bakeoff.operations.score_stored_feedback import scorer, take_in

    context, path = _open_project_and_file(file, config)
    chosen_scorer = scorer(context, model)
    schema = None if chosen_scorer.loaded is None else chosen_scorer.loaded.schema
    found = Intake()
    for first, items in items_in(path, id_column=id_column, schema=schema, batch_size=_BATCH_SIZE):
        found += take_in(context, items, chosen_scorer, first_row=first)
    if as_json:
        terminal.write_json({**found.to_record(), "scoreVersion": chosen_scorer.version})
    else:
        terminal.out().print(
            f"{_intake_summary(found, 'result')}; new and changed ones are scored by {chosen_scorer.version}"
        )


@app.command("list")
def list_results(
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="How many.")] = 20,
    as_json: _AsJson = False,
    config: ConfigFile = None,
) -> None:
    """List the imported results with their scores, newest first."""
    from bakeoff.store.database import schema_version
    from bakeoff.store.feedback import feedback_items

    context = project_access.open_project(config)
    schema_version.ensure(project_access.existing_database(context))
    found = feedback_items.page(context.engine, limit=limit)
    if as_json:
        terminal.write_json([stored.to_record() for stored in found])
    elif found:
        terminal.show(terminal.out(), _table(found))
    else:
        terminal.out().print("no results yet: `bakeoff results import FILE` imports the first ones")


@app.command()
def label(
    result: Annotated[str, typer.Argument(metavar="ID", help="The id of the result.")],
    value: Annotated[str, typer.Argument(metavar="LABEL", help="A number, true or false, or any text.")],
    by: _By = None,
    as_json: _AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Label one result. A later label by the same person replaces the earlier one."""
    from bakeoff.domain.scored_and_labelled_item import Label
    from bakeoff.store.database import schema_version
    from bakeoff.store.feedback import feedback_labels

    context = project_access.open_project(config)
    schema_version.ensure(project_access.existing_database(context))
    given = Label(item_id=result, value=_parsed_value(value), by=_labeller(by))
    _show_intake(feedback_labels.add(context.engine, [given]), as_json=as_json)


@app.command()
def labels(  # noqa: PLR0917 - one parameter for each option
    file: _File,
    id_column: _IdColumn = "id",
    column: Annotated[
        str, typer.Option("--label", metavar="COLUMN", help="The column with the labels.")
    ] = "label",
    by: _By = None,
    as_json: _AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Import the labels in a file."""
    from bakeoff.domain.scored_and_labelled_item import Intake
    from bakeoff.inference.read_items_and_labels import labels_in
    from bakeoff.store.feedback.feedback_labels import add

    (context, path), found = _open_project_and_file(file, config), Intake()
    batches = labels_in(
        path, id_column=id_column, label_column=column, by=_labeller(by), batch_size=_BATCH_SIZE
    )
    for batch in batches:
        found += add(context.engine, batch)
    _show_intake(found, as_json=as_json)


def _open_project_and_file(file: Path, config: Path | None) -> "tuple[Context, Path]":
    """Creates the database if there is none: imported results may be the first rows in it."""
    from bakeoff.evaluation.datasets.sources.csv_and_parquet_sources import located
    from bakeoff.store.database import schema_version

    context = project_access.open_project(config)
    path = located(str(file), Path.cwd())
    schema_version.ensure(context.engine)
    return context, path


def _labeller(by: str | None) -> str:
    from bakeoff.domain.ids_and_times import user_name

    return by or user_name()


def _parsed_value(text: str) -> "Value":
    """A finite number or a boolean, as in an imported file; any other text stays text."""
    import json
    import math

    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, bool | int | float) and math.isfinite(found) else text


def _show_intake(found: "Intake", *, as_json: bool) -> None:
    if as_json:
        terminal.write_json(found.to_record())
    else:
        terminal.out().print(_intake_summary(found, "label"))


def _intake_summary(found: "Intake", noun: str) -> str:
    return (
        f"{counted(found.total, noun)}: {found.new:,} new, {found.changed:,} changed, "
        f"{found.unchanged:,} as before"
    )


def _table(found: "Sequence[StoredItem]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from bakeoff.cli.output.version_table import local_time

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("result", no_wrap=True, overflow="ellipsis")
    table.add_column("score", justify="right")
    for heading in ("scored by", "received", "features"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    for stored in found:
        table.add_row(
            Text(terminal.clean(stored.item.id), "bold"),
            Text(f"{stored.score.value:+.3f}" if stored.score else ""),
            Text(terminal.clean(stored.score.version) if stored.score else "not scored"),
            Text(local_time(stored.received_at), "dim"),
            Text(terminal.clean(_features(stored.item.features)), "dim"),
        )
    return table


def _features(features: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in features.items())
