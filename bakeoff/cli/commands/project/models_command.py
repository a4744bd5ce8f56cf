"""`bakeoff models`: list the candidates of the project, and those that could not be loaded."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import RenderableType
    from rich.text import Text

    from bakeoff.cli.output.width_fitting_table import FittingColumn
    from bakeoff.domain.candidate import Candidate, Rejection
    from bakeoff.operations.conformance.conformance_report_store import KnownReport
    from registry.catalog.live_catalog import CatalogContents


_REJECTED = 1
_LEAST_DESCRIPTION = 30  #: characters, in which a sentence can be read


def models(
    every: Annotated[bool, typer.Option("--all", help="List the disabled ones, too.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 1 if a candidate was rejected, for CI.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Check all again, also those that were found ready.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with everything.")] = False,
    config: ConfigFile = None,
) -> None:
    """List the candidates, and why some cannot take part."""
    from bakeoff.operations.conformance.conformance_report_store import catalog_record, known_reports
    from registry.catalog.live_catalog import Catalog

    configuration = project_access.open_project(config).configuration
    logging.getLogger("registry.catalog.live_catalog").setLevel(logging.ERROR)  # the listing says the same
    catalog = Catalog.of(configuration, anew=fresh, rejected_anew=True)
    if as_json:
        terminal.write_json(catalog_record(configuration, catalog.contents))
    else:
        listed = [*catalog.contents.candidates.values(), *catalog.contents.disabled.values()]
        checked = {id_: _checked(known) for id_, known in known_reports(configuration, listed).items()}
        parts = _parts(catalog.contents, str(catalog.file), checked, terminal.out().width, every=every)
        terminal.show(terminal.out(), *parts)
    if strict and catalog.rejected:
        raise typer.Exit(_REJECTED)


def _checked(known: "KnownReport") -> "Text":
    from rich.text import Text

    failed = known.report.failed
    if failed:
        more = f" and {len(failed) - 2} more" if failed[2:] else ""
        return Text(f"✗ {', '.join(failed[:2])}{more}", "red")
    return Text(f"✓ {known.report.counts['passed']}", "green")


def _parts(
    contents: "CatalogContents", file: str, checked: "Mapping[str, Text]", width: int, *, every: bool
) -> "list[RenderableType]":
    from rich.text import Text

    parts: list[RenderableType] = []
    signals = contents.signal_models
    candidates = [c for c in contents.candidates.values() if c.id not in signals]
    if candidates:
        parts += _table(candidates, checked, width)
    if signals:
        parts += [Text()] if candidates else []
        parts += [
            Text("signal models: `bakeoff signals generate` runs them", "bold"),
            *_signal_table(contents, width),
        ]
    if contents.disabled and every:
        parts += [Text(), Text("disabled: `bakeoff run --with ID` adds one to a run", "bold")]
        parts += _table(contents.disabled.values(), checked, width, style="dim")
    if contents.rejected:
        parts += [Text(), Text("rejected", "bold red")]
        parts += [part for rejection in contents.rejected.values() for part in _rejected(rejection)]
    return [*parts, Text(), _summary(contents, file, every=every)]


def _table(
    candidates: "Iterable[Candidate]", checked: "Mapping[str, Text]", width: int, style: str = ""
) -> "list[RenderableType]":
    from rich.text import Text

    from bakeoff.cli.output.width_fitting_table import ALWAYS, fitted

    listed = list(candidates)
    where = [one.path or " + ".join(step.path.rpartition(":")[2] for step in one.steps) for one in listed]
    columns = [
        _column("model", [Text(one.id, style or "bold") for one in listed], ALWAYS),
        _column("version", [Text(one.version, "dim") for one in listed], 3),
        _column("learns", [Text(one.learns or "", "dim") for one in listed], 4),
    ]
    if any(one.id in checked for one in listed):
        columns.append(_column("checks", [checked.get(one.id, Text("")) for one in listed], 5))
    columns.append(_column("from", [Text(path, "dim") for path in where], 1))
    descriptions = [Text(terminal.clean(one.description), style) for one in listed]
    return fitted([*columns, _described(descriptions)], width, elsewhere="--json")


def _signal_table(contents: "CatalogContents", width: int) -> "list[RenderableType]":
    """With their weights in the ensemble, which add up to 1."""
    from rich.text import Text

    from bakeoff.cli.output.width_fitting_table import ALWAYS, fitted

    shares: Mapping[str, float] = contents.to_record()["ensemble"]["weights"]
    listed = contents.signal_models.values()
    columns = [
        _column("model", [Text(one.id, "bold") for one in listed], ALWAYS),
        _column("version", [Text(one.version, "dim") for one in listed], 3),
        _column("weight", [Text(f"{shares.get(one.id, 0):.3g}") for one in listed], 5),
        _column("saved models", [Text(", ".join(one.artefacts), "dim") for one in listed], 4),
        _column("from", [Text(one.path or "", "dim") for one in listed], 1),
    ]
    descriptions = [Text(terminal.clean(one.description)) for one in listed]
    return fitted([*columns, _described(descriptions)], width, elsewhere="--json")


def _column(name: str, cells: "Sequence[Text]", keep: int) -> "FittingColumn":
    from bakeoff.cli.output.width_fitting_table import FittingColumn

    return FittingColumn(name=name, cells=cells, justify="left", keep=keep, style="dim")


def _described(descriptions: "Sequence[Text]") -> "FittingColumn":
    return replace(_column("description", descriptions, 2), least=_LEAST_DESCRIPTION, wraps=True)


def _rejected(rejection: "Rejection") -> "Sequence[RenderableType]":
    from rich.padding import Padding
    from rich.text import Text

    head = Text.assemble("✗ ", (rejection.id, "bold"), (f" {rejection.version}  {rejection.path}", "dim"))
    cause = Text(terminal.clean(rejection.cause), "red")
    cure = Text.assemble(("fix: ", "bold"), terminal.clean(rejection.fix))
    return [head, *(Padding(text, (0, 0, 0, 2), expand=False) for text in (cause, cure))]


def _summary(contents: "CatalogContents", file: str, *, every: bool) -> "RenderableType":
    from rich.text import Text

    ready, disabled, rejected = map(len, (contents.candidates, contents.disabled, contents.rejected))
    counts = f"{ready} ready, {disabled} disabled, {rejected} rejected"
    hidden = " (--all shows them)" if contents.disabled and not every else ""
    return Text(f"{counts}{hidden}; from {file}", "dim")
