"""`bakeoff run --in-process`: no worker, no cells, nothing kept; for `breakpoint()` and whole tracebacks."""

from dataclasses import replace
from typing import TYPE_CHECKING

from cli import terminal
from cli.show import show_outcome
from domain.job import JobState
from domain.run import RunState
from evaluation.data.snapshot import folder_of
from evaluation.leaderboard import rank
from evaluation.rehearsal import rehearse
from store.runs import RunSummary
from tasks import enqueue, wiring
from tasks.report import Report, report_record

if TYPE_CHECKING:
    from rich.console import Console

    from domain.result import Result
    from domain.run import Run
    from evaluation.plan import Plan


def rehearse_all(plan: "Plan", console: "Console", *, run_id: str, as_json: bool) -> None:
    run, jobs = enqueue.draw_up(plan, run_id=run_id, name="in this process")
    configuration = wiring.configuration()
    snapshot = folder_of(configuration.snapshots, plan.dataset.dataset_id, plan.dataset.split_id)
    results = []
    for job in jobs:
        terminal.show(console, f"{job.candidate.id} …")
        results.append(rehearse(job, run, root=configuration.root, snapshot=snapshot))
    report = _report(run, results)
    if as_json:
        terminal.write_json(report_record(report))
    else:
        show_outcome(report, console)


def _report(run: "Run", results: "list[Result]") -> Report:
    return Report(
        summary=RunSummary(
            run=replace(run, state=RunState.COMPLETED), jobs={JobState.COMPLETED: len(results)}
        ),
        metrics=run.rules.metrics,
        standings=rank(results, metric=run.rules.metrics[0], baseline_id=run.baseline_id),
        unsuccessful=[],
        open=[],
    )
