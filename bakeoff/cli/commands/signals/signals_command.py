"""`bakeoff signals`: signal models and their ensemble."""

import typer

from bakeoff.cli.commands.signals import signals_explain, signals_generate, signals_show, signals_train

app = typer.Typer(
    help="Generate signals, and show what the ensemble of the models says.",
    no_args_is_help=True,
    add_completion=False,
)

app.command("generate")(signals_generate.generate)
app.command("show")(signals_show.show)
app.command("train")(signals_train.train)
app.command("explain")(signals_explain.explain)
