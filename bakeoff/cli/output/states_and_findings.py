"""How the states of jobs and runs are shown (word, colour and sign), and findings as lines of text.

Of findings there is a line for each kind, the worst first, or all of them with evidence and cure.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from bakeoff.cli.output.terminal import clean
from bakeoff.domain.finding import Finding, Severity, in_short, worst_first
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import RunState
from bakeoff.domain.wording import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

_LOOKS: Mapping[str, tuple[str, str]] = {
    JobState.QUEUED: ("·", "dim"),
    JobState.RUNNING: ("▸", "cyan"),
    JobState.WAITING: ("·", "cyan"),
    JobState.COMPLETED: ("✓", "green"),
    RunState.PARTIAL: ("◐", "yellow"),
    JobState.FAILED: ("✗", "red"),
    JobState.TIMED_OUT: ("✗", "red"),
    JobState.CANCELLED: ("○", "yellow"),
    JobState.STOPPED: ("■", "dim"),
}


def glyph(state: JobState | RunState) -> Text:
    sign, colour = _LOOKS[state]
    return Text(sign, colour)


def style(state: JobState | RunState) -> str:
    return _LOOKS[state][1]


def words(state: JobState | RunState) -> str:
    return state.replace("_", " ")


def signed(state: JobState | RunState) -> Text:
    """`✓ completed`."""
    return Text.assemble(glyph(state), " ", (words(state), style(state)))


def counts(jobs: Mapping[JobState, int]) -> Text:
    """`9 completed, 2 failed`: the states that occur, in the order of a job's life."""
    said = [Text(f"{jobs[state]:,} {words(state)}", style(state)) for state in JobState if jobs.get(state)]
    return Text(", ").join(said)


#: Below the lines of kinds, which have no room for cures.
WHAT_TO_DO = "`bakeoff show --findings` says what to do about it"

_STYLES = {Severity.HIGH: "red", Severity.MEDIUM: "yellow", Severity.LOW: "dim"}


def finding_lines(findings: Sequence[Finding]) -> list[Text]:
    """A line for each kind. Accepted ones are only counted."""
    lines = [_line(finding, message) for finding, message in in_short(findings) if finding.accepted is None]
    accepted = sum(finding.accepted is not None for finding in findings)
    if accepted:
        lines.append(Text(f"{counted(accepted, 'finding')} accepted by the dataset", "dim"))
    return lines


def has_cures(findings: Sequence[Finding]) -> bool:
    return any(one.cure and one.accepted is None for one in findings)


def all_findings(findings: Sequence[Finding]) -> "list[RenderableType]":
    """Each with its severity, rows and cure, or the reason why it is accepted."""
    from rich.padding import Padding

    told: list[RenderableType] = []
    for finding in worst_first(findings):
        told.append(_line(finding, finding.message))
        rest = [Text(f"accepted: {clean(finding.accepted)}", "green")] if finding.accepted is not None else []
        if finding.examples:
            rest.append(Text(f"rows {', '.join(map(str, finding.examples))}, counted from 0", "dim"))
        if finding.cure and finding.accepted is None:
            rest.append(Text.assemble(("fix: ", "bold"), clean(finding.cure)))
        told.extend(Padding(text, (0, 0, 0, 2), expand=False) for text in rest)
    return told


def _line(finding: Finding, message: str) -> Text:
    style = _STYLES[finding.severity] if finding.accepted is None else "dim"
    return Text.assemble((finding.slug, style), f"  {clean(message)}")
