"""`bakeoff signals`: signal models and their ensemble."""

import typer

from cli import ensemble, explaining, generating, training

app = typer.Typer(
    help="Ask signal models, and see what their ensemble says.",
    no_args_is_help=True,
    add_completion=False,
)

app.command("generate")(generating.generate)
app.command("show")(ensemble.show)
app.command("train")(training.train)
app.command("explain")(explaining.explain)
