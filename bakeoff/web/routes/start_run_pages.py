"""Starting a run: choose a dataset and candidates, look at the plan and what it costs, then start it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.api import idempotent_start
from bakeoff.api.security.tokens import Role
from bakeoff.domain.candidate import CandidateKind
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.runs.model_saving import SavePolicy
from bakeoff.domain.wording import quoted
from bakeoff.evaluation.planning.declared_run_options import RunSpec
from bakeoff.evaluation.planning.parse_request_bodies import parse
from bakeoff.evaluation.reuse.reuse_plan import grouped
from bakeoff.operations.runs.client_rights_check import check_run_request
from bakeoff.operations.runs.plan_preview import plan_ahead
from bakeoff.settings.setting_definitions import ClientRight
from bakeoff.web.page_request_and_answer import Answer, Page, PageRoute, SeeOther, Visit
from bakeoff.web.table_downloads import ShownTable

Given = Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class FormField:
    """One field of the form. Its name is the key of the request, or of its `design`."""

    name: str
    title: str
    kind: type[int] | type[float] | type[str] | type[bool] = str
    hint: str = ""  #: what happens if it is left empty
    default: bool = False  #: of a box: what the request has if it is not ticked


DESIGN = (
    FormField(name="folds", title="Folds", kind=int, hint="as the dataset says"),
    FormField(name="repeats", title="Deal the rows to them so many times", kind=int, hint="once"),
    FormField(name="seeds", title="Fit each with so many seeds, to compare recipes", kind=int, hint="one"),
    FormField(name="group", title="Column of groups, never on both sides", hint="as the dataset says"),
    FormField(name="time", title="Column of time: test the latest rows", hint="as the dataset says"),
    FormField(name="gap", title="Rows left out before them", kind=int, hint="none"),
    FormField(name="foldColumn", title="Column that says the fold", hint="as the dataset says"),
    FormField(name="weight", title="Column of weights of rows", hint="as the dataset says"),
    FormField(
        name="stratify", title="Let the share of each class differ between parts", kind=bool, default=True
    ),
)
SCORING = (
    FormField(name="positiveLabel", title="Positive class of two", hint="found"),
    FormField(name="threshold", title="Threshold, or tuned", hint="that of each candidate"),
    FormField(name="seal", title="Share of the test rows for the winner alone", kind=float, hint="none"),
    FormField(name="strict", title="Recommend and save nobody while a serious finding is open", kind=bool),
    FormField(
        name="shuffleCheck",
        title="Fit the winner to shuffled labels, too: it must score as chance does",
        kind=bool,
    ),
    FormField(name="importance", title="Shuffle columns: what models rely on", kind=bool),
)
RUNNING = (
    FormField(name="testSize", title="Share of the rows that is held out", kind=float, hint="as configured"),
    FormField(name="priority", title="Priority", kind=int, hint="0; higher goes first"),
    FormField(name="race", title="With folds, stop early whoever is shown not to be the best", kind=bool),
    FormField(
        name="spread",
        title="Fit each fold as a job of its own, so that free slots share a candidate",
        kind=bool,
    ),
    FormField(name="repeatCheck", title="Fit twice, and mark those that predict something else", kind=bool),
    FormField(name="fresh", title="Fit all of them, whatever was fitted before", kind=bool),
    FormField(name="baseline", title="Leave out the dummy to beat", kind=bool, default=True),
)
GROUPS = {"Design": DESIGN, "Scoring": SCORING, "Running": RUNNING}
#: What wrong answers cost, by the name of the field.
COSTS = {"falsePositive": "false_positive", "falseNegative": "false_negative"}
#: Other fields of a group, which the template writes.
_BESIDE = {"Scoring": (*COSTS, "tune")}


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
            "groups": GROUPS,
            "filled": {
                title
                for title, fields in GROUPS.items()
                if any(visit.asked(name) for name in (*(one.name for one in fields), *_BESIDE.get(title, ())))
            },
            "costs": {"falsePositive": "Cost of a false alarm", "falseNegative": "Cost of a miss"},
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
        data={
            "ahead": ahead,
            "groups": grouped(ahead.prospects),
            "fields": _fields(visit),
            "key": new_id(),
            "spec": spec,
        },
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


def _spec(given: Given) -> RunSpec:
    """The request for a run, as the API gets it, from the fields of the form; empty ones are absent."""
    body: dict[str, Any] = {"models": list(given["m"])} if given.get("m") else {}
    for name in ("dataset", "name", "save", "saveAs"):
        if given.get(name):
            body[name] = given[name][-1]
    if given.get("seed"):
        body["seed"] = _number(given["seed"][-1], "seed", int)
    if given.get("metrics"):
        body["metrics"] = [part.strip() for part in given["metrics"][-1].split(",") if part.strip()]
    body |= _values((*SCORING, *RUNNING), given)
    if body.get("threshold", "tuned") != "tuned":
        body["threshold"] = _number(body["threshold"], "threshold", float)
    if design := _values(DESIGN, given):
        body["design"] = design
    if costs := {
        key: _number(given[name][-1], name, float) for name, key in COSTS.items() if given.get(name)
    }:
        body["costs"] = costs
    if given.get("tune"):
        body["tune"] = _search(given["tune"][-1])
    return parse(RunSpec, body, "request for a run")


def _values(fields: Sequence[FormField], given: Given) -> dict[str, Any]:
    """Of those that are filled in, and of boxes that are ticked: the other one of what is usual."""
    found: dict[str, Any] = {}
    for field in fields:
        text = given.get(field.name, [""])[-1]
        if field.kind is bool:
            if text in {"yes", "no"} and (text == "yes") is not field.default:
                found[field.name] = not field.default
        elif text:
            found[field.name] = text if field.kind is str else _number(text, field.name, field.kind)
    return found


def _search(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        example = '{"forest": {"params": {"max_depth": [3, 9]}}}'
        raise InvalidInputError(
            f"tune is {quoted(text)}, which is no JSON: write such as `{example}`"
        ).with_field("tune") from None


def _number(text: str, name: str, kind: type) -> float:
    try:
        found: float = kind(text)
    except ValueError:
        raise InvalidInputError(f"{name} is {json.dumps(text)}: expected a number").with_field(name) from None
    return found


PAGES = (
    PageRoute(path="/runs/new", show=ask_what, act=start, is_slow=True, form="/runs/new"),
    PageRoute(path="/runs/plan", show=show_plan, is_slow=True, form="/runs/new"),
)
