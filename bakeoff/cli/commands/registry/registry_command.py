"""`bakeoff registry`: its commands, and those that read the registry of trained models: list, show, best."""

from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.commands.registry import registry_promote, registry_save_delete_verify
from bakeoff.cli.commands.registry.registry_promote import MODEL_HELP
from bakeoff.cli.key_value_and_grid_options import numbers, pairs
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from bakeoff.domain.model_version import ModelVersion
    from registry.models.registry_interface import BaseModelRegistry

_AsJson = Annotated[bool, typer.Option("--json", help="As JSON, with everything.")]
_Name = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Only of this name.")]
_Type = Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only of this type.")]

app = typer.Typer(
    help="List, save, promote and delete trained models.", no_args_is_help=True, add_completion=False
)


def list_versions(  # noqa: PLR0917 - one parameter for each option
    name: _Name = None,
    kind: _Type = None,
    stage: Annotated[
        str | None, typer.Option(metavar="STAGE", help="Only Development, Staging, Production or Archived.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only with this tag; repeatable.")
    ] = None,
    least: Annotated[
        list[str] | None,
        typer.Option("--min", metavar="METRIC=VALUE", help="Only with at least this value; repeatable."),
    ] = None,
    dataset: Annotated[str | None, typer.Option(metavar="ID", help="Only measured on this snapshot.")] = None,
    run: Annotated[str | None, typer.Option(metavar="ID", help="Only saved from this run.")] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="How many.")] = 20,
    offset: Annotated[int, typer.Option(min=0, metavar="N", help="How many to skip.")] = 0,
    as_json: _AsJson = False,
    config: ConfigFile = None,
) -> None:
    """List model versions, newest first."""
    from bakeoff.domain.model_version import EVERY_VERSION, Stage, VersionFilter
    from registry.models import registry_opening

    configuration = project_access.open_project(config).configuration
    wanted = VersionFilter(
        name=name,
        type=kind,
        stage=None if stage is None else Stage.parse(stage),
        tags=pairs(tag or (), "--tag"),
        min_metrics=numbers(least or (), "--min"),
        dataset_id=dataset,
        run_id=run,
    )
    found: list[ModelVersion] = []
    if registry_opening.has_registry(configuration):
        registry = registry_opening.open_registry(configuration)
        found = registry.versions(wanted, limit=limit + 1, offset=offset)
    if as_json:
        terminal.write_json([version.to_record() for version in found[:limit]])
    else:
        _show_page(found, limit, offset, is_filtered=wanted != EVERY_VERSION)


def _show_page(found: "list[ModelVersion]", limit: int, offset: int, *, is_filtered: bool) -> None:
    from rich.text import Text

    from bakeoff.cli.output.version_table import table

    if not found:
        nothing = (
            "no such models" if is_filtered or offset else f"no models yet: {project_access.FIRST_MODEL}"
        )
        terminal.out().print(nothing)
        return
    more = [Text(), Text(f"more: --offset {offset + limit}", "dim")] if len(found) > limit else []
    terminal.show(terminal.out(), table(found[:limit]), *more)


def show(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help=f"{MODEL_HELP} NAME alone means its newest version.")
    ],
    as_json: _AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Show one model version with all its details."""
    from bakeoff.cli.output.version_table import details

    registry = project_access.registry(project_access.open_project(config).configuration)
    version = registry.get(_newest_of_name(registry, model))
    history = [line for line in registry.history(version.name) if line.version == version.version]
    if as_json:
        stages = [line.to_record() for line in history]
        terminal.write_json({**version.to_record(), "history": stages})
    else:
        terminal.show(terminal.out(), *details(version, history))


def _newest_of_name(registry: "BaseModelRegistry", text: str) -> str:
    from bakeoff.domain.model_version import VersionFilter

    return f"models:/{text}/latest" if registry.versions(VersionFilter(name=text), limit=1) else text


def best(  # noqa: PLR0917 - one parameter for each option
    metric: Annotated[str, typer.Option(metavar="METRIC", help="The metric to compare by.")] = "f1",
    name: _Name = None,
    kind: _Type = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Only versions measured on this snapshot.  [dim]\\[default: that of the newest]",
        ),
    ] = None,
    any_dataset: Annotated[
        bool, typer.Option("--any-dataset", help="Compare versions measured on different data.")
    ] = False,
    as_json: _AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Show the best model version by a metric, among those measured on the same snapshot."""
    from dataclasses import replace

    from bakeoff.cli.output.version_table import comparison
    from bakeoff.domain.errors import NotFoundError
    from bakeoff.domain.model_version import VersionFilter
    from registry.models.promotion_gates import snapshot_of_the_newest

    registry = project_access.registry(project_access.open_project(config).configuration)
    compared = VersionFilter(name=name, type=kind, dataset_id=dataset)
    if dataset is None and not any_dataset:
        cure = "name one with --dataset, or compare whatever there is with --any-dataset"
        compared = replace(compared, dataset_id=snapshot_of_the_newest(registry, metric, compared, cure=cure))
    found = registry.best(metric, compared)
    if found is None:
        raise NotFoundError(
            f"no such model has a value of {metric}: `bakeoff registry list` shows what they have"
        )
    if as_json:
        terminal.write_json(found.to_record())
    else:
        terminal.show(terminal.out(), *comparison(found, metric, compared.dataset_id))


app.command("list")(list_versions)
app.command("show")(show)
app.command("best")(best)
app.command("save")(registry_save_delete_verify.save)
app.command("promote")(registry_promote.promote)
app.command("rollback")(registry_promote.rollback)
app.command("history")(registry_promote.history)
app.command("alias")(registry_promote.alias)
app.command("delete")(registry_save_delete_verify.delete)
app.command("verify")(registry_save_delete_verify.verify)
app.command("gc")(registry_save_delete_verify.gc)
