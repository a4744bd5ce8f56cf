"""Schedules of the configuration: list them, pause and resume one."""

from typing import Annotated, Any

from fastapi import APIRouter, Path

from bakeoff.api.handler_services_and_rights import AnAdmin, TheContext
from bakeoff.api.problem_details import documented
from bakeoff.api.schemas.run_response_schemas import ScheduleListOut, ScheduleOut
from bakeoff.evaluation.planning.parse_request_bodies import PRINTABLE
from bakeoff.operations.runs.scheduled_runs import (
    pause_schedule,
    resume_schedule,
    schedule_status,
    schedule_statuses,
)

router = APIRouter(prefix="/api/ml/schedules", tags=["schedules"])

_Name = Annotated[str, Path(max_length=200, pattern=PRINTABLE)]


@router.get("", response_model=ScheduleListOut)
def list_schedules(context: TheContext) -> dict[str, Any]:
    """The schedules of the configuration, when each starts next, and what became of the last time."""
    return {"items": [one.to_record() for one in schedule_statuses(context)]}


@router.get("/{name}", response_model=ScheduleOut, responses=documented(404))
def read_a_schedule(context: TheContext, name: _Name) -> dict[str, Any]:
    """One of them."""
    return schedule_status(context, name).to_record()


@router.post("/{name}/pause", response_model=ScheduleOut, responses=documented(403, 404))
def pause_a_schedule(context: TheContext, admin: AnAdmin, name: _Name) -> dict[str, Any]:
    """Start nothing from it until it is resumed. Runs that are under way go on.

    One that is paused already stays so, since when and by whom it was. Needs the role admin.
    """
    pause_schedule(context, name, by=admin.name)
    return schedule_status(context, name).to_record()


@router.post("/{name}/resume", response_model=ScheduleOut, responses=documented(403, 404))
def resume_a_schedule(context: TheContext, _: AnAdmin, name: _Name) -> dict[str, Any]:
    """Go on with it. What was due meanwhile is not caught up. Needs the role admin."""
    resume_schedule(context, name)
    return schedule_status(context, name).to_record()
