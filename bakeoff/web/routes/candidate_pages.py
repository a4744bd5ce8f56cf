"""Candidates: those that can take part, and those that cannot, with the reason and the cure."""

from bakeoff.domain.conformance_report import CANDIDATE_CHECKS, SIGNAL_CHECKS
from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.wording import nearest, quoted
from bakeoff.operations.conformance.conformance_report_store import known_reports
from bakeoff.store.bakeoffs import rejected_candidate_rows as loads
from bakeoff.web.page_request_and_answer import Answer, Page, PageRoute, SeeOther, Visit
from bakeoff.web.table_downloads import Cell, ShownTable


def list_candidates(visit: Visit) -> Answer:
    contents = visit.context.catalog().contents
    text = visit.asked("q").lower()
    enabled = [one for one in contents.candidates.values() if text in one.id.lower()]
    disabled = [one for one in contents.disabled.values() if text in one.id.lower()]
    rejected = [one for one in contents.rejected.values() if text in one.id.lower()]
    known = known_reports(visit.context.configuration, [*enabled, *disabled])
    failing = {id_: one.report.failed for id_, one in known.items()}
    rows: list[list[Cell]] = [
        [
            *(one.id, one.version, str(one.kind), state, one.path, one.description or None, None),
            ", ".join(failing[one.id]) or "none" if one.id in failing else None,
        ]
        for state, some in (("enabled", enabled), ("disabled", disabled))
        for one in some
    ]
    rows += [[one.id, one.version, None, "rejected", one.path, one.cause, one.fix, None] for one in rejected]
    return Page(
        template="candidate_list.html",
        title="Candidates",
        section="Candidates",
        data={
            "enabled": enabled,
            "disabled": disabled,
            "rejected": rejected,
            "rules": contents.rules,
            "failing": failing,
        },
        tables=[
            ShownTable(
                name="candidates",
                columns=("modelId", "version", "kind", "state", "path", "about", "fix", "failedChecks"),
                rows=rows,
            )
        ],
    )


def show_candidate(visit: Visit) -> Answer:
    contents, wanted = visit.context.catalog().contents, visit.parts["id"]
    candidate = contents.candidates.get(wanted) or contents.disabled.get(wanted)
    rejections = loads.history(visit.engine, wanted)
    if candidate is None and not rejections:
        raise NotFoundError(
            f"there is no candidate {quoted(wanted)}{nearest(wanted, contents.candidates)}: "
            "Candidates lists all of them"
        )
    known = known_reports(visit.context.configuration, [candidate] if candidate else [])
    return Page(
        template="candidate.html",
        title=wanted,
        section="Candidates",
        data={
            "id": wanted,
            "candidate": candidate,
            "is_enabled": wanted in contents.candidates,
            "rejections": rejections[:20],
            "known": known.get(wanted),
            "claims": {**SIGNAL_CHECKS, **CANDIDATE_CHECKS},
        },
    )


def reload(visit: Visit) -> Answer:
    visit.require_admin()
    visit.context.reload_catalog()
    return SeeOther(to="/candidates")


PAGES = (
    PageRoute(path="/candidates", show=list_candidates, is_slow=True),
    PageRoute(path="/candidates/reload", act=reload, is_slow=True),
    PageRoute(path="/candidates/{id:path}", show=show_candidate, is_slow=True),
)
