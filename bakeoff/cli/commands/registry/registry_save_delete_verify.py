"""`bakeoff registry save`, `delete`, `verify` and `gc`: add to the registry, remove, and check its files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli import project_access
from bakeoff.cli.commands.registry.registry_promote import MODEL_HELP
from bakeoff.cli.key_value_and_grid_options import numbers, pairs, values
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from bakeoff.domain.model_version import ModelVersion
    from registry.models.local.local_registry import ModelRegistry

_AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]

_FAILED = 1


def save(  # noqa: PLR0917 - one parameter for each option
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", exists=True, dir_okay=False, help="A file that pickle or joblib wrote."
        ),
    ],
    name: Annotated[str, typer.Option(metavar="NAME", help="The name of the model.")],
    version: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="major.minor.patch.  [dim]\\[default: the next one]"),
    ] = None,
    kind: Annotated[
        str, typer.Option("--type", metavar="TYPE", help="The kind of model, such as the name of its class.")
    ] = "unknown",
    metric: Annotated[
        list[str] | None, typer.Option(metavar="METRIC=VALUE", help="A metric of it; repeatable.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A hyperparameter; repeatable.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="A tag; repeatable.")] = None,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A description for the reader.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="ID", help="The snapshot that its metrics were measured on.")
    ] = None,
    as_json: _AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Save a model that was fitted elsewhere.

    The file is stored as it is and not unpickled, so no code in it runs.
    """
    from bakeoff.domain.model_version import VersionOrigin
    from bakeoff.domain.wording import size
    from registry.models import registry_opening
    from registry.models.registry_interface import Description

    context = project_access.open_project(config)
    configuration = context.configuration
    details = Description(
        type=kind,
        metrics=numbers(metric or (), "--metric"),
        hyperparameters=values(param or (), "--param"),
        description=description,
        tags=pairs(tag or (), "--tag"),
        origin=VersionOrigin(dataset_id=dataset),
    )
    fitted = _fitted(file)
    registry = registry_opening.open_registry(configuration)
    saved = registry.get(registry.save_fitted(fitted, name, details, version))
    if as_json:
        terminal.write_json(saved.to_record())
    else:
        terminal.out().print(f"saved {terminal.clean(saved.uri)}, {size(saved.size_bytes)}", soft_wrap=True)


def _fitted(file: Path) -> Any:
    from bakeoff.domain.errors import InvalidInputError
    from registry.models import pickling
    from registry.models.local.artefact_files import digest_of, is_pickle
    from registry.models.registry_interface import Fitted

    if not is_pickle(file):
        raise InvalidInputError(f"{file} is no pickle: give a file that pickle.dump or joblib.dump wrote")
    needed = pickling.class_of_the_script(file)
    if needed is not None:
        raise InvalidInputError(
            f"{file} needs {needed} of the script that wrote it (__main__), so no other program can load it: "
            "write it there with cloudpickle.dump, or save it there with save_model of the registry, or put "
            f"{needed} into a module of its own"
        )
    return Fitted(model=file.resolve(), model_digest=digest_of(file))


def delete(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=MODEL_HELP)],
    force: Annotated[bool, typer.Option("--force", help="Delete it even if it is in Production.")] = False,
    yes: _Yes = False,
    as_json: _AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Delete a model version and its files. Its number is not used again."""
    registry = project_access.registry(project_access.open_project(config).configuration)
    version = registry.get(model)
    if not yes:
        _confirm(f"delete {version.uri} ({version.stage}) and its files?")
    deleted = registry.delete_model(version.id, force=force)
    if as_json:
        terminal.write_json({"deleted": deleted, "model": version.to_record()})
    else:
        message = (
            f"deleted {version.uri}" if deleted else f"{version.uri} was already deleted by another process"
        )
        terminal.out().print(terminal.clean(message), soft_wrap=True)


def _confirm(question: str) -> None:
    """Exits the command unless the user confirms."""
    import sys

    from bakeoff.domain.errors import InvalidInputError

    if not sys.stdin.isatty():
        raise InvalidInputError(f"{question} There is no terminal to confirm on: give --yes")
    if not typer.confirm(terminal.clean(question), err=True):
        raise typer.Exit(_FAILED)


def verify(
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help=f"{MODEL_HELP}  [dim]\\[default: all]", show_default=False),
    ] = None,
    as_json: _AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Check that all files are as they were saved. Nothing is unpickled.  Exit code 1: some have changed."""
    from bakeoff.cli.output.version_table import verification

    registry = project_access.local_registry(project_access.open_project(config).configuration)
    checked = [registry.get(model)] if model else registry.versions()
    problems = {version.uri: why for version in checked if (why := _problem(registry, version))}
    leftovers = registry.leftovers()
    if as_json:
        terminal.write_json(
            {
                "verified": len(checked),
                "problems": [{"uri": uri, "problem": why} for uri, why in problems.items()],
                "leftovers": list(map(str, leftovers)),
            }
        )
    else:
        terminal.show(terminal.out(), *verification(len(checked), problems, len(leftovers)))
    if problems:
        raise typer.Exit(_FAILED)


def _problem(registry: "ModelRegistry", version: "ModelVersion") -> str | None:
    """Why the file is not as it was saved; None if it is, or if the version was deleted meanwhile."""
    from bakeoff.domain.errors import NotFoundError, TamperedError

    try:
        registry.verify(version.id)
    except TamperedError as exc:
        return str(exc)
    except NotFoundError:
        return None
    return None


def gc(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be removed, and remove nothing.")
    ] = False,
    yes: _Yes = False,
    as_json: _AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Remove files that no model version needs, left by processes that were killed while saving."""
    from bakeoff.domain.wording import counted

    registry = project_access.local_registry(project_access.open_project(config).configuration)
    found = registry.leftovers()
    if not as_json:
        terminal.out().print(
            "\n".join([*map(str, found), f"{counted(len(found), 'file')} left over"]), soft_wrap=True
        )
    if found and not dry_run:
        if not yes:
            _confirm("remove them?")
        found = registry.remove_leftovers()
    removed = [] if dry_run else found
    if as_json:
        terminal.write_json({"leftovers": list(map(str, found)), "removed": len(removed)})
    elif removed:
        terminal.out().print(f"removed {counted(len(removed), 'file')}")
