"""Starts suites: all runs are planned first, then the suite is written, then its runs are started.

    killed before the suite is written   there is nothing
    killed later                         the open members become due, and a worker starts them; so does the
                                         next `bakeoff suites run` of the same name

A run that was started and not yet noted is found by its id, which the suite holds: none is started twice.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bakeoff.domain.errors import ConflictError, InvalidInputError
from bakeoff.domain.ids_and_times import new_id, parse_id, utc_now
from bakeoff.domain.runs.suite import Suite, SuiteMember
from bakeoff.domain.wording import counted, listed, nearest, quoted
from bakeoff.evaluation.planning.declared_run_options import RunRequest, RunSpec
from bakeoff.evaluation.planning.run_plan import Plan, make_plan
from bakeoff.operations.context import Context
from bakeoff.operations.runs.start_run import start_planned, start_run
from bakeoff.operations.upkeep.work_under_lease import start_while_leased
from bakeoff.settings import log_setup
from bakeoff.settings.schedule_and_suite_settings import FEWEST_DATASETS, SuiteSettings
from bakeoff.store.bakeoffs import suite_rows
from bakeoff.store.bakeoffs.row_lease import RowLease
from bakeoff.store.bakeoffs.suite_rows import DueMember
from bakeoff.store.database import schema_version

log = logging.getLogger(__name__)

MOST_DATASETS = 200
_LONGEST_NAME = 100

#: Called with each dataset and what becomes of it, such as `planned`.
Progress = Callable[[str, str], None]


def new_suite(context: Context, name: str, *, suite_id: str | None = None, fresh: bool = False) -> Suite:
    """The suite of the configuration with this name, as it would be written. The ids of its runs are chosen.

    `fresh`: fit all candidates, whatever was fitted before.
    """
    settings = settings_of(context, name)
    members = [
        SuiteMember(
            place=place, dataset=dataset, run_id=new_id(), request=_request(settings, dataset, fresh=fresh)
        )
        for place, dataset in enumerate(settings.datasets)
    ]
    return Suite(
        id=parse_id(suite_id) if suite_id else new_id(), name=name, members=members, created_at=utc_now()
    )


def suite_of_datasets(spec: RunSpec, datasets: Sequence[str], *, name: str | None = None) -> Suite:
    """A suite that no configuration names: the run that is asked for, on each of these datasets or files.

    It is called like its datasets, unless it has a name.
    """
    if len(datasets) < FEWEST_DATASETS:
        raise InvalidInputError(
            f"{quoted(datasets[0])} is one dataset, and a suite judges over {FEWEST_DATASETS} at least: "
            "name another one, or leave the comma out"
        )
    if len(datasets) > MOST_DATASETS:
        raise InvalidInputError(f"these are {len(datasets)} datasets: {MOST_DATASETS} are the most")
    if spec.race:
        raise InvalidInputError(
            "race is true, and a suite judges candidates by their scores on all datasets, of which a race "
            "leaves some candidates without: leave race out, or run one dataset"
        )
    titles = [Path(one).stem if Path(one).is_file() else one for one in datasets]
    for title in titles:
        if titles.count(title) > 1:
            raise InvalidInputError(f"{quoted(title)} stands in it twice: each dataset counts once")
    shared = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"run_id", "name"})
    members = [
        SuiteMember(place=place, dataset=title, run_id=new_id(), request=_on(one, shared))
        for place, (one, title) in enumerate(zip(datasets, titles, strict=True))
    ]
    called = name or ",".join(titles)
    return Suite(id=new_id(), name=called[:_LONGEST_NAME], members=members, created_at=utc_now())


def _on(dataset: str, shared: Mapping[str, Any]) -> dict[str, Any]:
    """A file has the target that is asked for, and a dataset of the configuration its own."""
    if Path(dataset).is_file():
        # A worker that completes the start has another current folder.
        return {**shared, "dataset": str(Path(dataset).absolute())}
    return {**{key: value for key, value in shared.items() if key != "target"}, "dataset": dataset}


def start_suite(context: Context, suite: Suite, *, progress: Progress = lambda *_: None) -> Suite:
    """Starts the runs of a suite. One of this id that exists is returned as it is.

    ConflictError if that is another one: of another name, or with other options of its start.
    """
    engine = context.engine
    schema_version.ensure(engine)
    if suite_rows.exists(engine, suite.id):
        return _same(suite_rows.get(engine, suite.id), suite)
    plans = [_plan(context, suite, member, progress) for member in suite.members]
    lease_s = context.configuration.settings.lease_seconds
    if not suite_rows.create(engine, suite, due_in_s=lease_s):
        return _same(suite_rows.get(engine, suite.id), suite)  # another process was quicker
    for member, plan in zip(suite.members, plans, strict=True):
        start_planned(context, plan, run_id=member.run_id, name=suite.run_name(member))
        suite_rows.note_started(engine, suite.id, member.place)
        progress(member.dataset, "started")
    return suite_rows.get(engine, suite.id)


def settings_of(context: Context, name: str) -> SuiteSettings:
    known = context.configuration.settings.suites
    if name not in known:
        if not known:
            cure = ": the configuration has none; add some under `suites:`"
        else:
            cure = nearest(name, known) or f"; there are {listed(sorted(known))}"
        raise InvalidInputError(f"there is no suite {quoted(name)} in the configuration{cure}").with_field(
            "suite"
        )
    return known[name]


def _same(found: Suite, asked: Suite) -> Suite:
    if (found.name, found.is_fresh) != (asked.name, asked.is_fresh):
        of = f"{quoted(found.name)}, {'fresh' if found.is_fresh else 'not fresh'}"
        raise ConflictError(f"suite {found.id} is one of {of}: take a new id for another")
    return found


def _request(settings: SuiteSettings, dataset: str, *, fresh: bool) -> Mapping[str, Any]:
    """As a client would write it over HTTP. It is checked, and kept in this form."""
    shared = RunSpec.model_fields.keys() & SuiteSettings.model_fields.keys() - {"design"}
    body: dict[str, Any] = {name: getattr(settings, name) for name in shared}
    if settings.design is not None:
        body["design"] = settings.design.model_dump(exclude_defaults=True)
    spec = RunSpec.model_validate({**body, "dataset": dataset, "fresh": fresh})
    found: dict[str, Any] = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return found


def _plan(context: Context, suite: Suite, member: SuiteMember, progress: Progress) -> Plan:
    request = _as_request(suite, member)
    try:
        plan = make_plan(
            request, catalog=context.catalog, configuration=context.configuration, pin=context.pin_cache.pin
        )
    except InvalidInputError as exc:
        raise type(exc)(f"suite {suite.name}, dataset {member.dataset}: {exc}").with_field("suite") from exc
    progress(member.dataset, "planned")
    return plan


def _as_request(suite: Suite, member: SuiteMember) -> RunRequest:
    request = RunRequest.parse({**member.request, "runId": member.run_id})
    return request.model_copy(update={"name": suite.run_name(member)})


def unfinished_start(context: Context, name: str) -> Suite | None:
    """The newest suite of this name, if a process died while it started its runs."""
    newest = next(iter(suite_rows.page(context.engine, limit=1, name=name)), None)
    return newest if newest is not None and not newest.is_started else None


def finish_start(context: Context, suite: Suite) -> Suite:
    """Starts the runs that are still to be started, also those for which their process has time left.

    They are as the suite was asked for, also where that was without `fresh`.
    """
    suite_rows.hurry(context.engine, suite.id)
    _start_members(context, [one for one in suite_rows.due(context.engine) if one.suite_id == suite.id])
    return suite_rows.get(context.engine, suite.id)


def start_due_members(context: Context) -> int:
    """Starts the runs whose process has died. Returns how many were started."""
    return _start_members(context, suite_rows.due(context.engine))


def _start_members(context: Context, due: Sequence[DueMember]) -> int:
    return sum(_start_member(context, one) for one in due)


def _start_member(context: Context, one: DueMember) -> bool:
    """False if another process starts it, or if it cannot be started now."""
    engine, lease_s = context.engine, context.configuration.settings.lease_seconds
    lease = suite_rows.take(engine, one, lease_s=lease_s)
    if lease is None:
        return False
    suite = suite_rows.get(engine, one.suite_id)
    name = suite.run_name(one.member)
    with log_setup.with_ids(runId=one.member.run_id):
        if not start_while_leased(
            lambda: start_run(context, _as_request(suite, one.member)),
            lease,
            lease_s=lease_s,
            name=f"the run {name}",
            gives_up=partial(_gives_up, suite, lease),
        ):
            return False
        suite_rows.note_started(engine, one.suite_id, one.member.place)
        log.info("run %s of suite %s was started", name, suite.id)
    return True


def _gives_up(suite: Suite, lease: RowLease, exc: Exception) -> bool:
    """Only what somebody has to correct is given up. A broker or a database that is away comes back."""
    if not isinstance(exc, InvalidInputError) or lease.attempt < suite_rows.MOST_ATTEMPTS:
        return False
    log.warning("a run of suite %s is given up: %s", suite.id, exc)
    cure = f"correct it, and start the suite anew: `bakeoff suites run {suite.name}`"
    suite_rows.give_up(lease, f"{exc}; tried {counted(lease.attempt, 'time')}: {cure}")
    return True
