"""The settings that are in effect, what each means, and where it was found. Passwords are masked."""

import json
from typing import Any

from bakeoff.settings.secret_masking import masked_within
from bakeoff.settings.setting_definitions import Settings
from bakeoff.web.shown_tables import ShownTable
from bakeoff.web.visits import Answer, Page, PageRoute, Visit


def show_settings(visit: Visit) -> Answer:
    configuration = visit.context.configuration
    values = configuration.settings.model_dump(mode="json", by_alias=True)
    rows = [
        (key, _text(masked_within(value)), str(configuration.origins[key]), field.description or "")
        for (key, value), field in zip(values.items(), Settings.model_fields.values(), strict=True)
    ]
    return Page(
        template="settings.html",
        title="Settings",
        data={
            "rows": rows,
            "root": str(configuration.root),
            "file": str(configuration.file or "no file: all of them are defaults"),
        },
        tables=[ShownTable(name="settings", columns=("key", "value", "from", "meaning"), rows=rows)],
    )


def _text(value: Any) -> str:
    if value is None:
        return "null"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


PAGES = (PageRoute(path="/settings", show=show_settings),)
