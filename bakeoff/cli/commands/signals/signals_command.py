"""`bakeoff signals`: its commands, and `show`, the stored ensemble as of a date, for all symbols or one."""

import csv
import sys
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli import project_access
from bakeoff.cli.commands.signals import signals_explain, signals_generate, signals_train
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile
from bakeoff.domain.signal import SignalType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from sqlalchemy import Engine

    from bakeoff.domain.signal import KeptSignal
    from bakeoff.store.signals.ensemble_signals import SignalTally


app = typer.Typer(
    help="Generate signals, and show what the ensemble of the models says.",
    no_args_is_help=True,
    add_completion=False,
)


class SignalFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def show(  # noqa: PLR0917 - one parameter for each option
    symbol: Annotated[
        str | None, typer.Argument(metavar="SYMBOL", show_default=False, help="By default all symbols.")
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="DATE",
            show_default=False,
            help="By default the newest date with signals.",
        ),
    ] = None,
    signal: Annotated[
        SignalType | None,
        typer.Option(case_sensitive=False, show_default=False, help="Only symbols with this signal."),
    ] = None,
    conflicts: Annotated[
        bool, typer.Option("--conflicts", help="Only symbols on which the models conflict.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="How many symbols at most.")] = 50,
    form: Annotated[SignalFormat, typer.Option("--format", help="The output format.")] = SignalFormat.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    config: ConfigFile = None,
) -> None:
    """Show what the ensemble says, the best first."""
    from bakeoff.store.database import schema_version
    from bakeoff.store.signals import ensemble_signals

    context = project_access.open_project(config)
    engine = project_access.existing_database(context)
    schema_version.ensure(engine)
    form = SignalFormat.JSON if as_json else form
    newest = ensemble_signals.latest_date(engine, symbol)
    on = as_of.date() if as_of else newest
    if symbol is not None:
        _show_one(_one_signal(engine, symbol, on), form)
    elif on is None or newest is None:
        _show_none(form)
    else:
        found = ensemble_signals.page(engine, on, limit=limit + 1, signal=signal, conflict=conflicts or None)
        _show_all(on, found, limit, ensemble_signals.tally(engine, on), form, newest=newest)


def _one_signal(engine: "Engine", symbol: str, as_of: date | None) -> "KeptSignal":
    from bakeoff.domain.errors import NotFoundError
    from bakeoff.store.signals import ensemble_signals

    found = ensemble_signals.get(engine, symbol, as_of) if as_of else None
    if found is None:
        when = f" as of {as_of}" if as_of else ""
        raise NotFoundError(
            f"there is no signal of {symbol}{when}: `bakeoff signals show` lists the stored signals, and a "
            "symbol has one if at least two models gave a signal for it"
        )
    return found


def _show_none(form: SignalFormat) -> None:
    if form is SignalFormat.JSON:
        terminal.write_json({"asOf": None, "distribution": {}, "conflicts": 0, "items": []})
    elif form is SignalFormat.CSV:
        _write_csv([])
    else:
        terminal.out().print("no signals yet: `bakeoff signals generate` makes the first ones")


def _show_all(
    as_of: date,
    found: "Sequence[KeptSignal]",
    limit: int,
    tally: "SignalTally",
    form: SignalFormat,
    *,
    newest: date,
) -> None:
    shown = found[:limit]
    if form is SignalFormat.JSON:
        terminal.write_json(
            {
                "asOf": as_of.isoformat(),
                "distribution": tally.distribution,
                "conflicts": tally.conflicts,
                "items": [one.to_record() for one in shown],
            }
        )
    elif form is SignalFormat.CSV:
        _write_csv(shown)
    elif not any(tally.distribution.values()):
        terminal.out().print(f"no signals as of {as_of}: the newest are as of {newest}")
    else:
        terminal.show(terminal.out(), *_parts(as_of, shown, tally, has_more=len(found) > limit))


def _show_one(found: "KeptSignal", form: SignalFormat) -> None:
    if form is SignalFormat.JSON:
        terminal.write_json(found.to_record())
    elif form is SignalFormat.CSV:
        _write_csv([found])
    else:
        from bakeoff.cli.output.signal_table import details

        terminal.show(terminal.out(), *details(found))


def _parts(
    as_of: date, shown: "Sequence[KeptSignal]", tally: "SignalTally", *, has_more: bool
) -> "list[RenderableType]":
    from rich.text import Text

    from bakeoff.cli.output.signal_table import counts, table

    parts: list[RenderableType] = [counts(as_of, tally), Text()]
    parts.append(table([one.signal for one in shown]) if shown else Text("none of these", "dim"))
    if has_more:
        parts += [Text(), Text(f"these are the first {len(shown)}: --limit N shows N", "dim")]
    return parts


def _write_csv(shown: "Sequence[KeptSignal]") -> None:
    writer = csv.DictWriter(sys.stdout, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_csv_row(one) for one in shown)


_COLUMNS = (
    "asOf",
    "symbol",
    "rank",
    "signal",
    "ensembleScore",
    "confidence",
    "expectedReturn",
    "conflict",
    "conflictReason",
    "signalsAgree",
    "modelsContributing",
    "modelSignals",
    "modelConfidences",
    "runId",
    "generatedAt",
)


def _csv_row(one: "KeptSignal") -> dict[str, Any]:
    """Lists, and values by model, are joined into one cell."""
    record = one.to_record()
    return {
        **record,
        "modelsContributing": " ".join(record["modelsContributing"]),
        "modelSignals": _by_model(record["modelSignals"]),
        "modelConfidences": _by_model(record["modelConfidences"]),
    }


def _by_model(said: dict[str, Any]) -> str:
    return " ".join(f"{model}={value}" for model, value in said.items())


app.command("generate")(signals_generate.generate)
app.command("show")(show)
app.command("train")(signals_train.train)
app.command("explain")(signals_explain.explain)
