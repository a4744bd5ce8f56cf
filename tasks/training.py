"""Training a signal model: it learns in a cell, from the market as of a day, and what it learned is saved."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from domain.candidate import Candidate
from domain.errors import InvalidInputError
from domain.model_version import ModelVersion
from evaluation.signals.plan import market_of, pinned, signal_model
from evaluation.signals.trained import harvest, save
from registry.opening import open_registry
from tasks import wiring
from tasks.alone import run_alone
from tasks.desks import a_desk


@dataclass(frozen=True, kw_only=True)
class Trained:
    model: Candidate
    as_of: date
    versions: tuple[ModelVersion, ...]
    warnings: tuple[str, ...]  #: what is odd about the market data


def train(model_id: str, *, as_of: date | None) -> Trained:
    configuration = wiring.configuration()
    configuration.require_shared_dir()
    settings, model = market_of(configuration), signal_model(model_id, wiring.catalog())
    if not model.artefacts:
        raise InvalidInputError(
            f"{model_id} works without saved models, so there is nothing to train: `bakeoff signals generate`"
        )
    registry = open_registry(configuration)
    market = pinned(settings, configuration, as_of=as_of)
    with (
        TemporaryDirectory(prefix="bakeoff-training-") as scratch,
        a_desk(model, (), dataset=market.ref, as_of=market.as_of) as desk,
    ):
        files = {name: Path(scratch) / f"{place}.pkl" for place, name in enumerate(model.artefacts)}
        report = run_alone(desk, "training:train", outputs=files, seed=configuration.settings.seed)
        lessons = harvest(report, files, candidate=model, dataset=market.ref, as_of=market.as_of)
        versions = save(lessons, registry)
    return Trained(model=model, as_of=market.as_of, versions=versions, warnings=market.warnings)
