"""`bakeoff score`: score the stored results with a model."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile
from bakeoff.domain.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from bakeoff.operations.score_stored_feedback import Scoring

SCORED_BY = (
    "The id of a candidate, NAME/VERSION, or a URI such as models:/NAME/Production. "
    "[dim]\\[default: the baseline, whose score is 0]"
)
_WITH_FAILURES = 3


def score(
    model: Annotated[
        str | None, typer.Option("--model", metavar="MODEL", show_default=False, help=SCORED_BY)
    ] = None,
    batch_size: Annotated[
        int,
        typer.Option(
            min=1, max=10_000, metavar="N", help="How many results are scored and written at a time."
        ),
    ] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Score the imported results of other systems.

    With --model: the results that this version of the model has not scored. Without: those without a score.

    Exit code 3: some could not be scored.
    """
    from bakeoff.cli.output.file_progress import rows_done
    from bakeoff.operations.score_stored_feedback import score_stored, scorer
    from bakeoff.store.database import schema_version

    context = project_access.open_project(config)
    schema_version.ensure(project_access.existing_database(context))
    chosen_scorer = scorer(context, model)
    began = time.monotonic()
    with rows_done("scoring", None) as progress:
        scoring = score_stored(context, chosen_scorer, batch_size=batch_size, progress=progress)
    if as_json:
        terminal.write_json(scoring.to_record())
    else:
        terminal.show(terminal.out(), *_summary(scoring, time.monotonic() - began))
    if scoring.refused:
        raise typer.Exit(_WITH_FAILURES)


def _summary(scoring: "Scoring", seconds: float) -> "Iterator[RenderableType]":
    from rich.text import Text

    from bakeoff.cli.output.number_format import duration

    yield Text(f"{counted(scoring.scored, 'result')} scored by {scoring.version} in {duration(seconds)}")
    if scoring.refused:
        yield Text(f"{counted(scoring.refused, 'result')} could not be scored, such as:", "bold red")
    for item_id, reason in scoring.reasons.items():
        yield Text.assemble(("✗ ", "bold red"), terminal.clean(f"{item_id}: {reason}"))
