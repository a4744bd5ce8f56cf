"""Which commands there are. A command's module is imported when the command is called, not to list it."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

_REFUSED = 1
_BAD_USAGE = 2
_INFRASTRUCTURE = 4


class _Entry(NamedTuple):
    name: str
    place: str  #: module and function, or module and sub-application
    panel: str
    summary: str  #: what the list of commands says


_BAKEOFFS, _SIGNALS, _MODELS = "Bake-offs", "Signals", "Trained models"
_PROJECT, _SERVICE = "The project", "The service"

_ENTRIES: Sequence[_Entry] = (
    _Entry("run", "cli.run:run", _BAKEOFFS, "Evaluate candidates on a dataset and rank them."),
    _Entry("plan", "cli.plan:plan", _BAKEOFFS, "Say what a run would fit, what it would reuse, and why."),
    _Entry("show", "cli.show:show", _BAKEOFFS, "Show the leaderboard of a run."),
    _Entry("runs", "cli.runs:runs", _BAKEOFFS, "List the runs, newest first."),
    _Entry("events", "cli.events:events", _BAKEOFFS, "Print what happened, and follow it."),
    _Entry("logs", "cli.logs:logs", _BAKEOFFS, "Print what a candidate printed."),
    _Entry("cancel", "cli.cancel:cancel", _BAKEOFFS, "Cancel a run; what has completed stays."),
    _Entry("priority", "cli.priority:app", _BAKEOFFS, "Let a run go before others, or after them."),
    _Entry("retry", "cli.retry:retry", _BAKEOFFS, "Evaluate again what has no result."),
    _Entry(
        "reproduce", "cli.reproduce:reproduce", _BAKEOFFS, "Fit once more, and compare what is predicted."
    ),
    _Entry("signals", "cli.signals:app", _SIGNALS, "Ask signal models, and see what their ensemble says."),
    _Entry("predict", "cli.predict:predict", _MODELS, "Ask a trained model about the rows of a file."),
    _Entry("score", "cli.score:score", _MODELS, "Score the results that came in."),
    _Entry("results", "cli.results:app", _MODELS, "Take in results of other systems, and labels of them."),
    _Entry("registry", "cli.registry:app", _MODELS, "Look into the registry of trained models, and keep it."),
    _Entry("init", "cli.init:init", _PROJECT, "Make a project that runs as it is."),
    _Entry("models", "cli.models:models", _PROJECT, "List the candidates, and why some cannot take part."),
    _Entry("check", "cli.check:check", _PROJECT, "Say of a signal model what holds of its contract."),
    _Entry("datasets", "cli.datasets:datasets", _PROJECT, "List the datasets of the configuration."),
    _Entry("config", "cli.config:config", _PROJECT, "Print the settings, and where each came from."),
    _Entry("up", "cli.up:up", _SERVICE, "Start everything for one machine, and keep it alive."),
    _Entry("worker", "cli.worker:worker", _SERVICE, "Take evaluations until told to stop."),
    _Entry("schedules", "cli.schedules:schedules", _SERVICE, "List what starts by itself, and when."),
    _Entry("api", "cli.api:app", _SERVICE, "Serve the HTTP API until told to stop."),
    _Entry("doctor", "cli.doctor:doctor", _SERVICE, "Look for what is wrong, and say what to do."),
    _Entry(
        "db",
        "cli.database:app",
        _SERVICE,
        "Look at the database, upgrade it, back it up, restore it, move it.",
    ),
    _Entry("gc", "cli.gc:gc", _SERVICE, "Remove what nothing cites."),
)


class Commands(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {entry.name: _listed(entry) for entry in _ENTRIES}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, listed, rest = super().resolve_command(ctx, args)
        entry = next((entry for entry in _ENTRIES if entry.name == name), None)
        return name, _load(entry) if entry else listed, rest

    def invoke(self, ctx: Any) -> Any:
        """Errors that Bakeoff can explain become a line and an exit code. All others are bugs."""
        from domain.errors import BakeoffError

        try:
            return super().invoke(ctx)
        except (BakeoffError, OSError) as exc:
            known = _known(exc)
            if known is None:
                raise
            _explain(known)
            raise typer.Exit(_exit_code(known)) from exc


def _listed(entry: _Entry) -> TyperCommand:
    return TyperCommand(entry.name, help=entry.summary, rich_help_panel=entry.panel)


def _load(entry: _Entry) -> Any:
    module, _, name = entry.place.partition(":")
    found = getattr(import_module(module), name)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
        alone.command(entry.name, context_settings=HELP_NAMES)(found)
        found = alone
    command = typer.main.get_command(found)
    command.name = entry.name
    return command


def _known(exc: Exception) -> Exception | None:
    """A disk may be full wherever something is written."""
    from domain.errors import InfrastructureError
    from domain.room import is_lack_of_room

    if not isinstance(exc, OSError):
        return exc
    if not is_lack_of_room(exc):
        return None
    return InfrastructureError(
        f"{exc.filename or 'a file'} cannot be written: {exc.strerror}; make room there"
    )


def _exit_code(exc: Exception) -> int:
    from domain.errors import InvalidInputError, RefusedError

    if isinstance(exc, RefusedError):
        return _REFUSED
    return _BAD_USAGE if isinstance(exc, InvalidInputError) else _INFRASTRUCTURE


def _explain(exc: Exception) -> None:
    from rich.text import Text

    from cli import terminal
    from config.masking import masked

    terminal.err().print(
        Text.assemble(("error:", "bold red"), " ", terminal.clean(masked(str(exc)))), soft_wrap=True
    )


HELP_NAMES = {"help_option_names": ["-h", "--help"]}
