"""`bakeoff check`: check that plugins keep their contract, one check after the other."""

from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from bakeoff.domain.candidate import Candidate
    from bakeoff.domain.conformance_report import CheckResult, ConformanceReport
    from bakeoff.operations.context import Context

_FAILED = 1


def check(  # noqa: PLR0917 - one parameter for each option
    plugin: Annotated[
        str | None,
        typer.Argument(
            metavar="PLUGIN",
            help="file.py, file.py:Class, package.module:Class, or an id of the catalog.",
            show_default=False,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that the catalog enables.")] = False,
    params: Annotated[
        list[str] | None,
        typer.Option(
            "--param", metavar="KEY=VALUE", show_default=False, help="A parameter of its constructor."
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", min=1, show_default=False, help="For all checks of a plugin; else 60."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Check that a candidate or a signal model keeps its contract.

    A candidate is fitted to small tables and asked for predictions; a signal model is asked on an invented
    market. Both run in processes of their own.  Exit code 1: a check failed.
    """
    from bakeoff.cli.key_value_and_grid_options import values
    from bakeoff.operations.conformance.check_plugins import check_plugins

    context = project_access.open_project(config)
    plugins = _plugins(context, plugin, values(params or [], "--param"), every=every)
    console = terminal.err() if as_json else terminal.out()
    reports: list[ConformanceReport] = []
    reporting = check_plugins(context, plugins, timeout_s=timeout)
    for one in plugins:
        with terminal.busy(console, f"checking {terminal.clean(one.id)}"):
            reports.append(next(reporting))
        if not as_json:
            terminal.show(console, *(_summary(reports[-1]) if every else _report(reports[-1])))
    reporting.close()
    if as_json:
        records = [report.to_record() for report in reports]
        terminal.write_json(records if every else records[0])
    if any(report.failed for report in reports):
        raise typer.Exit(_FAILED)


def _plugins(
    context: "Context", plugin: str | None, params: "dict[str, object]", *, every: bool
) -> "Sequence[Candidate]":
    from bakeoff.domain.errors import InvalidInputError
    from bakeoff.operations.conformance.check_plugins import choose_plugin, declared_plugins

    if every == (plugin is not None):
        raise InvalidInputError("name one plugin, or say --all")
    if plugin is not None:
        return [choose_plugin(context, plugin, params)]
    found = [one for one in declared_plugins(context).values() if one.enabled]
    if not found:
        raise InvalidInputError("the catalog enables no candidate: add one to config/models.yaml")
    return found


def _report(report: "ConformanceReport") -> "list[RenderableType]":
    from rich.text import Text

    lines = [line for check in report.checks for line in _lines(check)]
    return [*lines, Text(), _counts(report)]


def _summary(report: "ConformanceReport") -> "list[RenderableType]":
    """One line, and what failed."""
    from bakeoff.domain.conformance_report import CheckOutcome

    failed = [check for check in report.checks if check.outcome is CheckOutcome.FAILED]
    return [_counts(report), *(line for check in failed for line in _lines(check))]


def _counts(report: "ConformanceReport") -> "RenderableType":
    from rich.text import Text

    counts = report.counts
    said = ", ".join(f"{counts[name]} {name}" for name in ("run", "passed", "failed", "skipped"))
    text = Text.assemble((terminal.clean(report.subject), "bold"), "  ")
    return text.append(said, "red" if report.failed else "green").append(f", {report.seconds:.1f} s", "dim")


def _lines(check: "CheckResult") -> "Iterator[RenderableType]":
    from rich.padding import Padding
    from rich.text import Text

    from bakeoff.domain.conformance_report import CheckOutcome

    sign, style = {
        CheckOutcome.PASSED: ("✓", "green"),
        CheckOutcome.FAILED: ("✗", "red"),
        CheckOutcome.SKIPPED: ("-", "dim"),
    }[check.outcome]
    line = Text.assemble((sign, style), " ", (check.slug, "dim" if sign == "-" else ""))
    if check.outcome is not CheckOutcome.FAILED:
        yield line.append(f"  {terminal.clean(check.seen)}" if check.seen else "", "dim")
        return
    yield line
    details = [Text(terminal.clean(check.seen), "red")]
    if check.cure:
        details.append(Text.assemble(("fix: ", "bold"), terminal.clean(check.cure)))
    if check.traceback:
        details.append(Text(terminal.clean(check.traceback.rstrip()), "dim"))
    yield from (Padding(text, (0, 0, 0, 2), expand=False) for text in details)
