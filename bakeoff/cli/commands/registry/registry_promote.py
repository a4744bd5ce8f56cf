"""`bakeoff registry promote`, `rollback`, `history` and `alias`: change the stage of a version."""

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bakeoff.domain.model_version import Promotion
    from bakeoff.settings.configuration import Configuration

MODEL_HELP = "NAME/VERSION, an id, or a URI such as models:/NAME/Production."

_AsJson = Annotated[bool, typer.Option("--json", help="As JSON, with everything.")]
_Reason = Annotated[str, typer.Option(metavar="TEXT", help="The reason, for the log.")]


def promote(  # noqa: PLR0917 - one parameter for each option
    model: Annotated[str, typer.Argument(metavar="MODEL", help=MODEL_HELP)],
    to: Annotated[
        str, typer.Option("--to", metavar="STAGE", help="Development, Staging, Production or Archived.")
    ] = "Production",
    reason: _Reason = "",
    force: Annotated[
        bool, typer.Option("--force", help="Promote even if a gate fails; the log records it.")
    ] = False,
    as_json: _AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Move a version to a stage if it passes the gates, and call the hooks.

    The version that was in Production is archived.  Exit code 1: a gate failed.
    """
    from bakeoff.domain.model_version import Stage
    from bakeoff.operations.production.promotion_evidence import evidence_in
    from registry.models.promotion import GateError
    from registry.models.promotion import promote as move

    context = project_access.open_project(config)
    configuration = context.configuration
    registry = project_access.registry(configuration)
    policy, stage = _policy(configuration), Stage.parse(to)
    try:
        with _hook_warnings_muted():
            entry = move(
                registry,
                model,
                **policy,
                stage=stage,
                reason=reason,
                force=force,
                evidence_of=evidence_in(context),
                strict=configuration.settings.strict,
            )
    except GateError as exc:
        if as_json:
            terminal.write_json({"refused": [vars(gate) for gate in exc.failed]})
        raise
    _show_outcome(entry, as_json=as_json)


def rollback(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the model.")],
    reason: _Reason = "",
    as_json: _AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Put the version that was in Production before back there; again: the one before that."""
    from registry.models.promotion import rollback as go_back

    context = project_access.open_project(config)
    configuration = context.configuration
    registry = project_access.registry(configuration)
    with _hook_warnings_muted():
        entry = go_back(registry, name, **_policy(configuration), reason=reason)
    _show_outcome(entry, as_json=as_json)


def _policy(configuration: "Configuration") -> dict[str, Any]:
    return {"policy": configuration.settings.model_registry.promotion, "root": configuration.root}


@contextmanager
def _hook_warnings_muted() -> "Iterator[None]":
    """Mutes the log of failed hooks, because their results are printed with the outcome."""
    hooks = logging.getLogger("registry.models.promotion_hooks")
    before = hooks.level
    hooks.setLevel(logging.ERROR)
    try:
        yield
    finally:
        hooks.setLevel(before)


def _show_outcome(entry: "Promotion", *, as_json: bool) -> None:
    from bakeoff.cli.output.version_table import promotion_outcome

    if as_json:
        terminal.write_json(entry.to_record())
    else:
        terminal.show(terminal.out(), *promotion_outcome(entry))


def history(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Only of this model.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="How many entries.")] = 20,
    as_json: _AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Show the log of promotions: what, when, by whom and why, newest first."""
    from bakeoff.cli.output.version_table import promotion_log
    from bakeoff.domain.model_version import VersionFilter
    from registry.models.registry_interface import no_such_model

    registry = project_access.registry(project_access.open_project(config).configuration)
    lines = registry.history(name, limit=limit)
    if name and not lines and not registry.versions(VersionFilter(name=name), limit=1):
        raise no_such_model(name)
    if as_json:
        terminal.write_json([entry.to_record() for entry in lines])
    elif lines:
        terminal.show(terminal.out(), promotion_log(lines))
    else:
        terminal.out().print("no version was promoted yet: `bakeoff registry promote` does it")


def alias(  # noqa: PLR0917 - one parameter for each option
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the model.")],
    alias: Annotated[
        str, typer.Argument(metavar="ALIAS", help="The alias, such as champion for models:/NAME@champion.")
    ],
    version: Annotated[
        str | None,
        typer.Argument(metavar="[VERSION]", help="The version that the alias means.", show_default=False),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the alias instead.")] = False,
    as_json: _AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Give an alias to a version, or move it there from another version."""
    from bakeoff.domain.errors import InvalidInputError

    if (version is None) is not remove:
        raise InvalidInputError("give either the version that the alias is to mean, or --remove")
    registry = project_access.registry(project_access.open_project(config).configuration)
    found = None if version is None else registry.get(f"models:/{name}/{version}")
    registry.set_alias(name, alias, None if found is None else found.id)
    if as_json:
        terminal.write_json(
            {"modelName": name, "alias": alias, "version": None if found is None else found.version}
        )
    else:
        means = "is removed" if found is None else f"is {found.uri}"
        terminal.out().print(terminal.clean(f"models:/{name}@{alias} {means}"), soft_wrap=True)
