"""`bakeoff run --in-process`: the candidates are evaluated in this process, without worker and cells.

Nothing is kept. So `breakpoint()` works, and an exception shows its whole traceback.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from bakeoff.cli.output import terminal
from bakeoff.cli.output.runs.show_run_report import show_outcome
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import RunState
from bakeoff.evaluation.datasets.snapshot_layout import folder_of
from bakeoff.evaluation.jobs.in_process_job import evaluate_in_process
from bakeoff.evaluation.reports.leaderboard import rank
from bakeoff.operations.runs import start_run
from bakeoff.operations.runs.run_report import RunReport, report_record
from bakeoff.store.bakeoffs.run_rows import RunSummary

if TYPE_CHECKING:
    from rich.console import Console

    from bakeoff.domain.runs.result import Result
    from bakeoff.domain.runs.run import Run
    from bakeoff.evaluation.planning.run_plan import Plan
    from bakeoff.operations.context import Context


def evaluate_here(
    context: "Context", plan: "Plan", console: "Console", *, run_id: str, as_json: bool
) -> None:
    run, jobs = start_run.unwritten_run(context, plan, run_id=run_id, name="in this process")
    configuration = context.configuration
    snapshot = folder_of(configuration.snapshots, plan.dataset.dataset_id, plan.dataset.split_id)
    results = []
    for job in jobs:
        terminal.show(console, f"{job.candidate.id} …")
        results.append(evaluate_in_process(job, run, root=configuration.root, snapshot=snapshot))
    report = _report(run, results)
    if as_json:
        terminal.write_json(report_record(report))
    else:
        show_outcome(report, console)


def _report(run: "Run", results: "list[Result]") -> RunReport:
    return RunReport(
        summary=RunSummary(
            run=replace(run, state=RunState.COMPLETED), jobs={JobState.COMPLETED: len(results)}
        ),
        metrics=run.rules.metrics,
        standings=rank(
            results,
            metric=run.rules.metrics[0],
            baseline_id=run.baseline_id,
            directions=run.rules.directions,
        ),
        unsuccessful=[],
        open=[],
    )
