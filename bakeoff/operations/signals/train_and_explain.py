"""Has a signal model train, or explain a signal, in a cell for a command; trained models are saved."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import InvalidInputError, NotFoundError, in_field
from bakeoff.domain.model_version import ModelVersion
from bakeoff.evaluation.signals import answer_in_cell, train_in_cell
from bakeoff.evaluation.signals.accept_and_save_training import accept_training, save_together
from bakeoff.evaluation.signals.artefacts_for_signal_cell import resolve_artefacts
from bakeoff.evaluation.signals.signal_run_plan import market_of, pinned, registry_of, signal_model
from bakeoff.operations.context import Context
from bakeoff.operations.signals.signal_model_cells import (
    OneOffCellFailedError,
    prepared_inputs,
    run_one_off_cell,
)
from bakeoff.operations.signals.start_signals import how_to_train
from registry.models.registry_opening import open_registry


@dataclass(frozen=True, kw_only=True)
class TrainedModels:
    model: Candidate
    as_of: date
    versions: tuple[ModelVersion, ...]
    warnings: tuple[str, ...]  #: what is odd about the market data


def train_signal_model(context: Context, model_id: str, *, as_of: date | None) -> TrainedModels:
    configuration = context.configuration
    configuration.require_shared_dir()
    settings, model = market_of(configuration), signal_model(model_id, context.catalog())
    if not model.artefacts:
        raise InvalidInputError(
            f"{model_id} works without saved models, so there is nothing to train: `bakeoff signals generate`"
        )
    registry = open_registry(configuration)
    market = pinned(settings, configuration, as_of=as_of)
    with (
        TemporaryDirectory(prefix="bakeoff-training-") as scratch,
        prepared_inputs(context, model, (), dataset=market.ref, as_of=market.as_of) as inputs,
    ):
        files = {name: Path(scratch) / f"{place}.pkl" for place, name in enumerate(model.artefacts)}
        report = run_one_off_cell(
            context, inputs, train_in_cell.train, outputs=files, seed=configuration.settings.seed
        )
        artefacts = accept_training(report, files, candidate=model, dataset=market.ref, as_of=market.as_of)
        versions = save_together(artefacts, registry)
    return TrainedModels(model=model, as_of=market.as_of, versions=versions, warnings=market.warnings)


@dataclass(frozen=True, kw_only=True)
class Explanation:
    model_id: str
    symbol: str
    as_of: date
    artefacts: tuple[str, ...]  #: the saved models that it used, as URIs
    said: Mapping[str, Any]

    def to_record(self) -> dict[str, Any]:
        return {
            "modelId": self.model_id,
            "symbol": self.symbol,
            "asOf": self.as_of.isoformat(),
            "artefacts": list(self.artefacts),
            **self.said,
        }


def explain_signal(context: Context, model_id: str, symbol: str, *, as_of: date | None) -> Explanation:
    configuration = context.configuration
    configuration.require_shared_dir()
    settings, model = market_of(configuration), signal_model(model_id, context.catalog())
    market = pinned(settings, configuration, as_of=as_of)
    try:
        artefacts = resolve_artefacts(model, registry_of([model], configuration), as_of=market.as_of)
    except NotFoundError as exc:
        raise NotFoundError(f"{exc}: {how_to_train(model, market.as_of)}") from exc
    with in_field("symbol"):
        market.chosen([symbol])
    with prepared_inputs(context, model, artefacts, dataset=market.ref, as_of=market.as_of) as inputs:
        said = run_one_off_cell(context, inputs, answer_in_cell.explain, outputs={}, symbol=symbol)
    if not isinstance(said, Mapping):
        raise OneOffCellFailedError(
            f"explain of {model_id} returned {said!r:.100}, where a mapping with feature_importance is due"
        )
    return Explanation(
        model_id=model_id,
        symbol=symbol,
        as_of=market.as_of,
        artefacts=tuple(artefact.uri for artefact in artefacts),
        said=said,
    )
