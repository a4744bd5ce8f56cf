"""Suites on the terminal: their list, their progress, and the verdict over their datasets."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from bakeoff.cli.output import states_and_findings, terminal
from bakeoff.cli.output.width_fitting_table import ALWAYS, FittingColumn, fitted
from bakeoff.domain.runs.run import RunState
from bakeoff.domain.runs.verdict import Standing
from bakeoff.operations.doorbells import why_nothing_runs
from bakeoff.operations.judging.judge_ended_runs import wait_for_verdict
from bakeoff.operations.suites.suite_report import MemberStatus, SuiteReport, read_suite
from bakeoff.worker.temporary import worker_for_command_run

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from bakeoff.domain.runs.suite import SuiteVerdict
    from bakeoff.operations.context import Context
    from bakeoff.settings.schedule_and_suite_settings import SuiteSettings

_PAUSE_S = 0.25
_ASK_AFTER_S = 5.0

_STANDINGS: Mapping[Standing, tuple[str, str]] = {
    Standing.BEST: ("best", "green"),
    Standing.TIED: ("not told apart", ""),
    Standing.WORSE: ("another is better", "dim"),
    Standing.INSUFFICIENT: ("nothing claimed", "dim"),
}


def follow_suite(context: "Context", suite_id: str, console: "Console") -> SuiteReport:
    """Says when each run has ended. Returns when the last one has ended and is judged."""
    told: set[str] = set()
    idle_since: float | None = time.monotonic()
    while True:
        report = read_suite(context, suite_id)
        for one in report.members:
            if one.is_over and one.member.run_id not in told:
                told.add(one.member.run_id)
                if one.summary is not None:
                    wait_for_verdict(context, one.member.run_id)
                terminal.show(console, _line(one, len(told), len(report.members)))
        if report.is_over:
            return read_suite(context, suite_id)
        runs = [one.summary for one in report.members if one.summary and not one.is_over]
        if any(summary.run.state is RunState.RUNNING for summary in runs):
            idle_since = None
        elif idle_since is not None and time.monotonic() > idle_since + _ASK_AFTER_S:
            if why := why_nothing_runs(context, [summary.run.id for summary in runs]):
                console.print(why, soft_wrap=True)
            idle_since = None
        worker_for_command_run.replace_the_dead(context, report.members[-1].member.run_id)
        time.sleep(_PAUSE_S)


def _line(one: MemberStatus, place: int, total: int) -> Text:
    said = Text.assemble(f"{place} of {total}  ", (one.member.dataset, "bold"), "  ", _state(one))
    if one.member.error:
        said.append(f"  {terminal.clean(one.member.error)}")
    return said


def _state(one: MemberStatus) -> Text:
    if one.summary is None:
        return Text(one.state, "red" if one.member.error else "dim")
    state = one.summary.run.state
    return Text(states_and_findings.words(state), states_and_findings.style(state))


def suite_list(
    found: Sequence[SuiteReport], known: "Mapping[str, SuiteSettings]", *, width: int
) -> "list[RenderableType]":
    """`width`: of the terminal. What was said of each suite stands below the table, where it may be long."""
    never = [name for name in known if name not in {report.suite.name for report in found}]
    parts: list[RenderableType] = []
    if found:
        columns = [
            _column("suite", [Text(report.suite.id[:8], "bold") for report in found], ALWAYS),
            _column("name", [Text(terminal.clean(report.suite.name)) for report in found], ALWAYS),
            _column("state", [_suite_state(report) for report in found], ALWAYS),
            _column("datasets", [Text(f"{report.ended} of {len(report.members)}") for report in found], 2),
            _column(
                "started",
                [Text(f"{report.suite.created_at:%Y-%m-%d %H:%M} UTC", "dim") for report in found],
                1,
            ),
        ]
        parts += fitted(columns, width, elsewhere="--json")
        said = [
            Text.assemble((report.suite.id[:8], "bold"), f"  {report.verdict.sentence}")
            for report in found
            if report.verdict
        ]
        parts += [Text(), *said] if said else []
    parts += [
        Text(f"{name}: {len(known[name].datasets)} datasets, never run: `bakeoff suites run {name}`")
        for name in never
    ]
    return parts


def _suite_state(report: SuiteReport) -> Text:
    return Text(report.state, {"completed": "green", "incomplete": "yellow"}.get(report.state, ""))


def suite_parts(report: SuiteReport, *, width: int, pairs: bool = False) -> "list[RenderableType]":
    parts: list[RenderableType] = [
        Text.assemble(
            (terminal.clean(report.suite.name), "bold"),
            f"  suite {report.suite.id[:8]}  ",
            f"{report.state}, {report.ended} of {len(report.members)} datasets",
        ),
        Text(),
        *fitted(_members(report.members), width, elsewhere="--json"),
        Text(),
        *(_said(one) for one in report.members if one.headline or one.member.error),
    ]
    verdict = report.verdict
    if verdict is None:
        return [*parts, Text(), Text("no verdict over the datasets until all their runs are judged", "dim")]
    if verdict.candidates:
        parts += [Text(), *fitted(_ranks(verdict), width, elsewhere="--json")]
    parts += [Text(f"left out: {name}, for {why}", "yellow") for name, why in verdict.left_out.items()]
    if pairs and verdict.pairs:
        parts += [Text(), *fitted(_pairs(verdict), width, elsewhere="--json")]
    return [*parts, Text(), Text(verdict.sentence, "bold")]


def _members(members: Sequence[MemberStatus]) -> list[FittingColumn]:
    return [
        _column("dataset", [Text(terminal.clean(one.member.dataset), "bold") for one in members], ALWAYS),
        _column("run", [Text(one.member.run_id[:8] if one.summary else "-") for one in members], ALWAYS),
        _column("state", [_state(one) for one in members], ALWAYS),
        _column("take", [Text((one.headline and one.headline.recommended) or "-") for one in members], 1),
    ]


def _said(one: MemberStatus) -> Text:
    """What was said of one run: too long for a table."""
    said = one.headline.sentence if one.headline else one.member.error
    return Text.assemble((terminal.clean(one.member.dataset), "bold"), (f": {terminal.clean(said)}", "dim"))


def _ranks(verdict: "SuiteVerdict") -> list[FittingColumn]:
    ranked = verdict.candidates
    return [
        _column("candidate", [Text(one.id, "bold") for one in ranked], ALWAYS),
        _column("mean rank", [Text(f"{one.mean_rank:.2f}") for one in ranked], ALWAYS),
        _column("interval", [Text(f"{one.low:.2f} to {one.high:.2f}", "dim") for one in ranked], 5),
        _column("wins", [Text(str(one.wins)) for one in ranked], 3),
        _column("ties", [Text(str(one.ties)) for one in ranked], 1),
        _column("losses", [Text(str(one.losses)) for one in ranked], 2),
        _column("across datasets", [Text(*_STANDINGS[one.standing]) for one in ranked], 6),
    ]


def _pairs(verdict: "SuiteVerdict") -> list[FittingColumn]:
    pairs = verdict.pairs
    better = [Text(pair.better or "neither shown", "" if pair.better else "dim") for pair in pairs]
    return [
        _column("pair", [Text(f"{pair.a} and {pair.b}", "bold") for pair in pairs], ALWAYS),
        _column("leads", [Text(f"{pair.a_leads} and {pair.b_leads}") for pair in pairs], 1),
        _column("median difference", [Text(f"{pair.median:+.3g}") for pair in pairs], 2),
        _column("adjusted p", [Text(f"{pair.p_value:.2g}") for pair in pairs], 3),
        _column("better", better, ALWAYS),
    ]


def _column(name: str, cells: Sequence[Text], keep: int) -> FittingColumn:
    return FittingColumn(name=name, cells=cells, justify="left", keep=keep, style="dim")
