"""The table of all commands, and examples below the help of each.

The module of a command is imported only when that command is called.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

_REFUSED = 1
_BAD_USAGE = 2
_INFRASTRUCTURE = 4

#: By command of the table, in the order in which a newcomer would type them.
EXAMPLES: Mapping[str, Sequence[str]] = {
    "run": (
        "bakeoff run",
        "bakeoff run churn.csv --target churned --drop customer_id",
        "bakeoff run churn --models forest,ridge --folds 5 --save best",
    ),
    "plan": ("bakeoff plan churn", "bakeoff plan churn --models forest --seed 1"),
    "show": ("bakeoff show", "bakeoff show latest --errors", "bakeoff show 3f2a --json"),
    "predict": ("bakeoff predict models:/churn/Production new.csv -o answers.csv",),
    "models": ("bakeoff models", "bakeoff models --strict"),
    "datasets": (
        "bakeoff datasets",
        "bakeoff datasets add churn churn.csv --target churned --drop customer_id",
        "bakeoff datasets check churn",
    ),
    "registry": (
        "bakeoff registry list",
        "bakeoff registry show churn/3",
        "bakeoff registry promote churn/3 --to Production",
        "bakeoff registry rollback churn",
    ),
    "signals": (
        "bakeoff signals generate AAPL MSFT --as-of 2026-01-30",
        "bakeoff signals show --conflicts",
        "bakeoff signals explain model_a AAPL",
    ),
    "results": ("bakeoff results import items.csv --id item", "bakeoff results label item-17 true --by ann"),
    "api": ("bakeoff api --port 8484", "bakeoff api token ann --role admin"),
    "db": ("bakeoff db current", "bakeoff db backup", "bakeoff db upgrade"),
    "track": ("bakeoff track", "bakeoff track 3f2a latest", "bakeoff track --waiting"),
    "priority": ("bakeoff priority latest 10",),
}


class _Entry(NamedTuple):
    name: str
    target: str  #: the module, and after the colon a function or a Typer application in it
    panel: str
    summary: str  #: shown in the list of commands


_BAKEOFFS, _SIGNALS, _MODELS = "Bake-offs", "Signals", "Trained models"
_PROJECT, _SERVICE = "The project", "The service"

_ENTRIES: Sequence[_Entry] = (
    _Entry(
        "run",
        "bakeoff.cli.commands.runs.run_command:run",
        _BAKEOFFS,
        "Evaluate candidates on a dataset and rank them.",
    ),
    _Entry(
        "plan",
        "bakeoff.cli.commands.runs.plan_command:plan",
        _BAKEOFFS,
        "Say what a run would fit, what it would reuse, and why.",
    ),
    _Entry(
        "show", "bakeoff.cli.commands.runs.show_command:show", _BAKEOFFS, "Show the leaderboard of a run."
    ),
    _Entry(
        "compare",
        "bakeoff.cli.commands.runs.compare_command:compare",
        _BAKEOFFS,
        "Say which of two or more results is really better.",
    ),
    _Entry(
        "report",
        "bakeoff.cli.commands.runs.report_command:report",
        _BAKEOFFS,
        "Write a run as one file: HTML, Markdown or JSON.",
    ),
    _Entry(
        "track",
        "bakeoff.cli.commands.runs.track_in_mlflow_command:track",
        _BAKEOFFS,
        "Log runs to MLflow: parameters, scores, verdicts, reports.",
    ),
    _Entry("runs", "bakeoff.cli.commands.runs.runs_command:runs", _BAKEOFFS, "List the runs, newest first."),
    _Entry(
        "suites",
        "bakeoff.cli.commands.runs.suites_command:app",
        _BAKEOFFS,
        "Evaluate the same candidates on several datasets, and judge them together.",
    ),
    _Entry(
        "events",
        "bakeoff.cli.commands.runs.published_events_command:events",
        _BAKEOFFS,
        "Print the events of runs, and follow them.",
    ),
    _Entry("logs", "bakeoff.cli.commands.runs.logs_command:logs", _BAKEOFFS, "Print the log of a candidate."),
    _Entry(
        "cancel",
        "bakeoff.cli.commands.runs.change_run_commands:cancel",
        _BAKEOFFS,
        "Cancel a run; what has completed stays.",
    ),
    _Entry(
        "label",
        "bakeoff.cli.commands.runs.change_run_commands:label",
        _BAKEOFFS,
        "Give a run labels, take some away, or print those it has.",
    ),
    _Entry(
        "priority",
        "bakeoff.cli.commands.runs.change_run_commands:app",
        _BAKEOFFS,
        "Change the priority of a run in the queue.",
    ),
    _Entry(
        "retry",
        "bakeoff.cli.commands.runs.change_run_commands:retry",
        _BAKEOFFS,
        "Evaluate the candidates without a result again.",
    ),
    _Entry(
        "judge",
        "bakeoff.cli.commands.runs.judge_missing_verdicts_command:judge",
        _BAKEOFFS,
        "Judge runs that ended before there were verdicts, or check one with shuffled labels.",
    ),
    _Entry(
        "reproduce",
        "bakeoff.cli.commands.runs.reproduce_command:reproduce",
        _BAKEOFFS,
        "Fit a candidate once more, and compare the predictions.",
    ),
    _Entry(
        "signals",
        "bakeoff.cli.commands.signals.signals_command:app",
        _SIGNALS,
        "Generate signals, and show what the ensemble of the models says.",
    ),
    _Entry(
        "predict",
        "bakeoff.cli.commands.registry.predict_command:predict",
        _MODELS,
        "Predict the rows of a file with a trained model.",
    ),
    _Entry(
        "score",
        "bakeoff.cli.commands.signals.score_feedback_items_command:score",
        _MODELS,
        "Score the imported results of other systems.",
    ),
    _Entry(
        "results",
        "bakeoff.cli.commands.signals.feedback_items_command:app",
        _MODELS,
        "Import results of other systems, and labels for them.",
    ),
    _Entry(
        "registry",
        "bakeoff.cli.commands.registry.registry_command:app",
        _MODELS,
        "List, save, promote and delete trained models.",
    ),
    _Entry(
        "init",
        "bakeoff.cli.commands.project.init_command:init",
        _PROJECT,
        "Create a project that runs as it is.",
    ),
    _Entry(
        "models",
        "bakeoff.cli.commands.project.models_command:models",
        _PROJECT,
        "List the candidates, and why some cannot take part.",
    ),
    _Entry(
        "check",
        "bakeoff.cli.commands.project.check_command:check",
        _PROJECT,
        "Check that a candidate or a signal model keeps its contract.",
    ),
    _Entry(
        "datasets",
        "bakeoff.cli.commands.project.datasets_command:app",
        _PROJECT,
        "List the datasets, add one, and look for traps in one.",
    ),
    _Entry(
        "config",
        "bakeoff.cli.commands.project.config_command:config",
        _PROJECT,
        "Print the settings, and where each came from.",
    ),
    _Entry(
        "up",
        "bakeoff.cli.commands.services.up_command:up",
        _SERVICE,
        "Start all services on one machine, and restart those that die.",
    ),
    _Entry(
        "worker",
        "bakeoff.cli.commands.services.worker_command:worker",
        _SERVICE,
        "Run a worker until it is stopped.",
    ),
    _Entry(
        "schedules",
        "bakeoff.cli.commands.project.schedules_command:app",
        _SERVICE,
        "List the schedules, pause and resume them.",
    ),
    _Entry(
        "api",
        "bakeoff.cli.commands.services.api_command:app",
        _SERVICE,
        "Serve the HTTP API and the pages until they are stopped.",
    ),
    _Entry(
        "doctor",
        "bakeoff.cli.commands.project.doctor_command:doctor",
        _SERVICE,
        "Look for problems, and say how to solve each.",
    ),
    _Entry(
        "db",
        "bakeoff.cli.commands.project.db_command:app",
        _SERVICE,
        "Show, upgrade, back up, restore and move the database.",
    ),
    _Entry(
        "gc",
        "bakeoff.cli.commands.project.gc_command:gc",
        _SERVICE,
        "Remove data that nothing refers to any more.",
    ),
)


class Commands(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {entry.name: _list_entry(entry) for entry in _ENTRIES}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, list_entry, rest = super().resolve_command(ctx, args)
        entry = next((entry for entry in _ENTRIES if entry.name == name), None)
        return name, _load(entry) if entry else list_entry, rest

    def invoke(self, ctx: Any) -> Any:
        """An error that Bakeoff can explain becomes one line and an exit code. Any other error is a bug."""
        from bakeoff.domain.errors import BakeoffError

        try:
            return super().invoke(ctx)
        except (BakeoffError, OSError) as exc:
            known = _explainable(exc)
            if known is None:
                raise
            _print_error(known)
            raise typer.Exit(_exit_code(known)) from exc
        except typer.BadParameter as exc:
            exc.message = _in_plain_words(exc)
            raise


def _list_entry(entry: _Entry) -> TyperCommand:
    return TyperCommand(entry.name, help=entry.summary, rich_help_panel=entry.panel)


def _load(entry: _Entry) -> Any:
    module, _, name = entry.target.partition(":")
    found = getattr(import_module(module), name)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False, rich_markup_mode="rich")
        single.command(entry.name, context_settings=HELP_NAMES)(found)
        found = single
    command = typer.main.get_command(found)
    command.name = entry.name
    command.epilog = epilog_of(entry.name)
    return command


def _in_plain_words(exc: typer.BadParameter) -> str:
    """With the value that was typed, which the checks of Typer leave out, and without words of their own."""
    found: list[Any] = getattr(exc.__cause__, "errors", list)()
    if not found:
        return exc.message
    message = str(found[0]["msg"]).removeprefix("Value error, ")
    value = repr(found[0]["input"])
    return message if value in message else f"{value}: {message[:1].lower()}{message[1:]}"


def _explainable(exc: Exception) -> Exception | None:
    """The error to print as one line: one of ours, or a full disk. None for any other, which is a bug."""
    from bakeoff.domain.errors import InfrastructureError
    from bakeoff.domain.machine.own_packages_and_disk_space import is_lack_of_room

    if not isinstance(exc, OSError):
        return exc
    if not is_lack_of_room(exc):
        return None
    return InfrastructureError(
        f"{exc.filename or 'a file'} cannot be written: {exc.strerror}; make room there"
    )


def _exit_code(exc: Exception) -> int:
    from bakeoff.domain.errors import InvalidInputError, RefusedError

    if isinstance(exc, RefusedError):
        return _REFUSED
    return _BAD_USAGE if isinstance(exc, InvalidInputError) else _INFRASTRUCTURE


def _print_error(exc: Exception) -> None:
    from rich.text import Text

    from bakeoff.cli.output import terminal
    from bakeoff.domain.wording import masked

    terminal.err().print(
        Text.assemble(("error:", "bold red"), " ", terminal.clean(masked(str(exc)))), soft_wrap=True
    )


HELP_NAMES = {"help_option_names": ["-h", "--help"]}


def epilog_of(command: str) -> str | None:
    examples = EXAMPLES.get(command)
    return "\n\n".join(["Examples:", *examples]) if examples else None
