"""Follows a run until it ends and shows its outcome, or shows how to follow it later."""

from typing import TYPE_CHECKING

import typer

from bakeoff.cli.output import terminal
from bakeoff.cli.output.runs.poll_run import IdleReason, LiveLeader, poll
from bakeoff.cli.output.runs.run_progress import LineProgress, LiveProgress
from bakeoff.cli.output.runs.saving_and_tracking_view import wait_until_saved
from bakeoff.cli.output.runs.show_run_report import show_outcome
from bakeoff.domain.runs.run import Run, RunState
from bakeoff.operations.doorbells import why_nothing_runs
from bakeoff.operations.judging.judge_ended_runs import wait_for_verdict
from bakeoff.operations.judging.strict_and_fail_on_gates import is_held_back
from bakeoff.operations.runs.run_report import read_report, report_record, run_record, scored_nobody
from bakeoff.store.bakeoffs import run_rows
from bakeoff.worker.temporary import worker_for_command_run

if TYPE_CHECKING:
    from rich.console import Console

    from bakeoff.domain.runs.verdict import RunVerdict
    from bakeoff.operations.context import Context

_REFUSED = 1
_UNSUCCESSFUL = 3


def follow_and_show(
    context: "Context", run_id: str, console: "Console", *, own_worker: bool, began: float, as_json: bool
) -> None:
    """`own_worker`: whether a worker was started for this run."""
    ended = follow_to_end(context, run_id, console, own_worker=own_worker, began=began)
    if ended is None:
        show_how_to_follow(context, run_id, console, as_json=as_json)
        return
    _show_leaderboard(context, run_id, console, as_json=as_json)
    exit_with_state_of(context, ended)


def follow_to_end(
    context: "Context",
    run_id: str,
    console: "Console",
    *,
    own_worker: bool = False,
    began: float | None = None,
) -> Run | None:
    """The run when it has ended and its models are saved; None after Ctrl-C, which does not stop the run."""
    try:
        idle_reason = IdleReason(lambda: _why_idle(context, run_id, own_worker=own_worker), idle_since=began)
        ended = _follow(context, run_id, console, idle_reason)
        wait_until_saved(context, ended, console)
        wait_for_verdict(context, run_id)
    except KeyboardInterrupt:
        console.print("detached: the run goes on")
        return None
    return ended


def exit_with_state_of(context: "Context", ended: Run) -> None:
    """Exits the command with code 3 unless the run completed and its metric scored somebody.

    With 1 if a strict run was held back.
    """
    if ended.state is not RunState.COMPLETED or scored_nobody(context.engine, ended):
        raise typer.Exit(_UNSUCCESSFUL)
    if is_held_back(context, ended):
        raise typer.Exit(_REFUSED)


def show_how_to_follow(context: "Context", run_id: str, console: "Console", *, as_json: bool) -> None:
    if as_json:
        terminal.write_json({"run": run_record(run_rows.summary(context.engine, run_id))})
        return
    for command, what in ((f"show {run_id[:8]} -f", "watch it"), (f"cancel {run_id[:8]}", "stop it")):
        console.print(f"  bakeoff {command:16}   {what}")


def _follow(context: "Context", run_id: str, console: "Console", idle_reason: IdleReason) -> Run:
    with _display(context, console) as display:
        for polled in poll(context.engine, run_id, idle_reason):
            display.update(polled)
            if not polled.run.state.has_ended:
                worker_for_command_run.replace_the_dead(context, run_id)
    return polled.run


def _why_idle(context: "Context", run_id: str, *, own_worker: bool) -> str:
    if own_worker and not context.messenger.evaluations_are_read():
        log = context.configuration.worker_log
        return f"the worker of this run is being started, its log is {log}"
    return why_nothing_runs(context, [run_id])


def _display(context: "Context", console: "Console") -> LiveProgress | LineProgress:
    if not console.is_terminal:
        return LineProgress(console)

    def judged(run: Run) -> "RunVerdict":
        from bakeoff.operations.judging.compute_run_verdict import verdict_so_far  # takes long to load

        return verdict_so_far(context, run)

    return LiveProgress(console, LiveLeader(judged))


def _show_leaderboard(context: "Context", run_id: str, console: "Console", *, as_json: bool) -> None:
    report = read_report(context.engine, run_id)
    if as_json:
        terminal.write_json(report_record(report))
    else:
        show_outcome(report, console)
