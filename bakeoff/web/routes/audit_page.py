"""Who changed what over HTTP, from pages and from programs. For admins."""

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.identity import iso
from bakeoff.domain.wording import quoted
from bakeoff.store.monitoring import audit_rows
from bakeoff.web.shown_tables import ShownTable
from bakeoff.web.visits import Answer, Page, PageRoute, Visit

_PER_PAGE = 100


def show_audit_log(visit: Visit) -> Answer:
    visit.require_admin()
    before = visit.asked("cursor")
    if before and not (before.isascii() and before.isdecimal() and int(before) < 2**63):
        raise InvalidInputError(f"{quoted(before)} is no place in the log: begin without a cursor")
    found = audit_rows.page(
        visit.engine,
        limit=_PER_PAGE + 1,
        before=int(before) if before else None,
        name=visit.asked("name") or None,
    )
    entries = found[:_PER_PAGE]
    return Page(
        template="audit.html",
        title="Audit log",
        data={"entries": entries, "cursor": str(entries[-1].position) if len(found) > _PER_PAGE else ""},
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


PAGES = (PageRoute(path="/audit", show=show_audit_log),)
