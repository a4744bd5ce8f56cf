"""What the project consists of: its candidates, its datasets, its market and its schedules."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.wording import counted
from bakeoff.evaluation.signals.artefacts_for_signal_cell import resolve_artefacts
from bakeoff.evaluation.signals.signal_run_plan import registry_of
from bakeoff.operations.context import Context
from bakeoff.operations.doctor.diagnosis_levels import Diagnosis, fail, ok, warn
from bakeoff.operations.runs.scheduled_runs import STARTS_RUNS, schedule_statuses
from bakeoff.operations.signals.start_signals import how_to_train
from bakeoff.settings.configuration import Configuration
from registry.catalog.live_catalog import Catalog


def check_candidates(context: Context) -> Iterator[Diagnosis]:
    configuration = context.configuration
    contents = Catalog.of(configuration, anew=True).contents
    signals = len(contents.signal_models)
    ready = counted(len(contents.candidates) - signals, "candidate")
    beside = f" and {counted(signals, 'signal model')}" if signals else ""
    said = f"{ready}{beside} ready, {len(contents.disabled)} disabled"
    if contents.candidates:
        yield ok("catalog", said)
    else:
        cure = f"add one, or enable one, in {configuration.catalog_file}"
        yield warn("catalog", f"{said}: there is nothing to evaluate", cure)
    for rejection in contents.rejected.values():
        yield warn("catalog", f"{rejection.id} was rejected: {rejection.cause}", rejection.fix)
    yield from _untrained(list(contents.signal_models.values()), configuration)


def _untrained(models: Sequence[Candidate], configuration: Configuration) -> Iterator[Diagnosis]:
    registry = registry_of(models, configuration)
    for model in models:
        try:
            resolve_artefacts(model, registry)
        except NotFoundError as exc:
            yield warn("catalog", str(exc), how_to_train(model, None))


def check_datasets(context: Context) -> Iterator[Diagnosis]:
    configuration = context.configuration
    known = configuration.settings.datasets
    missing = [
        fail(
            "datasets", f"{name}: there is no file {file}", f"correct datasets.{name} in {configuration.file}"
        )
        for name, dataset in known.items()
        if not dataset.is_added  # only the package of the source knows what `path` means
        for file in configuration.files_of(dataset)
        if not Path(file).is_file()
    ]
    yield from missing
    if not missing:
        yield ok("datasets", ", ".join(known) or "none are named: `bakeoff run FILE --target COLUMN`")


def check_market(context: Context) -> Iterator[Diagnosis]:
    """Nothing to report if no market is configured: most projects need no prices."""
    configuration = context.configuration
    if configuration.settings.market is None:
        return
    missing = [file for file in configuration.market_files if not file.is_file()]
    for file in missing:
        yield fail("market", f"there is no file {file}", f"correct market in {configuration.file}")
    if not missing:
        yield ok(
            "market",
            ", ".join(
                f"{name} from {table.place}" for name, table in configuration.settings.market.tables.items()
            ),
        )


def check_schedules(context: Context) -> Iterator[Diagnosis]:
    found = schedule_statuses(context)
    for status in found:
        name = status.schedule.name
        if status.is_overdue:
            yield warn("schedules", f"{name} is overdue: nobody looks", f"start {STARTS_RUNS[:-1]}")
        elif status.problem:
            yield warn("schedules", f"{name}: {status.problem}", "mend that; it is tried again and again")
    if not any(status.problem for status in found):
        yield ok("schedules", ", ".join(status.schedule.name for status in found) or "none")
