"""Training a signal model in a cell, on the market as of a day, and saving the models it has trained."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.model_version import ModelVersion
from bakeoff.evaluation.signals import train_in_cell
from bakeoff.evaluation.signals.signal_run_plan import market_of, pinned, signal_model
from bakeoff.evaluation.signals.training_outputs import accept_training, save_together
from bakeoff.operations.context import Context
from bakeoff.operations.signals.one_off_cell import run_one_off_cell
from bakeoff.operations.signals.signal_inputs import prepared_inputs
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
