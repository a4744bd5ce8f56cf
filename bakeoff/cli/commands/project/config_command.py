"""`bakeoff config`: print each setting, its value, the origin of the value, and its meaning."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bakeoff.cli import project_access
from bakeoff.cli.output import terminal
from bakeoff.cli.project_access import ConfigFile

if TYPE_CHECKING:
    from bakeoff.settings.configuration import Configuration


def config(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", hidden=True, help="The reference of all settings, for the docs.")
    ] = False,
    broker: Annotated[
        bool,
        typer.Option("--broker", help="Only the URL of the broker for Celery, with its password."),
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Print the settings, and where each came from."""
    if markdown:
        from bakeoff.cli.output.settings_markdown import settings_reference

        sys.stdout.write(settings_reference())
        return
    context = project_access.open_project(config)
    configuration = context.configuration
    if broker:
        sys.stdout.write(context.broker.url + "\n")
    elif as_json:
        terminal.write_json(_record(configuration))
    else:
        _show(configuration)


def _record(configuration: "Configuration") -> dict[str, Any]:
    return {
        "file": str(configuration.file) if configuration.file else None,
        "root": str(configuration.root),
        "settings": {
            key: {"value": value, "origin": configuration.origins[key], "meaning": meaning}
            for key, value, meaning in _settings(configuration)
        },
    }


def _settings(configuration: "Configuration") -> list[tuple[str, Any, str]]:
    """Key, value and meaning; passwords are masked."""
    from bakeoff.domain.wording import masked_within
    from bakeoff.settings.setting_definitions import Settings

    values = configuration.settings.model_dump(mode="json", by_alias=True)
    fields = Settings.model_fields.values()
    return [
        (key, masked_within(value), field.description or "")
        for (key, value), field in zip(values.items(), fields, strict=True)
    ]


def _show(configuration: "Configuration") -> None:
    from rich.table import Table
    from rich.text import Text

    from bakeoff.settings.setting_checks import SettingOrigin

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("setting", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("from", no_wrap=True)
    table.add_column("meaning", overflow="fold", style="dim")
    for key, value, meaning in _settings(configuration):
        origin = configuration.origins[key]
        style = "dim" if origin is SettingOrigin.DEFAULT else "bold"
        table.add_row(Text(key), Text(_text(value), style), Text(origin, style), Text(meaning))
    file = Text(
        str(configuration.file) if configuration.file else "no configuration file: all defaults", "dim"
    )
    terminal.show(terminal.out(), table, Text(), file)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return _mapping(value) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "null" if value is None else terminal.clean(str(value))


def _mapping(value: dict[str, Any]) -> str:
    """The keys with their values; of a mapping of sections, such as `datasets`, only the names."""
    if all(isinstance(part, dict) for part in value.values()):
        return ", ".join(value)
    return ", ".join(f"{key}: {part}" for key, part in value.items() if isinstance(part, (str, int, float)))
