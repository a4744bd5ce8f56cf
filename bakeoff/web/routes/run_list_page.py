"""The list of runs: filtered and paged by the server, and all of it in the address."""

from bakeoff.api.paging import cursor_after, id_in, unknown
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.run import RunState
from bakeoff.domain.wording import listed, quoted
from bakeoff.store.bakeoffs import run_rows
from bakeoff.web.views.run_lines import run_lines, run_table
from bakeoff.web.visits import Answer, Page, PageRoute, Visit

#: A page of a thousand rows takes half a second to lay out.
_PER_PAGE = 100


def list_runs(visit: Visit) -> Answer:
    engine = visit.engine
    after = id_in(visit.asked("cursor")) if visit.asked("cursor") else None
    if after is not None and not run_rows.exists(engine, after):
        raise unknown()
    dataset = visit.asked("dataset")
    found = run_rows.page(
        engine,
        limit=_PER_PAGE + 1,
        after=after,
        state=_state(visit.asked("state")),
        dataset=dataset or None,
        containing=visit.asked("q") or None,
        label=visit.asked("label") or None,
    )
    lines = run_lines(engine, found[:_PER_PAGE])
    more = len(found) > _PER_PAGE
    return Page(
        template="run_list.html",
        title="Runs",
        section="Runs",
        data={
            "lines": lines,
            "states": list(RunState),
            "datasets": sorted(
                {*visit.context.configuration.settings.datasets, *([dataset] if dataset else [])}
            ),
            "cursor": cursor_after(lines[-1].run.id) if more else "",
            "is_filtered": any(visit.asked(name) for name in ("q", "state", "dataset", "label", "cursor")),
        },
        tables=[run_table(lines)],
    )


def _state(text: str) -> RunState | None:
    if not text:
        return None
    try:
        return RunState(text)
    except ValueError:
        raise InvalidInputError(
            f"{quoted(text)} is no state of a run: there are {listed(RunState)}"
        ) from None


PAGES = (PageRoute(path="/runs", show=list_runs, live="all"),)
