"""In the cell of a training: a signal model trains its models, and each of them is pickled."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from bakeoff.cell.inside.cell_api import CellApi, EntryFailure
from bakeoff.domain.candidate import Candidate
from bakeoff.domain.runs.job import Phase
from bakeoff.evaluation.market.market_snapshot import open_market
from bakeoff.evaluation.signals.answer_in_cell import errors_as_faults, seed_random
from bakeoff.settings import log_setup
from registry.code.call_signal_model import await_if_needed, trained_every_artefact
from registry.code.class_import import describe_exception
from registry.code.model_building import SignalClass, find_signal_class
from registry.columns.json_values import jsonable
from registry.models import pickling
from registry.models.model_description import describe


def train(payload: Mapping[str, Any], inside: CellApi) -> dict[str, Any]:
    """The entry of the cell: returns a description of each model, whose pickle is the output of its name."""
    candidate = Candidate.from_json(payload["candidate"])
    log_setup.set_ids(**payload["about"], modelId=candidate.id)
    seed_random()
    data = open_market(Path(payload["market"]))
    with errors_as_faults():
        found = find_signal_class(candidate, root=Path(payload["root"]), entering=inside.phase)
    inside.phase(Phase.FIT)
    as_of = date.fromisoformat(payload["asOf"])
    trained = await_if_needed(found.cls.train(data, as_of, seed=payload["seed"], **found.params))
    _require_all(trained, found)
    inside.phase(Phase.SAVE)
    for name in found.artefacts:
        _pickle(trained.models[name], name, inside)
    return {
        "models": {name: _description(trained, name) for name in found.artefacts},
        "folds": jsonable(list(trained.folds)),
    }


def _require_all(trained: Any, found: SignalClass) -> None:
    if not trained_every_artefact(trained, found):
        models = getattr(trained, "models", None)
        there = ", ".join(map(str, models)) if isinstance(models, Mapping) else type(trained).__name__
        raise EntryFailure(
            type="BadTraining",
            message=f"train of {found.path} returned {there or 'nothing'}, where a Trained with the models "
            f"{', '.join(found.artefacts)} is due",
            hint="return registry.interface.Trained(models=..., metrics=..., feature_names=...)",
        )


def _pickle(model: Any, name: str, inside: CellApi) -> None:
    with inside.output(name) as file:
        try:
            pickling.dump(model, file, empty=file.empty)
        except OSError:
            raise
        except Exception as exc:  # the model's own __reduce__ is untrusted code and raises anything
            raise EntryFailure(
                type="NotPickled",
                message=f"{name} cannot be pickled: {describe_exception(exc)}",
                hint="keep what cannot be pickled, such as a lock or a connection, out of the fitted model",
            ) from exc


def _description(trained: Any, name: str) -> dict[str, Any]:
    model = trained.models[name]
    found = describe(
        model,
        metrics=dict(trained.metrics.get(name, {})),
        hyperparameters=_hyperparameters(model),
        feature_names=trained.feature_names,
    )
    return {
        "type": found.type,
        "metrics": dict(found.metrics),
        "hyperparameters": dict(found.hyperparameters),
        "feature_names": list(found.feature_names or ()),
        "libraries": dict(found.libraries),
    }


def _hyperparameters(model: Any) -> Mapping[str, Any]:
    try:
        return dict(model.get_params())
    except Exception:  # noqa: BLE001 - a model need not have get_params, so a broken one is no fault
        return {}
