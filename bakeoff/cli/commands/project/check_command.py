"""`bakeoff check`: check that a signal model keeps its contract, one claim after the other."""

from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from bakeoff.operations.signals.signal_check import ClaimCheck, SignalCheck

_FAILED = 1


def check(
    plugin: Annotated[
        str,
        typer.Argument(
            metavar="PLUGIN", help="file.py, file.py:Class, package.module:Class, or an id of the catalog."
        ),
    ],
    params: Annotated[
        list[str] | None,
        typer.Option(
            "--param", metavar="KEY=VALUE", show_default=False, help="A parameter of its constructor."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Check that a signal model keeps its contract.

    The model runs in a process of its own, on an invented market. If it has to be trained, it is trained on
    the same market.  Exit code 1: a check failed.
    """
    from bakeoff.cli.key_value_options import values
    from bakeoff.evaluation.signals.check_in_cell import ClaimVerdict
    from bakeoff.operations.signals import signal_check

    context = project_access.open_project(config)
    console = terminal.err() if as_json else terminal.out()
    with terminal.busy(console, f"checking {terminal.clean(plugin)}"):
        found = signal_check.check_signal_model(context, plugin, values(params or [], "--param"))
    if as_json:
        terminal.write_json(found.to_record())
    else:
        terminal.show(console, *_report(found))
    if found.number(ClaimVerdict.FAILED):
        raise typer.Exit(_FAILED)


def _report(found: "SignalCheck") -> "list[RenderableType]":
    from rich.text import Text

    from bakeoff.domain.wording import counted
    from bakeoff.evaluation.signals.check_in_cell import ClaimVerdict

    counts = ", ".join(f"{found.number(verdict)} {verdict}" for verdict in ClaimVerdict)
    lines = [line for finding in found.findings for line in _lines(finding)]
    return [*lines, Text(), Text(f"{counted(len(found.findings), 'check')}: {counts}; {found.path}", "dim")]


def _lines(finding: "ClaimCheck") -> "Iterator[RenderableType]":
    from rich.padding import Padding
    from rich.text import Text

    from bakeoff.evaluation.signals.check_in_cell import ClaimVerdict

    sign, style = {
        ClaimVerdict.HELD: ("✓", "green"),
        ClaimVerdict.FAILED: ("✗", "red"),
        ClaimVerdict.SKIPPED: ("-", "dim"),
    }[finding.verdict]
    claim = Text.assemble((sign, style), " ", (terminal.clean(finding.claim), "dim" if sign == "-" else ""))
    yield claim.append(f"  {terminal.clean(finding.why)}", "dim") if sign == "-" else claim
    if finding.verdict is ClaimVerdict.FAILED:
        details = [Text(terminal.clean(finding.why), "red")]
        if finding.cure:
            details.append(Text.assemble(("fix: ", "bold"), terminal.clean(finding.cure)))
        if finding.traceback:
            details.append(Text(terminal.clean(finding.traceback.rstrip()), "dim"))
        yield from (Padding(text, (0, 0, 0, 2), expand=False) for text in details)
