"""What went wrong: candidates that are not on the leaderboard, and warnings of those that are."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from bakeoff.cli.output import states_and_findings
from bakeoff.cli.output.terminal import clean
from bakeoff.domain.runs.job import Job, JobError, JobKind, JobState
from bakeoff.domain.runs.result import Result
from bakeoff.domain.wording import counted, joined_in_brief
from bakeoff.settings.log_setup import readable

if TYPE_CHECKING:
    from rich.console import RenderableType

_LONGEST_MESSAGE = 400
_MOST_REASONS = 3
_INDENT = (0, 0, 0, 4)


def failures(jobs: Sequence[Job], *, top: int | None = None, whole: bool = False) -> "list[RenderableType]":
    """`whole` adds tracebacks and the last lines of the logs."""
    if not jobs:
        return []
    shown = jobs if whole else jobs[:top]
    title = Text(_title(jobs), "bold")
    parts = [Text(), title, *(part for job in shown for part in _failure(job, whole=whole))]
    hidden = len(jobs) - len(shown)
    return [*parts, Text(f"  … and {hidden:,} more: --errors shows all", "dim")] if hidden else parts


def _title(jobs: Sequence[Job]) -> str:
    if jobs[0].kind is JobKind.SIGNALS:
        return f"{counted(len(jobs), 'signal model')} without signals"
    return f"{counted(len(jobs), 'candidate')} without a result"


def warnings_in_full(results: Sequence[Result]) -> "list[RenderableType]":
    """What the leaderboard only counts."""
    parts: list[RenderableType] = []
    for result in results:
        if warnings := result.details.get("warnings"):
            name = (result.model_id, "bold"), (f" {result.model_version}", "dim")
            parts += [Text(), Text.assemble(*name, f"  {counted(len(warnings), 'warning')}")]
            parts += [_indented(Text(clean(warning), "yellow")) for warning in warnings]
    return parts


def unscored(results: Sequence[Result], *, said: str = "") -> "list[RenderableType]":
    """Why the leaderboard has no value of a metric, where a warning tells. `said`: what was told already."""
    reasons: dict[str, list[str]] = {}
    for result in results:
        for why in result.unscored.values():
            reasons.setdefault(why, []).append(result.model_id)
    lines = [
        Text(f"no value for {joined_in_brief(names)}: {clean(why)}", "yellow")
        for why, names in reasons.items()
        if why.rstrip(".") not in said
    ]
    hidden = len(lines) - _MOST_REASONS
    return [
        *lines[:_MOST_REASONS],
        *([Text(f"  … and {hidden} more: --errors shows all", "dim")] if hidden > 0 else []),
    ]


def _failure(job: Job, *, whole: bool) -> "Iterator[RenderableType]":
    yield _headline(job)
    if job.error is None:
        return
    yield _indented(_message(job.error))
    if job.error.hint:
        yield _indented(Text.assemble(("hint: ", "bold"), clean(job.error.hint)))
    if whole:
        yield from _evidence(job.error)
    yield _indented(Text(f"bakeoff logs {job.id[:8]}", "dim cyan"))


def _headline(job: Job) -> Text:
    phase = f" in {job.error.phase}" if job.error and job.state is JobState.FAILED else ""
    return Text.assemble(
        "  ",
        states_and_findings.glyph(job.state),
        " ",
        (job.candidate.id, "bold"),
        (f" {job.candidate.version}  ", "dim"),
        (states_and_findings.words(job.state) + phase, states_and_findings.style(job.state)),
        (f", attempt {job.attempt}" if job.attempt > 1 else "", "dim"),
    )


def _message(error: JobError) -> Text:
    message = clean(error.message)
    if len(message) > _LONGEST_MESSAGE:
        message = message[:_LONGEST_MESSAGE] + " …"
    return Text.assemble((error.type, "red"), f": {message}" if message else "")


def _evidence(error: JobError) -> "Iterator[RenderableType]":
    if error.traceback:
        yield _indented(Text(clean(error.traceback.rstrip()), "dim"))
    if error.log_tail:
        yield _indented(Text("the last lines of its log:", "bold"))
        lines = map(readable, error.log_tail.splitlines(keepends=True))
        yield _indented(Text(clean("".join(lines).rstrip()), "dim"))


def _indented(text: Text) -> Padding:
    return Padding(text, _INDENT, expand=False)
