"""`bakeoff signals`: what signal models say of symbols, and what the ensemble makes of it."""

import typer

from cli import ensemble

app = typer.Typer(
    help="Ask signal models, and look at what the ensemble makes of it.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def _group() -> None:
    pass


app.command("show")(ensemble.show)
