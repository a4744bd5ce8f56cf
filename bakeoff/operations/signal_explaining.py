"""Asking a signal model why it says what it says of a symbol."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from bakeoff.domain.errors import NotFoundError, about
from bakeoff.evaluation.signals import answer_in_cell
from bakeoff.evaluation.signals.saved_artefacts import resolve_artefacts
from bakeoff.evaluation.signals.signal_run_plan import market_of, pinned, registry_of, signal_model
from bakeoff.operations import process_context
from bakeoff.operations.one_off_cell import FailedAloneError, run_alone
from bakeoff.operations.signal_inputs import a_desk
from tasks.signal_runs import cure_of


@dataclass(frozen=True, kw_only=True)
class Explanation:
    model_id: str
    symbol: str
    as_of: date
    artefacts: tuple[str, ...]  #: saved models that it worked with, as URIs
    said: Mapping[str, Any]

    def to_record(self) -> dict[str, Any]:
        return {
            "modelId": self.model_id,
            "symbol": self.symbol,
            "asOf": self.as_of.isoformat(),
            "artefacts": list(self.artefacts),
            **self.said,
        }


def explain(model_id: str, symbol: str, *, as_of: date | None) -> Explanation:
    configuration = process_context.configuration()
    configuration.require_shared_dir()
    settings, model = market_of(configuration), signal_model(model_id, process_context.catalog())
    try:
        artefacts = resolve_artefacts(model, registry_of([model], configuration))
    except NotFoundError as exc:
        raise NotFoundError(f"{exc}: {cure_of(model)}") from exc
    market = pinned(settings, configuration, as_of=as_of)
    with about("symbol"):
        market.chosen([symbol])
    with a_desk(model, artefacts, dataset=market.ref, as_of=market.as_of) as desk:
        said = run_alone(desk, answer_in_cell.explain, outputs={}, symbol=symbol)
    if not isinstance(said, Mapping):
        raise FailedAloneError(
            f"explain of {model_id} returned {said!r:.100}, where a mapping with feature_importance is due"
        )
    return Explanation(
        model_id=model_id,
        symbol=symbol,
        as_of=market.as_of,
        artefacts=tuple(artefact.uri for artefact in artefacts),
        said=said,
    )
