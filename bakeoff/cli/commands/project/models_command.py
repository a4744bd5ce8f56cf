"""`bakeoff models`: list the candidates of the project, and those that could not be loaded."""

from typing import TYPE_CHECKING, Annotated

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from bakeoff.domain.candidate import Candidate, Rejection
    from bakeoff.operations.conformance.report_store import KnownReport
    from registry.catalog.live_catalog import CatalogContents


_REJECTED = 1


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
    from bakeoff.operations.conformance.report_store import catalog_record, known_reports
    from registry.catalog.live_catalog import Catalog

    configuration = project_access.open_project(config).configuration
    catalog = Catalog.of(configuration, anew=fresh, rejected_anew=True)
    if as_json:
        terminal.write_json(catalog_record(configuration, catalog.contents))
    else:
        listed = [*catalog.contents.candidates.values(), *catalog.contents.disabled.values()]
        checked = {id_: _checked(known) for id_, known in known_reports(configuration, listed).items()}
        parts = _parts(catalog.contents, str(catalog.file), checked, every=every)
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
    contents: "CatalogContents", file: str, checked: "Mapping[str, Text]", *, every: bool
) -> "list[RenderableType]":
    from rich.text import Text

    parts: list[RenderableType] = []
    signals = contents.signal_models
    candidates = [c for c in contents.candidates.values() if c.id not in signals]
    if candidates:
        parts.append(_table(candidates, checked))
    if signals:
        parts += [Text()] if candidates else []
        parts += [
            Text("signal models: `bakeoff signals generate` runs them", "bold"),
            _signal_table(contents),
        ]
    if contents.disabled and every:
        parts += [Text(), Text("disabled: `bakeoff run --with ID` adds one to a run", "bold")]
        parts.append(_table(contents.disabled.values(), checked, style="dim"))
    if contents.rejected:
        parts += [Text(), Text("rejected", "bold red")]
        parts += [part for rejection in contents.rejected.values() for part in _rejected(rejection)]
    return [*parts, Text(), _summary(contents, file, every=every)]


def _table(candidates: "Iterable[Candidate]", checked: "Mapping[str, Text]", style: str = "") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("model", no_wrap=True)
    table.add_column("version", no_wrap=True, style="dim")
    table.add_column("learns", no_wrap=True, style="dim")
    candidates = list(candidates)
    has_checks = any(candidate.id in checked for candidate in candidates)
    if has_checks:
        table.add_column("checks", no_wrap=True)
    table.add_column("from", no_wrap=True, overflow="ellipsis", style="dim")
    table.add_column("description", no_wrap=True, overflow="ellipsis", ratio=1)
    for candidate in candidates:
        where = candidate.path or " + ".join(step.path.rpartition(":")[2] for step in candidate.steps)
        table.add_row(
            Text(candidate.id, style or "bold"),
            Text(candidate.version),
            Text(candidate.learns or ""),
            *([checked.get(candidate.id, Text(""))] if has_checks else []),
            Text(where),
            Text(terminal.clean(candidate.description), style),
        )
    return table


def _signal_table(contents: "CatalogContents") -> "Table":
    """With their weights in the ensemble, which add up to 1."""
    from rich.table import Table
    from rich.text import Text

    shares: Mapping[str, float] = contents.to_record()["ensemble"]["weights"]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("model", no_wrap=True)
    table.add_column("version", no_wrap=True, style="dim")
    table.add_column("weight", no_wrap=True, justify="right")
    table.add_column("saved models", no_wrap=True, overflow="ellipsis", style="dim")
    table.add_column("from", no_wrap=True, overflow="ellipsis", style="dim")
    table.add_column("description", no_wrap=True, overflow="ellipsis", ratio=1)
    for model in contents.signal_models.values():
        table.add_row(
            Text(model.id, "bold"),
            Text(model.version),
            Text(f"{shares.get(model.id, 0):.3g}"),
            Text(", ".join(model.artefacts)),
            Text(model.path or ""),
            Text(terminal.clean(model.description)),
        )
    return table


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
