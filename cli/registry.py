"""`bakeoff registry`: the registry of trained models."""

import typer

from cli import holdings, keeping, promotion

app = typer.Typer(
    help="Look into the registry of trained models, and keep it.", no_args_is_help=True, add_completion=False
)

app.command("list")(holdings.list_versions)
app.command("show")(holdings.show)
app.command("best")(holdings.best)
app.command("save")(keeping.save)
app.command("promote")(promotion.promote)
app.command("rollback")(promotion.rollback)
app.command("history")(promotion.history)
app.command("alias")(promotion.alias)
app.command("delete")(keeping.delete)
app.command("verify")(keeping.verify)
app.command("gc")(keeping.gc)
