"""The plan of a run: which candidates, on which snapshot, scored by which rules."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from config.loading import Configuration
from config.settings import DatasetSettings, DatasetSource
from domain.candidate import Candidate, CandidateKind
from domain.dataset import DatasetRef, TargetKind
from domain.errors import InvalidInputError, NotFoundError
from domain.scoring import Average, ScoringRules
from evaluation.metrics.rules import resolve_rules
from evaluation.preprocess import default_pipeline
from evaluation.snapshot import classes, fields, pin
from registry.catalog import Catalog

BASELINE_ID = "dummy"

_FILE_SOURCES = {
    ".csv": DatasetSource.CSV,
    ".parquet": DatasetSource.PARQUET,
    ".pq": DatasetSource.PARQUET,
}


class RunRequest(BaseModel):
    """What somebody asks for: the same words on the command line, over HTTP and in a message."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    dataset: str = Field(min_length=1)  #: name in the configuration, or a CSV or Parquet file
    target: str | None = None  #: column to predict, when `dataset` is a file
    models: list[str] | None = None  #: ids from the catalog; None means all that are enabled
    metrics: list[str] | None = None
    seed: int | None = Field(None, ge=0, lt=2**32)
    test_size: float | None = Field(None, gt=0, lt=1)
    positive_label: str | int | float | bool | None = None
    threshold: float | None = None
    average: Average | None = None
    zero_division: float = 0.0
    repeat_check: bool = False  #: fit each candidate twice, and mark those that predict something else
    baseline: bool = True  #: add the dummy that others must beat
    name: str | None = Field(None, max_length=200)
    run_id: str | None = None  #: chosen by the caller: the same id twice is the same run

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> "RunRequest":
        try:
            return cls.model_validate(body)
        except ValidationError as exc:
            said = [f"{'.'.join(map(str, e['loc'])) or 'the body'}: {e['msg']}" for e in exc.errors()]
        raise InvalidInputError("this is no request for a run: " + "; ".join(said))


@dataclass(frozen=True, kw_only=True)
class Plan:
    dataset: DatasetRef
    candidates: tuple[Candidate, ...]
    rules: ScoringRules
    seed: int
    test_size: float
    baseline_id: str | None
    repeat_check: bool
    preparation: tuple[str, ...]  #: what plain estimators get before them, if they want it; empty: nothing
    warnings: tuple[str, ...]  #: what is odd about the data


def make_plan(request: RunRequest, *, catalog: Catalog, configuration: Configuration) -> Plan:
    settings = configuration.settings
    chosen = _choose(request.models, catalog)
    seed = settings.seed if request.seed is None else request.seed
    test_size = request.test_size or settings.test_size
    name, dataset = _dataset(request, configuration)
    pinned = pin(
        dataset,
        name=name,
        root=configuration.root,
        snapshots=configuration.snapshots,
        seed=seed,
        test_size=test_size,
    )
    rules = _rules(request, dataset, pinned.ref, pinned.folder, configuration)
    baseline = _baseline(pinned.ref.target_kind) if request.baseline else None
    return Plan(
        dataset=replace(pinned.ref, files=configuration.files_of(dataset)),
        candidates=(*([baseline] if baseline else []), *chosen),
        rules=rules,
        seed=seed,
        test_size=test_size,
        baseline_id=baseline.id if baseline else None,
        repeat_check=request.repeat_check,
        preparation=default_pipeline(fields(pinned.folder)) or (),
        warnings=pinned.warnings,
    )


def _choose(ids: Sequence[str] | None, catalog: Catalog) -> list[Candidate]:
    if ids is None:
        chosen = [c for c in catalog.candidates.values() if c.kind is CandidateKind.CANDIDATE]
    else:
        chosen = [catalog.get(model_id) for model_id in dict.fromkeys(ids) if model_id != BASELINE_ID]
    if not chosen:
        raise InvalidInputError(
            "no candidate takes part: enable one in config/models.yaml; `bakeoff models` shows what there is"
        )
    return chosen


def _dataset(request: RunRequest, configuration: Configuration) -> tuple[str, DatasetSettings]:
    named = configuration.settings.datasets.get(request.dataset)
    if named is not None:
        return request.dataset, named
    source = _FILE_SOURCES.get(Path(request.dataset).suffix.lower())
    if source is None:
        raise NotFoundError(_no_such_dataset(request.dataset, list(configuration.settings.datasets)))
    if request.target is None:
        raise InvalidInputError(
            f"which column of {request.dataset} is to be predicted? Name it: --target COLUMN"
        )
    path = str(Path(request.dataset).absolute())
    return Path(request.dataset).stem, DatasetSettings(source=source, path=path, target=request.target)


def _no_such_dataset(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    cure = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known)) or 'none'}"
    return f"there is no dataset {name} in the configuration, and it is no .csv or .parquet file: {cure}"


def _rules(
    request: RunRequest,
    dataset: DatasetSettings,
    ref: DatasetRef,
    folder: Path,
    configuration: Configuration,
) -> ScoringRules:
    positive = dataset.positive_label if request.positive_label is None else request.positive_label
    return resolve_rules(
        target_kind=ref.target_kind,
        classes=list(classes(folder)),
        metrics=request.metrics or configuration.settings.metrics,
        positive_label=positive,
        threshold=request.threshold,
        average=request.average,
        zero_division=request.zero_division,
    )


def _baseline(kind: TargetKind) -> Candidate:
    """The dummy: what anybody gets who looks at no feature at all."""
    what = "DummyRegressor" if kind is TargetKind.REGRESSION else "DummyClassifier"
    return Candidate(
        id=BASELINE_ID,
        version="1",
        path=f"sklearn.dummy:{what}",
        description="what anybody gets who looks at no feature: others must beat it",
    )
