"""`bakeoff signals explain`: the features behind the signal of a model for one symbol."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli import project_access
from bakeoff.cli.commands.signals.signals_generate import AsOf
from bakeoff.cli.commands.signals.signals_train import exit_unsuccessful
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from bakeoff.operations.signals.train_and_explain import Explanation

_IMPORTANCE, _SHAP = "feature_importance", "shap_values"


def explain(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A signal model of the catalog.")],
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="The symbol whose signal is explained.")],
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with everything.")] = False,
    config: ConfigFile = None,
) -> None:
    """Show which features a signal model uses, and what each contributes for one symbol.

    Exit code 3: the model gave no explanation.
    """
    from bakeoff.operations.signals import train_and_explain
    from bakeoff.operations.signals.signal_model_cells import OneOffCellFailedError

    context = project_access.open_project(config)
    console = terminal.err() if as_json else terminal.out()
    try:
        with terminal.busy(console, f"{terminal.clean(model)} explains {terminal.clean(symbol)}"):
            found = train_and_explain.explain_signal(
                context, model, symbol, as_of=as_of.date() if as_of else None
            )
    except OneOffCellFailedError as exc:
        exit_unsuccessful(exc)
    if as_json:
        terminal.write_json(found.to_record())
    else:
        terminal.show(console, *_shown(found))


def _shown(found: "Explanation") -> "list[RenderableType]":
    from rich.text import Text

    title = Text.assemble(
        (terminal.clean(found.model_id), "bold"),
        f" on {terminal.clean(found.symbol)} as of {found.as_of}",
        (f"  {', '.join(found.artefacts)}", "dim"),
    )
    others = {name: value for name, value in found.said.items() if name not in {_IMPORTANCE, _SHAP}}
    return [title, Text(), _features(found.said), *_others(others)]


def _features(said: Mapping[str, Any]) -> "Table":
    """The most important first."""
    from rich.table import Table
    from rich.text import Text

    importance, shap = _numbers(said.get(_IMPORTANCE)), _numbers(said.get(_SHAP))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("feature", no_wrap=True)
    for name in ("importance", "SHAP value"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in sorted(importance.keys() | shap.keys(), key=lambda name: (-importance.get(name, 0), name)):
        contribution = shap.get(name)
        colour = "" if not contribution else "green" if contribution > 0 else "red"
        table.add_row(
            Text(terminal.clean(name), "bold"),
            _number(importance.get(name)),
            Text(_number(contribution), colour),
        )
    return table


def _numbers(said: Any) -> dict[str, float]:
    """The values that are numbers. The explanation comes from a plugin, and may hold anything."""
    if not isinstance(said, Mapping):
        return {}
    return {str(name): value for name, value in said.items() if isinstance(value, int | float)}


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _others(others: Mapping[str, Any]) -> "Sequence[RenderableType]":
    """The rest of the explanation: plain values, at the top level and one level below; nothing deeper."""
    from rich.table import Table
    from rich.text import Text

    said = [(name, value) for name, value in others.items() if not isinstance(value, Mapping | list)]
    said += [
        (f"{name}.{key}", value)
        for name, values in others.items()
        if isinstance(values, Mapping)
        for key, value in values.items()
        if not isinstance(value, Mapping | list)
    ]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    for name, value in said:
        table.add_row(terminal.clean(name), _plain(value))
    return [Text(), table] if said else []


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else terminal.clean(str(value))
