"""`bakeoff judge`: verdicts of runs that ended before there were verdicts, and the shuffle check."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from bakeoff.domain.runs.run import Run
    from bakeoff.operations.context import Context

_LEAK = 1


def judge(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN", help="Run ids or names.  [dim]\\[default: all without a verdict]"),
    ] = None,
    shuffle_check: Annotated[
        bool,
        typer.Option(
            "--shuffle-check",
            help="Fit a candidate of RUN to shuffled labels: it must score as chance does.",
        ),
    ] = False,
    model: Annotated[
        str | None, typer.Option("--model", metavar="ID", help="Which; else the one recommended.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Judge runs that ended before there were verdicts, or check one with shuffled labels.

    Old runs are judged by their kept predictions.  With `--shuffle-check`, the candidate that a run
    recommends is fitted again, to shuffled training labels, up to ten times; what is found is added to the
    verdict.  Exit code 1: it still predicts the test rows, or that could not be found out.
    """
    context = project_access.open_project(config)
    engine = project_access.database(context)
    if shuffle_check:
        _check(context, runs or [], model, as_json=as_json)
        return
    if model is not None:
        raise typer.BadParameter("it goes with --shuffle-check", param_hint="--model")
    from bakeoff.operations.judging.judge_ended_runs import judge_old_run
    from bakeoff.store.bakeoffs import run_rows
    from bakeoff.store.bakeoffs.results import verdict_rows

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


def _check(context: "Context", runs: list[str], model: str | None, *, as_json: bool) -> None:
    from bakeoff.evaluation.checks.shuffled_labels import SLUGS
    from bakeoff.operations.judging.judge_ended_runs import wait_for_verdict
    from bakeoff.operations.judging.shuffle_check import check_later
    from bakeoff.store.bakeoffs import run_rows

    if len(runs) != 1:
        raise typer.BadParameter("--shuffle-check takes one run", param_hint="RUN")
    run = run_rows.get(context.engine, run_rows.find(context.engine, runs[0]))
    wait_for_verdict(context, run.id)
    verdict, check = check_later(context, run, model)
    found = [one for one in verdict.findings if one.slug in SLUGS and one.candidates == (check.candidate,)]
    if as_json:
        record: dict[str, Any] = check.to_record()
        terminal.write_json({"runId": run.id, **record, "findings": [one.to_record() for one in found]})
    elif found:
        from bakeoff.cli.output.states_and_findings import all_findings

        terminal.show(terminal.out(), *all_findings(found))
    else:
        terminal.out().print(_in_order(run, check.candidate, check.above_chance), highlight=False)
    if any(one.accepted is None for one in found):
        raise typer.Exit(_LEAK)


def _in_order(run: "Run", candidate: str, scores: tuple[float, ...]) -> str:
    from bakeoff.domain.wording import counted

    said = f"{scores[-1]:+.2f} from chance in the last of {counted(len(scores), 'refit')}"
    return f"{run.name}  {candidate} predicts as chance does after shuffled labels: {said}"
