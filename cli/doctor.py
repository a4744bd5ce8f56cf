"""`bakeoff doctor`: what is wrong, and what to do."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import project, terminal
from cli.project import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.console import RenderableType

    from config.loading import Configuration
    from tasks.examination.finding import Finding

_FAILED = 1
_LOOKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Look for what is wrong, and say what to do.  Exit code 1: something is."""
    from dataclasses import asdict

    from tasks.examination.finding import Level

    findings = []
    for finding in _examine(config):
        findings.append(finding)
        if not as_json:
            _tell(finding)
    if as_json:
        terminal.write_json([asdict(finding) for finding in findings])
    if any(finding.level is Level.FAIL for finding in findings):
        raise typer.Exit(_FAILED)


def _examine(config: "ConfigFile") -> "Iterator[Finding]":
    from cli.examination import agreement, content, machine, registry, timetable
    from domain.errors import BakeoffError
    from tasks.examination import brokerage, storage
    from tasks.examination.finding import fail, ok

    yield from machine.machine()
    try:
        configuration = project.open_project(config)
    except BakeoffError as exc:
        yield fail("settings", str(exc), "correct that first; the other checks need it")
        return
    yield ok("project", f"{configuration.root}, {configuration.file or 'without a configuration file'}")
    yield from agreement.agreement(configuration.settings)
    yield from machine.folders(configuration)
    for subject, look in (
        ("database", lambda known: storage.look(known).findings),
        ("broker", lambda known: brokerage.look(known).findings),
        ("catalog", content.candidates),
        ("datasets", content.datasets),
        ("market", content.market),
        ("registry", registry.registry),
        ("schedules", timetable.timetable),
    ):
        yield from _guarded(subject, look, configuration)


def _guarded(
    subject: str,
    look: "Callable[[Configuration], Iterable[Finding]]",
    configuration: "Configuration",
) -> "Iterator[Finding]":
    """What cannot be looked at is a finding, too."""
    from config.masking import masked
    from domain.errors import BakeoffError
    from tasks.examination.finding import fail

    try:
        yield from look(configuration)
    except BakeoffError as exc:
        yield fail(subject, masked(str(exc)), "")


def _tell(finding: "Finding") -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    sign, style = _LOOKS[finding.level]
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=1)
    row.add_column(width=9)
    row.add_column(overflow="fold")
    row.add_row(Text(sign, style), Text(finding.subject, "bold"), Text(terminal.clean(finding.message)))
    parts: list[RenderableType] = [row]
    if finding.cure:
        cure = Text.assemble(("→ ", style), terminal.clean(finding.cure))
        parts.append(Padding(cure, (0, 0, 0, 14), expand=False))
    terminal.show(terminal.out(), *parts)
