"""`bakeoff registry`: the registry of trained models."""

import typer

from bakeoff.cli.commands.registry import (
    registry_list_show_best,
    registry_promote,
    registry_save_delete_verify,
)

app = typer.Typer(
    help="List, save, promote and delete trained models.", no_args_is_help=True, add_completion=False
)

app.command("list")(registry_list_show_best.list_versions)
app.command("show")(registry_list_show_best.show)
app.command("best")(registry_list_show_best.best)
app.command("save")(registry_save_delete_verify.save)
app.command("promote")(registry_promote.promote)
app.command("rollback")(registry_promote.rollback)
app.command("history")(registry_promote.history)
app.command("alias")(registry_promote.alias)
app.command("delete")(registry_save_delete_verify.delete)
app.command("verify")(registry_save_delete_verify.verify)
app.command("gc")(registry_save_delete_verify.gc)
