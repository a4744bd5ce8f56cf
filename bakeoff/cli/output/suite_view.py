"""Suites on the terminal: their list, their progress, and the verdict over their datasets."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bakeoff.cli.output import terminal
from bakeoff.cli.output.runs import state_words
from bakeoff.domain.runs.run import RunState
from bakeoff.domain.runs.verdict import Standing
from bakeoff.operations.doorbells import why_nothing_runs
from bakeoff.operations.judging.judge_runs import wait_for_verdict
from bakeoff.operations.suites.suite_report import MemberStatus, SuiteReport, read_suite
from bakeoff.worker.temporary import temporary_worker

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from bakeoff.domain.runs.suite import SuiteVerdict
    from bakeoff.operations.context import Context
    from bakeoff.settings.suite_settings import SuiteSettings

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
            if why := why_nothing_runs(context):
                console.print(why, soft_wrap=True)
            idle_since = None
        temporary_worker.replace_the_dead(context, report.members[-1].member.run_id)
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
    return Text(state_words.words(state), state_words.style(state))


def suite_list(found: Sequence[SuiteReport], known: "Mapping[str, SuiteSettings]") -> "list[RenderableType]":
    never = [name for name in known if name not in {report.suite.name for report in found}]
    parts: list[RenderableType] = []
    if found:
        table = _table("suite", "name", "state", "datasets", "started", "verdict")
        for report in found:
            table.add_row(
                Text(report.suite.id[:8], "bold"),
                Text(terminal.clean(report.suite.name)),
                Text(report.state, {"completed": "green", "incomplete": "yellow"}.get(report.state, "")),
                Text(f"{report.ended} of {len(report.members)}"),
                Text(f"{report.suite.created_at:%Y-%m-%d %H:%M} UTC", "dim"),
                Text(report.verdict.sentence if report.verdict else "-", "dim"),
            )
        parts.append(table)
    parts += [
        Text(f"{name}: {len(known[name].datasets)} datasets, never run: `bakeoff suites run {name}`")
        for name in never
    ]
    return parts


def suite_parts(report: SuiteReport, *, pairs: bool = False) -> "list[RenderableType]":
    parts: list[RenderableType] = [
        Text.assemble(
            (terminal.clean(report.suite.name), "bold"),
            f"  suite {report.suite.id[:8]}  ",
            f"{report.state}, {report.ended} of {len(report.members)} datasets",
        ),
        Text(),
        _members(report.members),
    ]
    verdict = report.verdict
    if verdict is None:
        return [*parts, Text(), Text("no verdict over the datasets until all their runs are judged", "dim")]
    if verdict.candidates:
        parts += [Text(), _ranks(verdict)]
    parts += [Text(f"left out: {name}, for {why}", "yellow") for name, why in verdict.left_out.items()]
    if pairs and verdict.pairs:
        parts += [Text(), _pairs(verdict)]
    return [*parts, Text(), Text(verdict.sentence, "bold")]


def _members(members: Sequence[MemberStatus]) -> Table:
    table = _table("dataset", "run", "state", "take", "verdict")
    for one in members:
        said = one.headline.sentence if one.headline else one.member.error or "-"
        table.add_row(
            Text(terminal.clean(one.member.dataset), "bold"),
            Text(one.member.run_id[:8] if one.summary else "-"),
            _state(one),
            Text((one.headline and one.headline.recommended) or "-"),
            Text(terminal.clean(said), "dim"),
        )
    return table


def _ranks(verdict: "SuiteVerdict") -> Table:
    table = _table("candidate", "mean rank", "interval", "wins", "ties", "losses", "across datasets")
    for one in verdict.candidates:
        words, style = _STANDINGS[one.standing]
        table.add_row(
            Text(one.id, "bold"),
            Text(f"{one.mean_rank:.2f}"),
            Text(f"{one.low:.2f} to {one.high:.2f}", "dim"),
            Text(str(one.wins)),
            Text(str(one.ties)),
            Text(str(one.losses)),
            Text(words, style),
        )
    return table


def _pairs(verdict: "SuiteVerdict") -> Table:
    table = _table("pair", "leads", "median difference", "adjusted p", "better")
    for pair in verdict.pairs:
        table.add_row(
            Text(f"{pair.a} and {pair.b}", "bold"),
            Text(f"{pair.a_leads} and {pair.b_leads}"),
            Text(f"{pair.median:+.3g}"),
            Text(f"{pair.p_value:.2g}"),
            Text(pair.better or "neither shown", "" if pair.better else "dim"),
        )
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    return table
