"""What happens in the cell of a signal model: it gets the market and its saved models, and is asked."""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.cell.inside.cell_api import CellApi, Fault
from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.job import Phase
from bakeoff.evaluation.market.open_market import open_market
from bakeoff.evaluation.signals.saved_artefacts import ArtefactCopy, load
from bakeoff.evaluation.signals.signal_job_inputs import SEED
from bakeoff.settings import log_setup
from registry.code.file_access_audit import FileAccessAudit
from registry.code.library_versions import loaded_surroundings
from registry.code.model_building import LoadError
from registry.code.signal_models import BadSignalsError, answers_to_json, ask, awaited, construct
from registry.columns.json_values import jsonable

if TYPE_CHECKING:
    from registry.interface import ModelPlugin


@dataclass(frozen=True, kw_only=True)
class Ready:
    plugin: "ModelPlugin"
    as_of: date


def answer(payload: Mapping[str, Any], inside: CellApi) -> dict[str, Any]:
    """What it says of each of the symbols."""
    audit = FileAccessAudit(private=(inside.scratch, Path.cwd(), *private_places(payload)))
    if payload["audited"]:
        audit.begin()
    ready = get_ready(payload, inside)
    inside.phase(Phase.ASK)
    began = time.perf_counter()
    with in_words():
        answers = ask(ready.plugin, payload["symbols"], ready.as_of)
    return {
        "answers": answers_to_json(answers),
        "askSeconds": time.perf_counter() - began,
        "audit": audit.testimony(),
        "surroundings": loaded_surroundings(),
    }


def get_ready(payload: Mapping[str, Any], inside: CellApi) -> Ready:
    candidate = Candidate.from_json(payload["candidate"])
    log_setup.begin(**payload["about"], modelId=candidate.id)
    sow()
    data = open_market(Path(payload["market"]))
    copies = [ArtefactCopy.from_json(copy) for copy in payload["artefacts"]]
    if copies:
        inside.phase(Phase.LOAD)
    with in_words():
        saved = load(copies)
        plugin = construct(candidate, data, saved, root=Path(payload["root"]), entering=inside.phase)
    return Ready(plugin=plugin, as_of=date.fromisoformat(payload["asOf"]))


def sow() -> None:
    """Chance is the same each time."""
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - plugins may use the old global generator


def private_places(payload: Mapping[str, Any]) -> list[Path]:
    """What it is given to read, and what tells nothing of it."""
    return [Path(payload["market"]), *(Path(copy["file"]).parent for copy in payload["artefacts"])]


@contextmanager
def in_words() -> Iterator[None]:
    """What we notice ourselves is told in our words, and without a traceback of our own code."""
    try:
        yield
    except LoadError as exc:
        raise Fault(type="LoadError", message=exc.cause, hint=exc.fix, traceback=exc.traceback) from exc
    except BadSignalsError as exc:
        raise Fault(type="BadSignals", message=exc.message, hint=exc.hint) from exc
    except BakeoffError as exc:
        raise Fault(type=type(exc).__name__, message=str(exc)) from exc


def explain(payload: Mapping[str, Any], inside: CellApi) -> Any:
    """Why it says what it says of one symbol."""
    ready = get_ready(payload, inside)
    inside.phase(Phase.ASK)
    return jsonable(awaited(ready.plugin.explain(payload["symbol"])))
