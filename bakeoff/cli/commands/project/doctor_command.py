"""`bakeoff doctor`: look for problems, and say how to solve each."""

from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.console import RenderableType

    from bakeoff.operations.context import Context
    from bakeoff.operations.doctor.diagnosis_levels import Diagnosis

_FAILED = 1
_LOOKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Look for problems, and say how to solve each.  Exit code 1: there is one."""
    from dataclasses import asdict

    from bakeoff.operations.doctor.diagnosis_levels import DiagnosisLevel

    findings = []
    for finding in _examine(config):
        findings.append(finding)
        if not as_json:
            _show(finding)
    if as_json:
        terminal.write_json([asdict(finding) for finding in findings])
    if any(finding.level is DiagnosisLevel.FAIL for finding in findings):
        raise typer.Exit(_FAILED)


def _examine(config: "ConfigFile") -> "Iterator[Diagnosis]":
    from bakeoff.domain.errors import BakeoffError
    from bakeoff.operations.doctor.broker_check import check_broker
    from bakeoff.operations.doctor.database_check import check_database
    from bakeoff.operations.doctor.diagnosis_levels import fail, ok
    from bakeoff.operations.doctor.machine_check import check_folders, check_machine, check_settings
    from bakeoff.operations.doctor.project_check import (
        check_candidates,
        check_datasets,
        check_market,
        check_schedules,
    )
    from bakeoff.operations.doctor.registry_and_tracking_check import check_registry, check_tracking

    yield from check_machine()
    try:
        context = project_access.open_project(config)
        configuration = context.configuration
    except BakeoffError as exc:
        yield fail("settings", str(exc), "correct that first; the other checks need it")
        return
    yield ok("project", f"{configuration.root}, {configuration.file or 'without a configuration file'}")
    yield from check_settings(configuration.settings)
    yield from check_folders(configuration)
    for subject, look in (
        ("database", lambda known: check_database(known).findings),
        ("broker", lambda known: check_broker(known).findings),
        ("catalog", check_candidates),
        ("datasets", check_datasets),
        ("market", check_market),
        ("registry", check_registry),
        ("tracking", check_tracking),
        ("schedules", check_schedules),
    ):
        yield from _guarded(subject, look, context)


def _guarded(
    subject: str,
    look: "Callable[[Context], Iterable[Diagnosis]]",
    context: "Context",
) -> "Iterator[Diagnosis]":
    """A check that cannot be made is reported as a failure."""
    from bakeoff.domain.errors import BakeoffError
    from bakeoff.domain.wording import masked
    from bakeoff.operations.doctor.diagnosis_levels import fail

    try:
        yield from look(context)
    except BakeoffError as exc:
        yield fail(subject, masked(str(exc)), "")


def _show(finding: "Diagnosis") -> None:
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
