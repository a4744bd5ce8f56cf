"""`bakeoff signals train`: train a signal model on market data, and save the trained models."""

from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bakeoff.cli import project_access
from bakeoff.cli.commands.signals.signals_generate import AsOf
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bakeoff.operations.signals.train_and_explain import TrainedModels

_UNSUCCESSFUL = 3


def train(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A signal model of the catalog.")],
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with everything.")] = False,
    config: ConfigFile = None,
) -> None:
    """Train a signal model as of a day, and save the trained models.

    All its models are saved under one version.  Exit code 3: the training failed.
    """
    from bakeoff.operations.signals import train_and_explain
    from bakeoff.operations.signals.signal_model_cells import OneOffCellFailedError

    context = project_access.open_project(config)
    console = terminal.err() if as_json else terminal.out()
    try:
        with terminal.busy(console, f"reading prices and training {terminal.clean(model)}"):
            trained = train_and_explain.train_signal_model(
                context, model, as_of=as_of.date() if as_of else None
            )
    except OneOffCellFailedError as exc:
        exit_unsuccessful(exc)
    if as_json:
        versions = [version.to_record() for version in trained.versions]
        terminal.write_json({"modelId": model, "asOf": trained.as_of.isoformat(), "versions": versions})
    else:
        terminal.show(console, *_shown(trained))


def exit_unsuccessful(exc: Exception) -> NoReturn:
    from rich.text import Text

    terminal.err().print(Text.assemble(("error:", "bold red"), " ", terminal.clean(str(exc))), soft_wrap=True)
    raise typer.Exit(_UNSUCCESSFUL)


def _shown(trained: "TrainedModels") -> "list[RenderableType]":
    from rich.text import Text

    from bakeoff.cli.output.version_table import table
    from bakeoff.domain.wording import counted
    from registry.code.call_signal_model import artefact_version_of

    model = trained.model
    pinned = artefact_version_of(model)
    features = trained.versions[0].feature_names or ()
    warnings = [Text(f"warning  {terminal.clean(warning)}", "yellow") for warning in trained.warnings]
    summary = f"{model.id} {model.version} has learned as of {trained.as_of}, from "
    return [
        *warnings,
        Text.assemble((terminal.clean(summary), ""), counted(len(features), "feature")),
        Text(),
        table(trained.versions),
        Text(),
        Text(
            "from now on, `bakeoff signals generate` uses these"
            if pinned is None
            else f"`bakeoff signals generate` uses {pinned}, the `artefact_version` of the catalog",
            "dim",
        ),
    ]
