"""`bakeoff signals`: signal models and their ensemble."""

import typer

from cli import generating

app = typer.Typer(
    help="Ask signal models, and make an ensemble of what they say.",
    no_args_is_help=True,
    add_completion=False,
)

app.command("generate")(generating.generate)
