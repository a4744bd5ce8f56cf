"""What a suite shows: its runs, and the verdict over its datasets when the last of them is judged.

The verdict follows from the stored results and verdicts of the runs. The saver computes it and stores it, or
the first process that reads the suite after its end; any other would have computed the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from bakeoff.domain.ids_and_times import iso
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.suite import MemberState, Suite, SuiteMember, SuiteVerdict
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.operations.context import Context
from bakeoff.operations.judging.judge_ended_runs import judge_old_run
from bakeoff.store.bakeoffs import job_queries, run_rows, suite_rows
from bakeoff.store.bakeoffs.results import verdict_rows
from bakeoff.store.bakeoffs.results.run_list_summaries import Headline, headlines
from bakeoff.store.bakeoffs.run_rows import RunSummary

_LEVEL = 0.05


class SuiteState(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"  #: each run has ended and has results
    INCOMPLETE = "incomplete"  #: all has ended, and a dataset has no result, could not be read or was removed


@dataclass(frozen=True, kw_only=True)
class MemberStatus:
    member: SuiteMember
    summary: RunSummary | None  #: None where the run is not started, or was removed
    headline: Headline | None = None  #: its verdict in short; None until it is judged

    @property
    def is_over(self) -> bool:
        if self.summary is None:
            return self.member.state is not MemberState.OPEN
        return self.summary.run.state.has_ended

    @property
    def is_removed(self) -> bool:
        return self.summary is None and self.member.state is MemberState.STARTED

    @property
    def state(self) -> str:
        """In a word."""
        if self.summary is not None:
            return str(self.summary.run.state)
        return "removed" if self.is_removed else str(self.member.state)

    def to_record(self) -> dict[str, Any]:
        return {
            "dataset": self.member.dataset,
            "runId": self.member.run_id if self.summary else None,
            "status": self.state,
            "error": self.member.error or None,
            "recommended": self.headline.recommended if self.headline else None,
            "sentence": self.headline.sentence if self.headline else None,
        }


@dataclass(frozen=True, kw_only=True)
class SuiteReport:
    suite: Suite
    members: Sequence[MemberStatus]
    verdict: SuiteVerdict | None  #: None until all its runs are judged

    @property
    def state(self) -> SuiteState:
        if not all(one.is_over for one in self.members):
            return SuiteState.RUNNING
        if self.verdict is not None:  # it stays when runs are removed later
            judged = len(self.verdict.datasets)
        else:
            judged = sum(one.headline is not None for one in self.members)
        return SuiteState.COMPLETED if judged == len(self.members) else SuiteState.INCOMPLETE

    @property
    def is_over(self) -> bool:
        return self.state is not SuiteState.RUNNING

    @property
    def ended(self) -> int:
        return sum(one.is_over for one in self.members)

    def to_record(self) -> dict[str, Any]:
        """The suite as JSON, over HTTP and in `--json`."""
        return {
            "suiteId": self.suite.id,
            "name": self.suite.name,
            "createdAt": iso(self.suite.created_at),
            "status": self.state,
            "members": [one.to_record() for one in self.members],
            "verdict": self.verdict.to_record() if self.verdict else None,
        }


def read_suite(context: Context, suite_id: str) -> SuiteReport:
    return _settled(context, suite_rows.get(context.engine, suite_id))


def read_suites(context: Context, *, limit: int, after: str | None = None) -> list[SuiteReport]:
    """Newest first."""
    return [_settled(context, suite) for suite in suite_rows.page(context.engine, limit=limit, after=after)]


def judge_due_suites(context: Context) -> None:
    """Judges the suites whose last run is judged, so that their verdicts stay when runs are removed."""
    for suite_id in suite_rows.to_be_judged(context.engine):
        read_suite(context, suite_id)


def _settled(context: Context, suite: Suite) -> SuiteReport:
    """With its verdict, if the suite has ended: that which is stored, or it is judged here."""
    report = _report(context, suite)
    if report.verdict is not None or not report.is_over or _is_awaited(context, report):
        return report
    # Read once more: a run may have been judged after its verdict was looked for, and before it was asked
    # whether it is still awaited. From now on nothing changes.
    report = _report(context, report.suite)
    verdict = judge_suite(context, report)
    # Not where a run was removed before: a verdict that is stored would hide that it says less than it could.
    if not any(one.is_removed for one in report.members):
        suite_rows.write_verdict(context.engine, suite.id, verdict)
    return replace(report, verdict=verdict)


def _report(context: Context, suite: Suite) -> SuiteReport:
    ids = [member.run_id for member in suite.members]
    there = run_rows.summaries(context.engine, ids)
    said = headlines(context.engine, ids)
    members = [
        MemberStatus(member=member, summary=there.get(member.run_id), headline=said.get(member.run_id))
        for member in suite.members
    ]
    return SuiteReport(suite=suite, members=members, verdict=suite.verdict)


def _is_awaited(context: Context, report: SuiteReport) -> bool:
    """Whether a run has ended and its verdict is still to come."""
    ids = [one.member.run_id for one in report.members if one.summary and one.headline is None]
    return any(verdict_rows.is_pending(context.engine, run_id) for run_id in ids)


def judge_suite(context: Context, report: SuiteReport) -> SuiteVerdict:
    # Imported when it is needed: most readers find a verdict, and need no numpy for it.
    from bakeoff.evaluation.statistics.compare_across_datasets import judge_across

    left_out = {
        one.member.dataset: f"its run is {one.state}, without a verdict"
        for one in report.members
        if one.headline is None
    }
    runs = {
        one.member.dataset: (one.summary.run, _verdict(context, one.summary.run))
        for one in report.members
        if one.summary is not None and one.headline is not None
    }
    # A dataset on which all candidates failed says nothing of them, and must not take the others with it.
    for name, (run, verdict) in list(runs.items()):
        if not _scores(context, run, verdict, is_mixed=False):
            left_out[name] = f"no candidate has a score; its run is {run.state}"
            del runs[name]
    metric, is_greater_better = _ranked_by([run for run, _ in runs.values()])
    scores = {
        name: _scores(context, run, verdict, is_mixed=metric is None) for name, (run, verdict) in runs.items()
    }
    complete, missing = _of_all(scores)
    return judge_across(
        complete,
        metric=metric,
        greater_is_better=is_greater_better,
        level=next((verdict.level for _, verdict in runs.values() if verdict), _LEVEL),
        outcomes=_outcomes(list(runs.values()), set(next(iter(complete.values()), {}))),
        left_out={**left_out, **missing},
    )


def _ranked_by(runs: Sequence[Run]) -> tuple[str | None, bool]:
    """The metric of all runs, and whether more of it is better. None if they rank by different ones.

    The code of a custom metric may have changed between two runs: if they disagree on its direction, it is
    not the same metric.
    """
    metrics = {(metric := run.rules.metrics[0], run.rules.greater_is_better(metric)) for run in runs}
    return metrics.pop() if len(metrics) == 1 else (None, True)


def _verdict(context: Context, run: Run) -> RunVerdict | None:
    return verdict_rows.of_run(context.engine, run.id) or judge_old_run(context, run.id)


def _scores(context: Context, run: Run, verdict: RunVerdict | None, *, is_mixed: bool) -> dict[str, float]:
    """The scores of the candidates by the metric that ranks, without the dummy baseline.

    `is_mixed`: other runs have other metrics. Then greater ones are made the better ones everywhere.
    """
    metric = verdict.metric if verdict else run.rules.metrics[0]
    sign = -1 if is_mixed and not run.rules.greater_is_better(metric) else 1
    return {
        one.model_id: sign * value
        for one in job_queries.results_of_run(context.engine, run.id)
        if one.model_id != run.baseline_id and (value := one.metrics.get(metric)) is not None
    }


def _of_all(
    scores: Mapping[str, Mapping[str, float]],
) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """The scores of those that have one on each dataset; and who else there is, with why it is left out."""
    everyone = list(dict.fromkeys(name for of_dataset in scores.values() for name in of_dataset))
    lacking = {name: [data for data, found in scores.items() if name not in found] for name in everyone}
    complete = [name for name in everyone if not lacking[name]]
    said = {name: f"it has no score on {', '.join(where)}" for name, where in lacking.items() if where}
    return {data: {name: found[name] for name in complete} for data, found in scores.items()}, said


def _outcomes(
    runs: Sequence[tuple[Run, RunVerdict | None]], names: set[str]
) -> dict[str, tuple[int, int, int]]:
    """Wins, ties and losses of each candidate, over all pairs of all runs."""
    counts = {name: [0, 0, 0] for name in names}
    for _, verdict in runs:
        for pair in verdict.pairs if verdict else ():
            for name in {pair.a, pair.b} & names if {pair.a, pair.b} <= names else ():
                counts[name][1 if pair.better is None else 0 if pair.better == name else 2] += 1
    return {name: (won, tied, lost) for name, (won, tied, lost) in counts.items()}
