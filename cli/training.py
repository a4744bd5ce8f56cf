"""`bakeoff signals train`: a signal model learns from the market, and what it learned is saved."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import project, terminal
from cli.generating import AsOf
from cli.project import ConfigFile

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from tasks.training import Trained

_UNSUCCESSFUL = 3


def train(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A signal model of the catalog.")],
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with everything.")] = False,
    config: ConfigFile = None,
) -> None:
    """Train a signal model as of a day, and save what it learned.

    All its models are saved under one version.  Exit code 3: it could not be trained.
    """
    from tasks import training
    from tasks.alone import FailedAloneError

    project.open_project(config)
    console = terminal.err() if as_json else terminal.out()
    day = as_of and parse_day(as_of)
    try:
        with terminal.busy(console, f"reading prices and training {terminal.clean(model)}"):
            trained = training.train(model, as_of=day or None)
    except FailedAloneError as exc:
        fail(exc)
    if as_json:
        versions = [version.to_record() for version in trained.versions]
        terminal.write_json({"modelId": model, "asOf": trained.as_of.isoformat(), "versions": versions})
    else:
        terminal.show(console, *_shown(trained))


def parse_day(text: str) -> "date":
    from datetime import date

    from domain.errors import InvalidInputError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(f"--as-of is {text!r}: expected a day such as 2025-06-30") from None


def fail(exc: Exception) -> None:
    from rich.text import Text

    terminal.err().print(Text.assemble(("error:", "bold red"), " ", terminal.clean(str(exc))), soft_wrap=True)
    raise typer.Exit(_UNSUCCESSFUL)
