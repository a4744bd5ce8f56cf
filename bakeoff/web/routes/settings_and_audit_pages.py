"""The settings that are in effect, and for admins, who changed what over HTTP."""

import json
from typing import Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.ids_and_times import iso
from bakeoff.domain.wording import masked_within, quoted
from bakeoff.settings.setting_definitions import Settings
from bakeoff.store.monitoring import audit_rows
from bakeoff.web.page_request_and_answer import Answer, Page, PageRoute, Visit
from bakeoff.web.table_downloads import ShownTable

_ENTRIES_PER_PAGE = 100


def show_settings(visit: Visit) -> Answer:
    """What each means, and where it was found. Passwords are masked."""
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


def show_audit_log(visit: Visit) -> Answer:
    """From pages and from programs."""
    visit.require_admin()
    before = visit.asked("cursor")
    if before and not (before.isascii() and before.isdecimal() and int(before) < 2**63):
        raise InvalidInputError(f"{quoted(before)} is no place in the log: begin without a cursor")
    found = audit_rows.page(
        visit.engine,
        limit=_ENTRIES_PER_PAGE + 1,
        before=int(before) if before else None,
        name=visit.asked("name") or None,
    )
    entries = found[:_ENTRIES_PER_PAGE]
    return Page(
        template="audit.html",
        title="Audit log",
        data={
            "entries": entries,
            "cursor": str(entries[-1].position) if len(found) > _ENTRIES_PER_PAGE else "",
        },
        tables=[
            ShownTable(
                name="audit",
                columns=("at", "name", "role", "method", "path", "status", "ledTo"),
                rows=[
                    (iso(one.asked_at), one.name, one.role, one.method, one.path, one.status, one.led_to)
                    for one in entries
                ],
            )
        ],
    )


PAGES = (
    PageRoute(path="/settings", show=show_settings),
    PageRoute(path="/audit", show=show_audit_log),
)
