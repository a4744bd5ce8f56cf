"""Logging runs to MLflow's tracking after they have ended: those that are due, or one that is asked for.

That a run is to be logged is written with its verdict, in one transaction, and struck out when MLflow has all
of it. So neither a crash nor a server that is away loses a run, and no bake-off waits for either. Whoever
takes over finds in MLflow what was logged before, and completes it.
"""

import logging
import time
from collections.abc import Callable

from bakeoff.domain.errors import BakeoffError, ConflictError, InvalidInputError
from bakeoff.domain.machine.work_in_thread import StoppedError
from bakeoff.domain.runs.experiment_tracking import TrackedAddress, Tracking
from bakeoff.domain.wording import masked
from bakeoff.operations.context import Context
from bakeoff.operations.runs.mlflow_run_contents import read_contents_to_track
from bakeoff.operations.upkeep.work_under_lease import work_while_leased
from bakeoff.settings import log_setup
from bakeoff.settings.setting_definitions import TrackingSettings
from bakeoff.store.bakeoffs.results import tracking_rows
from bakeoff.store.bakeoffs.row_lease import RowLease

log = logging.getLogger(__name__)

_PAUSE_S = 0.1

#: Makes the report of a run as one HTML file. The pages are above this room, so the caller passes it in.
MakeReport = Callable[[str], str]


def track_due_runs(context: Context, make_report: MakeReport) -> int:
    """Logs the runs that are due, and returns how many. It stops at the first that MLflow does not take.

    Called in a process of its own, which must end on StoppedError.
    """
    settings = _settings(context)
    logged = 0
    for run_id in tracking_rows.due(context.engine):
        lease = _take(context, run_id)
        if lease is None:
            continue
        with log_setup.with_ids(runId=run_id):
            if not _track(context, settings, run_id, lease, make_report):
                break
        logged += 1
    return logged


def track_waiting_runs(context: Context, make_report: MakeReport) -> int:
    """The same for all that wait, also those that are to be tried again later."""
    for run_id in tracking_rows.waiting_runs(context.engine):
        tracking_rows.ask(context.engine, run_id)
    return track_due_runs(context, make_report)


def track_run(context: Context, run_id: str, make_report: MakeReport) -> Tracking:
    """Logs this run now, whether it was logged before or not. Its error says why MLflow did not take it.

    If another process is logging it, that one is waited for.
    """
    settings = _settings(context)
    # Before anything is written: what can never be logged must not be due for ever.
    read_contents_to_track(context, run_id, report_html=None)
    tracking_rows.ask(context.engine, run_id)
    while True:
        lease = _take(context, run_id)
        if lease is not None:
            _track(context, settings, run_id, lease, make_report)
        tracking = tracking_rows.of_run(context.engine, run_id)
        if tracking is None:
            raise ConflictError(f"run {run_id} was removed meanwhile")
        if tracking.done_at is not None or tracking.error:
            return tracking
        time.sleep(_PAUSE_S)


def _settings(context: Context) -> TrackingSettings:
    settings = context.configuration.settings.tracking
    if settings is None:
        raise InvalidInputError(
            "no tracking server is configured: set `tracking: {mlflow: http://HOST:PORT}` in "
            "config/bakeoff.yaml, or BAKEOFF_TRACKING in the environment"
        )
    return settings


def _take(context: Context, run_id: str) -> RowLease | None:
    return tracking_rows.take(context.engine, run_id, lease_s=context.configuration.settings.lease_seconds)


def _track(
    context: Context, settings: TrackingSettings, run_id: str, lease: RowLease, make_report: MakeReport
) -> bool:
    try:
        address = work_while_leased(
            lambda: _log(context, settings, run_id, make_report),
            lease,
            lease_s=context.configuration.settings.lease_seconds,
            name=f"the logging of run {run_id}",
        )
    except StoppedError:
        raise
    except Exception as exc:  # of MLflow, its database or its store of files: there is a next attempt
        error = masked(str(exc) or type(exc).__name__)
        pause_s = tracking_rows.postpone(lease, error)
        log.warning("run %s is logged to MLflow later, in %d s: %s", run_id, pause_s, error)
        if not isinstance(exc, BakeoffError):
            log.exception("run %s cannot be logged", run_id)
        return False
    tracking_rows.finish(lease, address)
    log.info("run %s is logged to MLflow: %s", run_id, address.page or address.uri)
    return True


def _log(
    context: Context, settings: TrackingSettings, run_id: str, make_report: MakeReport
) -> TrackedAddress:
    from registry.models.mlflow.run_tracking import open_tracking

    report = make_report(run_id) if settings.artefacts else None
    contents = read_contents_to_track(context, run_id, report_html=report)
    uri = context.configuration.logged_to
    assert uri is not None  # noqa: S101 - there are settings, so there is an address
    return open_tracking(uri, settings.experiment or contents.dataset).log(contents)
