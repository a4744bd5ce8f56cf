"""The page of the documentation that lists all settings, made from their definitions."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from bakeoff.settings.environment_variables import variable_of
from bakeoff.settings.market_settings import MarketSettings, TableSettings
from bakeoff.settings.registry_settings import (
    GateSettings,
    HookSettings,
    ModelRegistrySettings,
    PromotionSettings,
)
from bakeoff.settings.schedule_and_suite_settings import ScheduleSettings, SuiteDesignSettings, SuiteSettings
from bakeoff.settings.setting_definitions import (
    DatasetSettings,
    DatasetSource,
    Settings,
    TrackingSettings,
)

_INTRODUCTION = """\
# Configuration

Settings are read from `config/bakeoff.yaml`, or from the file that `--config` or `BAKEOFF_CONFIG` names.
Relative paths start at the folder above `config/`. The command line takes precedence over the environment,
the environment over the file, the file over the default. Every key is optional; an unknown key is an error.
`bakeoff config` prints each value and where it came from.

If a variable has `_FILE` at the end of its name, such as `BAKEOFF_DATABASE_URL_FILE`, its value is read from
the file that it names: use that for passwords. `BAKEOFF_API_TOKEN_FILE` does the same for the token of the
[HTTP API](api.md).
"""

_DATASETS = """\
## Datasets

Each entry of `datasets` is a name and these keys. Sources: {sources}.
"""

_MODEL_REGISTRY = """\
## Model registry

The keys of `modelRegistry`; its variable holds JSON, such as `{"backend": "none"}`.
"""

_REGISTRY_SECTIONS = (
    ("", ModelRegistrySettings),
    ("promotion.", PromotionSettings),
    ("promotion.gates[].", GateSettings),
    ("promotion.hooks[].", HookSettings),
)

_TRACKING = """\
## Tracking

The keys of `tracking`, or just its address: [runs in MLflow](../operating/tracking.md).
"""

_MARKET = """\
## Market

The keys of `market`: [market data](../guide/market-data.md). `fundamentals` has those of `prices`.
"""

_MARKET_SECTIONS = (("", MarketSettings), ("prices.", TableSettings))

_SCHEDULES = """\
## Schedules

Each entry of `schedules` is a name and these keys: [schedules](../guide/schedules.md).
"""

_SUITES = """\
## Suites

Each entry of `suites` is a name and these keys: [suites](../guide/suites.md).
"""

_SUITE_SECTIONS = (("", SuiteSettings), ("design.", SuiteDesignSettings))


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
        "",
        _MODEL_REGISTRY,
        "| key | default | meaning |",
        "|---|---|---|",
        *(line for prefix, section in _REGISTRY_SECTIONS for line in _keys_with_defaults(section, prefix)),
        "",
        _TRACKING,
        "| key | default | meaning |",
        "|---|---|---|",
        *_keys_with_defaults(TrackingSettings, ""),
        "",
        _MARKET,
        "| key | default | meaning |",
        "|---|---|---|",
        *(line for prefix, section in _MARKET_SECTIONS for line in _keys_with_defaults(section, prefix)),
        "",
        _SCHEDULES,
        "| key | default | meaning |",
        "|---|---|---|",
        *_keys_with_defaults(ScheduleSettings, ""),
        "",
        _SUITES,
        "| key | default | meaning |",
        "|---|---|---|",
        *(line for prefix, section in _SUITE_SECTIONS for line in _keys_with_defaults(section, prefix)),
    ]
    return "\n".join(lines) + "\n"


def _setting(name: str, field: FieldInfo) -> str:
    cells = [
        f"`{to_camel(name)}`",
        f"`{variable_of(name)}`",
        f"`{_default(field)}`",
        _bounds(field),
        field.description or "",
    ]
    return f"| {' | '.join(cells)} |"


def _default(field: FieldInfo) -> Any:
    """The default as it would be written in the file; empty for a section."""
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, BaseModel):
        return "{}"
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


def _keys_with_defaults(section: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        default = "required" if field.is_required() else f"`{_default(field)}`"
        yield f"| `{prefix}{to_camel(name)}` | {default} | {field.description} |"
