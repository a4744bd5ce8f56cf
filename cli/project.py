"""The project that a command works on: its configuration, its database, its catalog."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from config.loading import Configuration
    from registry.backend import BaseModelRegistry
    from registry.catalog import Catalog
    from registry.local import ModelRegistry

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="PATH", help="Configuration file, or its folder.", show_default=False),
]

FIRST_MODEL = "`bakeoff run --save best` or `bakeoff registry save` saves the first one"

_before_command: list[Path] = []


def remember(config: Path | None) -> None:
    """`--config` given before the command, for commands that are not given their own."""
    _before_command[:] = [config] if config else []


def open_project(config: Path | None, **flags: Any) -> "Configuration":
    """`flags` are settings from the command line, by camelCase key; None means not given."""
    from config.loading import load
    from tasks import wiring

    asked = config or (_before_command[0] if _before_command else None)
    configuration = load(asked, overrides=flags)
    wiring.use(configuration)
    if str(configuration.root) not in sys.path:
        sys.path.append(str(configuration.root))  # metrics and datasets of the project's own
    return configuration


def existing_database(configuration: "Configuration") -> "Engine":
    """With or without runs in it; one that is not there is not made."""
    from domain.errors import NotFoundError
    from tasks import wiring

    if not wiring.has_database():
        raise NotFoundError(
            f"there is no database of {configuration.root} yet: `bakeoff run` makes it, "
            f"or name another project with --config"
        )
    return wiring.engine()


def database(configuration: "Configuration") -> "Engine":
    """With runs in it, or an error that says how to get there."""
    from domain.errors import NotFoundError
    from store import schema
    from store.runs import page
    from tasks import wiring

    if wiring.has_database():
        schema.ensure(wiring.engine())
        if page(wiring.engine(), limit=1):
            return wiring.engine()
    raise NotFoundError(
        f"nothing was ever run in {configuration.root}: `bakeoff run` makes the first run, "
        f"or name another project with --config"
    )


def catalog(configuration: "Configuration") -> "Catalog":
    """For commands that say how it stands now."""
    from registry.catalog import Catalog

    return Catalog.of(configuration, anew=True)


def registry(configuration: "Configuration") -> "BaseModelRegistry":
    """Of trained models, or an error that says how to get there. Looking makes no file."""
    from domain.errors import NotFoundError
    from registry import opening

    if opening.has_registry(configuration):
        return opening.open_registry(configuration)
    raise NotFoundError(f"no model was ever saved in {configuration.root}: {FIRST_MODEL}")


def local_registry(configuration: "Configuration") -> "ModelRegistry":
    """Whose files are ours to look after."""
    from domain.errors import InvalidInputError
    from registry.local import ModelRegistry

    found = registry(configuration)
    if isinstance(found, ModelRegistry):
        return found
    raise InvalidInputError(
        "modelRegistry.backend is mlflow: its files are MLflow's to look after, see `mlflow gc --help`"
    )
