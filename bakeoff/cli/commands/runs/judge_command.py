"""`bakeoff judge`: verdicts of runs that ended before there were verdicts."""

from typing import Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile


def judge(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN", help="Run ids or names.  [dim]\\[default: all without a verdict]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Judge runs that ended before there were verdicts.

    Their kept predictions are scored once more for that.  A verdict that is there is never changed.
    """
    from bakeoff.operations.judging.judge_runs import judge_old_run
    from bakeoff.store.bakeoffs import run_rows
    from bakeoff.store.bakeoffs.results import verdict_rows

    context = project_access.open_project(config)
    engine = project_access.database(context)
    wanted = [run_rows.find(engine, run) for run in runs or []] or verdict_rows.without_verdict(engine)
    judged = {run_id: judge_old_run(context, run_id) for run_id in wanted}
    sentences = {run_id: verdict.sentence for run_id, verdict in judged.items() if verdict is not None}
    if as_json:
        terminal.write_json(
            {"judged": [{"runId": run_id, "sentence": said} for run_id, said in sentences.items()]}
        )
        return
    for run_id, sentence in sentences.items():
        terminal.out().print(f"{run_rows.get(engine, run_id).name}  {sentence}", highlight=False)
    for run_id in wanted:
        if run_id not in sentences:
            run = run_rows.get(engine, run_id)
            why = "it has its verdict" if run.state.has_ended else f"it is {run.state}, and judged at its end"
            terminal.out().print(f"{run.name}  not judged: {why}", highlight=False)
    if not wanted:
        terminal.out().print("every run that has ended has its verdict", highlight=False)
