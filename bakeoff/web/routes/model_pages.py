"""Saved models: their versions and stages, what moved them there, and moving them further."""

from datetime import UTC, datetime
from typing import Any

from bakeoff.domain.errors import ConflictError, InvalidInputError, NotFoundError
from bakeoff.domain.model_version import Stage, VersionFilter
from bakeoff.domain.wording import quoted
from bakeoff.operations.production.promotion_evidence import evidence_in
from bakeoff.web.page_request_and_answer import Answer, Page, PageRoute, SeeOther, Visit, confirmation
from bakeoff.web.page_templates import path_part
from bakeoff.web.views.model_history import (
    gates_of,
    model_lines,
    models_table,
    staged_versions,
    versions_table,
)
from registry.models import promotion, registry_opening
from registry.models.registry_interface import BaseModelRegistry

_MOST_VERSIONS, _MOST_ENTRIES = 500, 500


def list_models(visit: Visit) -> Answer:
    versions = _registry(visit).versions(limit=_MOST_VERSIONS) if _has_registry(visit) else []
    lines = [line for line in model_lines(versions) if visit.asked("q").lower() in line.name.lower()]
    return Page(
        template="model_list.html",
        title="Models",
        section="Models",
        data={"lines": lines},
        tables=[models_table(lines)],
    )


def show_model(visit: Visit) -> Answer:
    name, registry = visit.parts["name"], _registry(visit)
    at = _instant(visit.asked("asOf"))
    versions = registry.versions(VersionFilter(name=name), limit=_MOST_VERSIONS)
    if not versions:
        raise NotFoundError(f"no model is called {quoted(name)}: Models lists those that are saved")
    log = registry.history(name, limit=_MOST_ENTRIES)
    staged = staged_versions(versions, log, at)
    metrics = list(dict.fromkeys(metric for one in versions for metric in one.metrics))[:4]
    return Page(
        template="model.html",
        title=name,
        section="Models",
        data={
            "name": name,
            "staged": staged,
            "production": next((one for one in staged if one.stage is Stage.PRODUCTION), None),
            "log": [(entry, gates_of(entry)) for entry in log if at is None or entry.at <= at],
            "metrics": metrics,
            "as_of": visit.asked("asOf"),
            "newest": versions[0],
            "can_roll_back": any(entry.to_stage is Stage.PRODUCTION and entry.replaced for entry in log),
        },
        tables=[versions_table(staged)],
    )


def _instant(text: str) -> datetime | None:
    """As a date field sends it, or with a time; UTC unless it says otherwise. A day means its end."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(
            f"{quoted(text)} is no instant: expected 2026-11-28, or 2026-11-28T14:30"
        ) from None
    if "T" not in text and " " not in text:
        found = found.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def ask_to_promote(visit: Visit) -> Answer:
    visit.require_admin()
    registry, name, version = _registry(visit), visit.parts["name"], visit.parts["version"]
    found = registry.get(_uri(name, version))
    stage = Stage.parse(visit.asked("stage", Stage.PRODUCTION))
    now = next(iter(registry.versions(VersionFilter(name=name, stage=Stage.PRODUCTION), limit=1)), None)
    stays = [f"Every version of {name} and its files: only stages change, and a rollback takes this back"]
    if stage is Stage.PRODUCTION and now is not None and now.version != found.version:
        stays.insert(0, f"{now.version}, which is in Production now: it is archived, and can be put back")
    return confirmation(
        section="Models",
        back=f"/models/{path_part(name)}",
        asks_reason=True,
        title=f"Move {name} {found.version} to {stage}?",
        text=f"Predictors that ask for {stage} get version {found.version} from then on. "
        "The gates of the configuration are checked first: if one fails, nothing changes, and you learn why.",
        stays=stays,
        action=f"/models/{path_part(name)}/versions/{path_part(found.version)}/promote",
        button=f"Move to {stage}",
        fields=[("stage", str(stage))],
    )


def promote(visit: Visit) -> Answer:
    visit.require_admin()
    name = visit.parts["name"]
    promotion.promote(
        _registry(visit),
        _uri(name, visit.parts["version"]),
        **_policy(visit),
        stage=Stage.parse(visit.given("stage", Stage.PRODUCTION)),
        by=visit.who.name,
        reason=visit.given("reason"),
        evidence_of=evidence_in(visit.context),
        strict=visit.context.configuration.settings.strict,
    )
    return SeeOther(to=f"/models/{path_part(name)}")


def ask_to_roll_back(visit: Visit) -> Answer:
    visit.require_admin()
    name = visit.parts["name"]
    now = promotion.production_of(_registry(visit), name)
    return confirmation(
        section="Models",
        back=f"/models/{path_part(name)}",
        asks_reason=True,
        title=f"Roll {name} back?",
        text="The version that was in Production before is put back there. No gate is checked.",
        stays=[
            f"{now.version}, which is in Production now: it is archived, and can be promoted again"
            if now
            else "Every version and its files",
            "The log: it gets one more entry, with your name and your reason",
        ],
        action=f"/models/{path_part(name)}/rollback",
        button="Roll back",
        is_dangerous=True,
    )


def roll_back(visit: Visit) -> Answer:
    visit.require_admin()
    name = visit.parts["name"]
    promotion.rollback(
        _registry(visit), name, **_policy(visit), by=visit.who.name, reason=visit.given("reason")
    )
    return SeeOther(to=f"/models/{path_part(name)}")


def _policy(visit: Visit) -> dict[str, Any]:
    configuration = visit.context.configuration
    return {"policy": configuration.settings.model_registry.promotion, "root": configuration.root}


def _uri(name: str, version: str) -> str:
    return f"models:/{name}/{version}"


def _has_registry(visit: Visit) -> bool:
    return registry_opening.has_registry(visit.context.configuration)


def _registry(visit: Visit) -> BaseModelRegistry:
    configuration = visit.context.configuration
    if not registry_opening.has_registry(configuration):
        raise NotFoundError(
            "no model was ever saved here: `bakeoff run --save best` saves the winner of a run"
        )
    try:
        return registry_opening.open_registry(configuration)
    except InvalidInputError as exc:
        raise ConflictError(str(exc)) from exc


PAGES = (
    PageRoute(path="/models", show=list_models, uses_registry=True),
    PageRoute(
        path="/models/{name:path}/versions/{version}/promote",
        show=ask_to_promote,
        act=promote,
        uses_registry=True,
    ),
    PageRoute(path="/models/{name:path}/rollback", show=ask_to_roll_back, act=roll_back, uses_registry=True),
    PageRoute(path="/models/{name:path}", show=show_model, uses_registry=True),
)
