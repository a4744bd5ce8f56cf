"""`bakeoff label`: words by which people find a run again."""

from typing import Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile


def label(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run id or its first characters, name, or `latest`.")
    ],
    labels: Annotated[
        list[str] | None, typer.Argument(metavar="LABEL…", show_default=False, help="To add, or to remove.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take these labels away.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Its labels as JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Give a run labels, take some away, or print those it has.

    `bakeoff runs --label LABEL` finds it again.
    """
    from bakeoff.domain.errors import NotFoundError
    from bakeoff.domain.identity import user_name
    from bakeoff.domain.wording import quoted
    from bakeoff.store.bakeoffs import label_rows, run_rows

    context = project_access.open_project(config)
    engine = project_access.database(context)
    run_id = run_rows.find(engine, run)
    given = [label_rows.checked(one) for one in labels or []]
    if remove and not given:
        raise typer.BadParameter(
            f"name the labels to remove; `bakeoff label {run_id[:8]}` prints those that it has",
            param_hint="LABEL",
        )
    if remove and not label_rows.remove(engine, run_id, *given):
        there = label_rows.of_runs(engine, [run_id]).get(run_id, [])
        lacking = ", ".join(quoted(one) for one in given if one not in there)
        raise NotFoundError(
            f"run {run_id} has no label {lacking}, and none was removed: `bakeoff label {run_id[:8]}` prints "
            "those that it has"
        )
    if given and not remove:
        label_rows.add(engine, run_id, *given, by=user_name())
    found = label_rows.of_runs(engine, [run_id]).get(run_id, [])
    if as_json:
        terminal.write_json({"runId": run_id, "labels": found})
    else:
        terminal.out().print(", ".join(found) or "no labels", soft_wrap=True)
