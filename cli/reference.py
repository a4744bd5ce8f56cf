"""The reference of all settings, as a page of the documentation, made from the settings."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from config.loading import PREFIX
from config.settings import DatasetSettings, DatasetSource, Settings

_INTRODUCTION = """\
# Configuration

`config/bakeoff.yaml`, or the file named by `--config` or `BAKEOFF_CONFIG`. Relative paths start at the
folder above `config/`. Precedence: command line, environment, file, default. Every key is optional, an
unknown one is an error. `bakeoff config` prints each value and where it came from.
"""

_DATASETS = """\
## Datasets

Each entry of `datasets` is a name and these keys. Sources: {sources}.
"""


def settings_reference() -> str:
    sources = ", ".join(f"`{source}`" for source in DatasetSource)
    lines = [
        _INTRODUCTION,
        "| key | environment | default | bounds | meaning |",
        "|---|---|---|---|---|",
        *(_setting(name, field) for name, field in Settings.model_fields.items()),
        "",
        _DATASETS.format(sources=sources),
        "| key | meaning |",
        "|---|---|",
        *_keys(DatasetSettings),
    ]
    return "\n".join(lines) + "\n"


def _setting(name: str, field: FieldInfo) -> str:
    cells = [
        f"`{to_camel(name)}`",
        f"`{PREFIX}{name.upper()}`",
        f"`{_default(field)}`",
        _bounds(field),
        field.description or "",
    ]
    return f"| {' | '.join(cells)} |"


def _default(field: FieldInfo) -> Any:
    default = field.get_default(call_default_factory=True, validated_data={})
    return "null" if default is None else default


def _bounds(field: FieldInfo) -> str:
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    said = [
        f"{word} {getattr(limit, name)}"
        for limit in field.metadata
        for name, word in words.items()
        if getattr(limit, name, None) is not None
    ]
    return ", ".join(said)


def _keys(section: type[BaseModel]) -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield f"| `{to_camel(name)}` | {field.description or 'one of the sources above'} |"
