"""The plan of a run: which candidates, on which snapshot, scored by which rules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import InvalidInputError, NotFoundError, in_field
from bakeoff.domain.finding import Finding
from bakeoff.domain.machine.work_in_thread import start_in_thread
from bakeoff.domain.metric_names_and_scoring_rules import MetricFacts, ScoringRules, is_custom
from bakeoff.domain.model_version import check_name
from bakeoff.domain.runs.model_saving import SavePolicy, SaveRequest
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef, Design, Pinned, TargetKind
from bakeoff.domain.wording import cut, listed, nearest, quoted
from bakeoff.evaluation.datasets.pin_cache import PinRequest
from bakeoff.evaluation.datasets.read_snapshot import classes, fields, fold_sizes, sealed_labels
from bakeoff.evaluation.datasets.refuse_unusable_dataset import UnknownColumnError
from bakeoff.evaluation.jobs.default_preprocessing import default_pipeline
from bakeoff.evaluation.metrics.metric_names import check_names
from bakeoff.evaluation.metrics.run_scoring_options import has_rare_class, resolve_rules
from bakeoff.evaluation.planning.candidate_choice import (
    BASELINE_ID,
    Choice,
    all_fitting,
    enabled,
    fitting,
    named,
    with_grids,
)
from bakeoff.evaluation.planning.declared_run_options import FILE_OPTIONS, RunSpec
from bakeoff.evaluation.planning.split_design_request import (
    design_of,
    refuse_race,
    refuse_seal,
    refuse_spread,
)
from bakeoff.evaluation.planning.tuning_request import with_choosing_rules, with_searches
from bakeoff.evaluation.user_functions.custom_metric_facts import metric_facts
from bakeoff.evaluation.user_functions.dataset_functions import NOTHING_BARRED, Barred
from bakeoff.settings.configuration import Configuration
from bakeoff.settings.setting_definitions import DatasetSettings, DatasetSource
from registry.catalog.live_catalog import Catalog
from registry.code.cell_import_and_readable_paths import class_paths
from registry.code.model_building import parameters_if_loaded

#: How files are read, by their endings.
FILE_SOURCES = {
    ".csv": DatasetSource.CSV,
    ".parquet": DatasetSource.PARQUET,
    ".pq": DatasetSource.PARQUET,
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    dataset: DatasetRef
    candidates: tuple[Candidate, ...]
    left_out: tuple[str, ...]  #: ids of enabled candidates that learn another kind of target
    rules: ScoringRules
    seed: int
    test_size: float
    baseline_id: str | None
    save: SaveRequest | None
    spec: RunSpec  #: what was asked for; the fields above follow from it
    folds: tuple[tuple[int, int], ...]  #: training and test rows of each fold; none: one split
    preparation: tuple[str, ...]  #: what the default pipeline does, a line for each part; empty: nothing
    findings: tuple[Finding, ...]  #: on the data


@dataclass(frozen=True, kw_only=True)
class RequestedData:
    """The dataset that a request asks for, and how it is split."""

    name: str
    dataset: DatasetSettings
    design: Design
    seed: int
    test_size: float

    def pinned(self, configuration: Configuration, pin: Callable[[PinRequest], Pinned]) -> Pinned:
        is_function = self.dataset.source is DatasetSource.CALLABLE
        return pin(
            PinRequest(
                dataset=self.dataset,
                name=self.name,
                root=configuration.root,
                snapshots=configuration.snapshots,
                seed=self.seed,
                test_size=self.test_size,
                design=replace(self.design, seeds=1),  # they change no split, and no snapshot
                barred=Barred.by(configuration) if is_function else NOTHING_BARRED,
            )
        )


def data_of(request: RunSpec, configuration: Configuration) -> RequestedData:
    settings = configuration.settings
    with in_field("dataset"):
        name, dataset = _dataset(request, configuration)
    return RequestedData(
        name=name,
        dataset=dataset,
        design=design_of(request.design, dataset),
        seed=settings.seed if request.seed is None else request.seed,
        test_size=request.test_size or settings.test_size,
    )


def make_plan(
    request: RunSpec,
    *,
    catalog: Callable[[], Catalog],
    configuration: Configuration,
    pin: Callable[[PinRequest], Pinned],
) -> Plan:
    """Makes the plan. `catalog` may be slow: the data are read meanwhile, if no candidate is named."""
    configuration.require_shared_dir()
    settings = configuration.settings
    metrics = request.metrics or settings.metrics
    check_names(metrics or ())
    facts = metric_facts(metrics or (), configuration)
    data = data_of(request, configuration)
    seal = settings.seal if request.seal is None else request.seal
    with in_field("seal"):
        refuse_seal(seal, data.design)
    if request.race:
        with in_field("race"):
            refuse_race(data.design, metrics or ())
    if request.spread:
        with in_field("spread"):
            refuse_spread(data.design, race=request.race)
    if data.design.weight is not None:
        with in_field("metrics"):
            _refuse_unweighted(metrics or ())
    with in_field("saveAs"):
        saves = request.refit or not data.design.has_folds
        save = _saving(request, data.name, configuration) if saves else None
    pinned, choice = _pin_and_choose(request, partial(data.pinned, configuration, pin), catalog)
    baseline = _baseline(pinned.ref.target_kind) if request.baseline else None
    rules = _rules(request, data.dataset, pinned, metrics=metrics, facts=facts, seal=seal)
    candidates = [*([baseline] if baseline else []), *choice.chosen]
    return Plan(
        dataset=replace(
            pinned.ref,
            files=tuple(map(str, pinned.files)),
            design=replace(pinned.ref.design, seeds=data.design.seeds),
        ),
        candidates=tuple(with_choosing_rules(one, rules, pinned.ref.target_kind) for one in candidates),
        left_out=tuple(candidate.id for candidate in choice.left_out),
        rules=rules,
        seed=data.seed,
        test_size=data.test_size,
        baseline_id=baseline.id if baseline else None,
        save=save,
        spec=request.model_copy(update={"shuffle_check": request.shuffle_check or settings.shuffle_check}),
        folds=tuple(fold_sizes(pinned.folder)) if pinned.ref.design.has_folds else (),
        preparation=default_pipeline(fields(pinned.folder)) or (),
        findings=pinned.findings,
    )


def _refuse_unweighted(metrics: Sequence[str]) -> None:
    own = [name for name in metrics if is_custom(name)]
    if own:
        raise InvalidInputError(
            f"the metric {quoted(own[0])} is a function, which is given no weights: leave it out, or the "
            "weights"
        )


def _pin_and_choose(
    request: RunSpec, pinning: Callable[[], Pinned], catalog: Callable[[], Catalog]
) -> tuple[Pinned, Choice]:
    """Pins the data and chooses the candidates. Wrong names are reported before the data are read."""
    if request.models is not None:
        known = catalog()
        with in_field("models"):
            candidates = named(request.models, known, baseline=request.baseline)
        candidates = _unfolded(request, candidates, known)
        pinned = _read(pinning, request)
        with in_field("models"):
            return pinned, all_fitting(candidates, pinned.ref)
    reading = start_in_thread(pinning)
    known = catalog()
    candidates = _unfolded(request, enabled(known), known)
    pinned = _read(reading.result, request)
    return pinned, fitting(candidates, pinned.ref)


def _unfolded(request: RunSpec, candidates: Sequence[Candidate], catalog: Catalog) -> list[Candidate]:
    """Searches come first: a candidate with a search that is given a grid, too, is refused.

    One of each is built, with every parameter that is named: a wrong name would else be told after all fits.
    """
    searches, grids = request.tune or {}, request.grid or {}
    with in_field("tune"):
        tuned = with_searches(candidates, searches)
        _refuse_unknown_parameters(catalog, {one.id: one for one in tuned if one.id in searches})
    with in_field("grid"):
        unfolded = with_grids(tuned, grids)
        _refuse_unknown_parameters(catalog, {one.family: one for one in unfolded if one.family in grids})
    return unfolded


def _refuse_unknown_parameters(catalog: Catalog, varied: Mapping[str | None, Candidate]) -> None:
    """Of classes that this process has loaded, as a notebook has, the names were looked at before."""
    unknown = [
        one for one in varied.values() if any(parameters_if_loaded(path) is None for path in class_paths(one))
    ]
    if unknown:
        catalog.refuse_unbuildable(unknown)


def _read(pinning: Callable[[], Pinned], request: RunSpec) -> Pinned:
    """An error names the dataset, or the key of the design that names a column which is not there."""
    design = request.design.model_dump(by_alias=True, exclude_none=True) if request.design else {}
    try:
        return pinning()
    except UnknownColumnError as exc:
        exc.field = f"design.{exc.key}" if exc.key in design else "dataset"
        raise
    except InvalidInputError as exc:
        exc.field = exc.field or "dataset"
        raise


def _dataset(request: RunSpec, configuration: Configuration) -> tuple[str, DatasetSettings]:
    configured = configuration.settings.datasets.get(request.dataset)
    if configured is not None:
        with in_field("target"):
            _refuse_a_second_target(request, configured)
        return request.dataset, _as_asked(_with_our_database(configured, configuration), request)
    source = FILE_SOURCES.get(Path(request.dataset).suffix.lower())
    if source is None:
        raise NotFoundError(_no_such_dataset(request.dataset, list(configuration.settings.datasets)))
    if request.target is None:
        raise InvalidInputError(
            f"which column of {request.dataset} is to be predicted? Name it: --target COLUMN"
        )
    path = str(Path(request.dataset).absolute())
    dataset = DatasetSettings(source=source, path=path, target=request.target)
    return Path(request.dataset).stem, _as_asked(dataset, request)


def _as_asked(dataset: DatasetSettings, request: RunSpec) -> DatasetSettings:
    """The dataset with what the request says of it. Of types, only the columns that it names change."""
    asked = {name: value for name in FILE_OPTIONS if (value := getattr(request, name))}
    if "dtypes" in asked:
        asked["dtypes"] = dataset.dtypes | asked["dtypes"]
    asked_for = dataset.model_copy(update=asked)  # which validates nothing
    if senseless := asked_for.senseless_of_text():
        raise InvalidInputError(f"{senseless}: leave out --sep and --encoding")
    return asked_for


def _with_our_database(dataset: DatasetSettings, configuration: Configuration) -> DatasetSettings:
    if dataset.source is not DatasetSource.FEEDBACK_LABELS:
        return dataset
    return dataset.model_copy(update={"url": configuration.database_url})


def _saving(request: RunSpec, dataset: str, configuration: Configuration) -> SaveRequest | None:
    registry = configuration.settings.model_registry
    policy = registry.save if request.save is None else request.save
    if policy is SavePolicy.NONE:
        if request.save_as is not None:
            raise InvalidInputError(
                f"saveAs is {quoted(request.save_as)}, and nothing is saved: add save, which may be "
                "best or all"
            )
        return None
    if registry.backend == "none":
        raise InvalidInputError(
            f"there is no registry to save to, since modelRegistry.backend is none: set it, or save none "
            f"instead of {policy}"
        )
    return SaveRequest(policy=policy, name=check_name(request.save_as or dataset))


def _refuse_a_second_target(request: RunSpec, configured: DatasetSettings) -> None:
    if request.target not in {None, configured.target}:
        raise InvalidInputError(
            f"target {quoted(request.target)} goes with a file, and dataset {request.dataset} has its own "
            "in the configuration: leave it out, or change it there"
        )


def _no_such_dataset(name: str, known: Sequence[str]) -> str:
    cure = nearest(name, known) or f"; there are {listed(sorted(known))}"
    if Path(name).suffix and Path(name).is_file():
        cure = ": save or convert it as one of these"
    return (
        f"there is no dataset {cut(name, 200)} in the configuration, and it is no .csv or .parquet file{cure}"
    )


def _rules(
    request: RunSpec,
    dataset: DatasetSettings,
    pinned: Pinned,
    *,
    metrics: Sequence[str] | None,
    facts: Sequence[MetricFacts],
    seal: float,
) -> ScoringRules:
    positive = dataset.positive_label if request.positive_label is None else request.positive_label
    return resolve_rules(
        target_kind=pinned.ref.target_kind,
        classes=list(classes(pinned.folder)),
        metrics=metrics,
        facts=facts,
        positive_label=positive,
        threshold=request.threshold,
        costs=request.costs,
        average=request.average,
        zero_division=request.zero_division,
        seal=seal,
        has_rare_class=pinned.ref.target_kind is not TargetKind.REGRESSION
        and has_rare_class(sealed_labels(pinned.folder)),
    )


def _baseline(kind: TargetKind) -> Candidate:
    """The candidate `dummy`, which predicts without looking at any feature."""
    what = "DummyRegressor" if kind is TargetKind.REGRESSION else "DummyClassifier"
    return Candidate(
        id=BASELINE_ID,
        version="1",
        path=f"sklearn.dummy:{what}",
        description="what anybody gets who looks at no feature: others must beat it",
    )
