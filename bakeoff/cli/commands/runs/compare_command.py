"""`bakeoff compare`: candidates, runs and saved versions side by side, and which of them is really better."""

from typing import Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

_ROWS = 20


def compare(  # noqa: PLR0917 - one parameter for each option
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="Two or more: a candidate, a run (what it recommends), RUN:CANDIDATE, or a saved version "
            "such as models:/NAME/Production or NAME/VERSION.",
        ),
    ],
    run: Annotated[
        str | None,
        typer.Option(
            metavar="RUN", help="The run of the candidates.  [dim]\\[default: the newest]", show_default=False
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="By this metric alone.  [dim]\\[default: all, judged by the first]"
        ),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(metavar="X", help="Ask whether they are equivalent: within X, which does not matter."),
    ] = None,
    rows: Annotated[bool, typer.Option("--rows", help="List rows on which they disagree.")] = False,
    top: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help=f"The first N rows only.  [dim]\\[default: {_ROWS}]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Say which of two or more results is really better.

    They must have been scored on the same snapshot, split and scoring rules.  Nothing is fitted.
    """
    from bakeoff.operations.comparing.compare_results import compare_results

    if top is not None and not rows:
        raise typer.BadParameter(f"--top {top} limits the list of --rows: give --rows, too")
    context = project_access.open_project(config)
    project_access.database(context)
    comparison = compare_results(
        context, names, run=run, metric=metric, margin=margin, rows=(top or _ROWS) if rows else 0
    )
    if as_json:
        terminal.write_json(comparison.to_record())
        return
    from bakeoff.cli.output.runs.comparison_view import comparison_lines

    console = terminal.out()
    terminal.show(console, *comparison_lines(comparison, console))
