"""`bakeoff registry`: the registry of trained models."""

import typer

from bakeoff.cli.commands.registry import registry_list, registry_maintain, registry_promote

app = typer.Typer(
    help="List, save, promote and delete trained models.", no_args_is_help=True, add_completion=False
)

app.command("list")(registry_list.list_versions)
app.command("show")(registry_list.show)
app.command("best")(registry_list.best)
app.command("save")(registry_maintain.save)
app.command("promote")(registry_promote.promote)
app.command("rollback")(registry_promote.rollback)
app.command("history")(registry_promote.history)
app.command("alias")(registry_promote.alias)
app.command("delete")(registry_maintain.delete)
app.command("verify")(registry_maintain.verify)
app.command("gc")(registry_maintain.gc)
