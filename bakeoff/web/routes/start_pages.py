"""Starting a run: choose a dataset and candidates, look at the plan and what it costs, then start it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bakeoff.api import idempotent_start
from bakeoff.api.security.tokens import Role
from bakeoff.domain.candidate import CandidateKind
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.identity import new_id
from bakeoff.domain.runs.saving import SavePolicy
from bakeoff.evaluation.planning.request_body import parse
from bakeoff.evaluation.planning.run_spec import RunSpec
from bakeoff.operations.runs.client_requests import check_run_request
from bakeoff.operations.runs.plan_ahead import plan_ahead
from bakeoff.settings.setting_definitions import ClientRight
from bakeoff.web.shown_tables import ShownTable
from bakeoff.web.visits import Answer, Page, PageRoute, SeeOther, Visit

#: Fields of the form that are numbers, by key of the request.
_NUMBERS = {"seed": int, "testSize": float, "priority": int}


def ask_what(visit: Visit) -> Answer:
    configuration = visit.context.configuration
    contents = visit.context.catalog().contents
    candidates = [one for one in contents.candidates.values() if one.kind is CandidateKind.CANDIDATE]
    return Page(
        template="run_new.html",
        title="Start a run",
        section="Runs",
        data={
            "datasets": configuration.settings.datasets,
            "candidates": candidates,
            "rejected": len(contents.rejected),
            "chosen": set(visit.asked_all("m")),
            "metrics": ", ".join(configuration.settings.metrics or []),
            "policies": list(SavePolicy) if visit.is_admin else [],
        },
    )


def show_plan(visit: Visit) -> Answer:
    spec = _spec(visit.query)
    check_run_request(spec, visit.context.configuration.settings, _rights(visit))
    ahead = plan_ahead(visit.context, spec)
    rows = [
        (one.candidate.id, str(one.way), one.expected_s, one.why, one.candidate.version)
        for one in ahead.prospects
    ]
    return Page(
        template="run_plan.html",
        title="Plan of a run",
        section="Runs",
        data={"ahead": ahead, "fields": _fields(visit), "key": new_id(), "spec": spec},
        tables=[
            ShownTable(
                name="plan", columns=("modelId", "action", "expectedSeconds", "why", "version"), rows=rows
            )
        ],
    )


def start(visit: Visit) -> Answer:
    started = idempotent_start.start(
        visit.context, _spec(visit.form), key=visit.given("key") or None, principal=visit.who
    )
    return SeeOther(to=f"/runs/{started.run.id}/jobs")


def _rights(visit: Visit) -> frozenset[ClientRight]:
    return frozenset(ClientRight) if visit.who.role is Role.ADMIN else frozenset({ClientRight.PRIORITY})


def _fields(visit: Visit) -> list[tuple[str, str]]:
    return [(name, value) for name, values in visit.query.items() for value in values if name != "key"]


def _spec(given: Mapping[str, Sequence[str]]) -> RunSpec:
    """The request for a run, as the API gets it, from the fields of the form; empty ones are absent."""
    body: dict[str, Any] = {"models": list(given["m"])} if given.get("m") else {}
    for name in ("dataset", "name", "save", "saveAs"):
        if given.get(name):
            body[name] = given[name][-1]
    for name, kind in _NUMBERS.items():
        if given.get(name):
            body[name] = _number(given[name][-1], name, kind)
    if given.get("metrics"):
        body["metrics"] = [part.strip() for part in given["metrics"][-1].split(",") if part.strip()]
    if design := _design(given):
        body["design"] = design
    body["baseline"] = given.get("baseline", ["yes"])[-1] != "no"
    body["fresh"] = given.get("fresh", ["no"])[-1] == "yes"
    return parse(RunSpec, body, "request for a run")


def _design(given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Which rows are tested; empty: as the dataset says of itself."""
    columns = {name: given[name][-1] for name in ("group", "time") if given.get(name)}
    folds = {"folds": _number(given["folds"][-1], "folds", int)} if given.get("folds") else {}
    return {**columns, **folds}


def _number(text: str, name: str, kind: type[int] | type[float]) -> float:
    try:
        return kind(text)
    except ValueError:
        raise InvalidInputError(f"{name} is {json.dumps(text)}: expected a number").with_field(name) from None


PAGES = (
    PageRoute(path="/runs/new", show=ask_what, act=start, is_slow=True),
    PageRoute(path="/runs/plan", show=show_plan, is_slow=True),
)
