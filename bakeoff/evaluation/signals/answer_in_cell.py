"""In the cell of a signal model: construct it with the market and its saved models, and let it answer."""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.cell.inside.cell_api import CellApi, EntryFailure
from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.runs.job import Phase
from bakeoff.evaluation.market.market_snapshot import open_market
from bakeoff.evaluation.signals.artefacts_for_signal_cell import ArtefactCopy, unpickle_copies
from bakeoff.evaluation.signals.signal_inputs_and_fingerprint import SEED
from bakeoff.settings import log_setup
from registry.code.call_signal_model import (
    BadSignalsError,
    answers_to_json,
    await_if_needed,
    checked_signals,
    construct,
)
from registry.code.file_access_audit import FileAccessAudit
from registry.code.library_versions import loaded_environment
from registry.code.model_building import LoadError
from registry.columns.json_values import jsonable

if TYPE_CHECKING:
    from registry.interface import ModelPlugin


@dataclass(frozen=True, kw_only=True)
class ConstructedPlugin:
    plugin: "ModelPlugin"
    as_of: date


def answer(payload: Mapping[str, Any], inside: CellApi) -> dict[str, Any]:
    """The entry of the cell: returns the model's signals for the symbols of the payload, and what it used."""
    # The audit leaves out the model's inputs, because the fingerprint has them already.
    inputs = (Path(payload["market"]), *(Path(copy["file"]).parent for copy in payload["artefacts"]))
    audit = FileAccessAudit(private=(inside.scratch, Path.cwd(), *inputs))
    if payload["audited"]:
        audit.begin()
    constructed = _construct(payload, inside)
    inside.phase(Phase.ASK)
    began = time.perf_counter()
    with errors_as_faults():
        answers = checked_signals(constructed.plugin, payload["symbols"], constructed.as_of)
    return {
        "answers": answers_to_json(answers),
        "askSeconds": time.perf_counter() - began,
        "audit": audit.report(),
        "surroundings": loaded_environment(),
    }


def _construct(payload: Mapping[str, Any], inside: CellApi) -> ConstructedPlugin:
    candidate = Candidate.from_json(payload["candidate"])
    log_setup.set_ids(**payload["about"], modelId=candidate.id)
    seed_random()
    data = open_market(Path(payload["market"]))
    copies = [ArtefactCopy.from_json(copy) for copy in payload["artefacts"]]
    if copies:
        inside.phase(Phase.LOAD)
    with errors_as_faults():
        saved = unpickle_copies(copies)
        plugin = construct(candidate, data, saved, root=Path(payload["root"]), entering=inside.phase)
    return ConstructedPlugin(plugin=plugin, as_of=date.fromisoformat(payload["asOf"]))


def seed_random() -> None:
    """Give the plugin the same random numbers each time."""
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - plugins may use the old global generator


@contextmanager
def errors_as_faults() -> Iterator[None]:
    """Report an error that our own code raises by its message and hint, without a traceback of our code."""
    try:
        yield
    except LoadError as exc:
        raise EntryFailure(
            type="LoadError", message=exc.cause, hint=exc.fix, traceback=exc.traceback
        ) from exc
    except BadSignalsError as exc:
        raise EntryFailure(type="BadSignals", message=exc.message, hint=exc.hint) from exc
    except BakeoffError as exc:
        raise EntryFailure(type=type(exc).__name__, message=str(exc)) from exc


def explain(payload: Mapping[str, Any], inside: CellApi) -> Any:
    """The entry of the cell: returns the model's explanation of its signal for one symbol."""
    constructed = _construct(payload, inside)
    inside.phase(Phase.ASK)
    return jsonable(await_if_needed(constructed.plugin.explain(payload["symbol"])))
