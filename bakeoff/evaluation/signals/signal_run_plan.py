"""The plan of a run of signals: which models answer, for which symbols and date, on which market snapshot."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field

from bakeoff.domain.candidate import Candidate, CandidateKind
from bakeoff.domain.errors import InvalidInputError, in_field
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.runs.run import PRIORITIES
from bakeoff.domain.signal import LONGEST_SYMBOL, SignalJobInputs, SignalOrder
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef
from bakeoff.evaluation.market.market_pinning import STALE_DAYS, PinnedMarket, pin_market
from bakeoff.evaluation.planning.parse_request_bodies import PRINTABLE, Body, parse
from bakeoff.evaluation.signals.signal_inputs_and_fingerprint import inputs_of
from bakeoff.evaluation.user_functions.dataset_functions import Barred
from bakeoff.settings.configuration import Configuration
from bakeoff.settings.market_settings import MarketSettings, MarketSource
from registry.catalog.live_catalog import Catalog
from registry.code.call_signal_model import config_of
from registry.code.library_versions import cell_environment
from registry.models.registry_interface import BaseModelRegistry
from registry.models.registry_opening import has_registry, open_registry

_Symbol = Annotated[str, Field(min_length=1, max_length=LONGEST_SYMBOL, pattern=PRINTABLE)]
_MOST_SYMBOLS = 5_000  #: so many names fit into the body of a request; without names there may be more


def _no_number(value: Any) -> Any:
    """Refuses a number, which pydantic would read as seconds since 1970."""
    if isinstance(value, int | float):
        raise ValueError("a day is expected, such as 2025-06-30")  # noqa: TRY004 - what pydantic understands
    return value


_Day = Annotated[date, BeforeValidator(_no_number), Field(strict=False)]


class SignalBody(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"symbols": ["S0001", "S0002"], "asOf": "2025-06-30"}]}
    )

    symbols: list[_Symbol] | None = Field(None, min_length=1, max_length=_MOST_SYMBOLS)  #: None means all
    as_of: _Day | None = None  #: None means the last day of which there are prices
    models: list[str] | None = Field(None, min_length=1)  #: ids from the catalog; None: all that are enabled
    fresh: bool = False  #: generate all signals anew, whatever is known
    persist: bool = True  #: keep the ensemble
    priority: int = Field(0, ge=min(PRIORITIES), le=max(PRIORITIES))  #: jobs of a higher one go first
    name: str | None = Field(None, max_length=200, pattern=PRINTABLE)


class SignalRequest(SignalBody):
    run_id: str | None = None  #: chosen by the caller: the same id twice is the same run

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        return parse(cls, body, "request for signals")


_FEWEST_MODELS = 2  #: of an ensemble


@dataclass(frozen=True, kw_only=True)
class SignalPlan:
    dataset: DatasetRef
    order: SignalOrder
    models: tuple[Candidate, ...]
    inputs: Mapping[str, SignalJobInputs]  #: by model
    priority: int
    warnings: tuple[str, ...]  #: sentences for the person who starts it


def make_signal_plan(
    request: SignalBody, *, catalog: Callable[[], Catalog], configuration: Configuration
) -> SignalPlan:
    configuration.require_shared_dir()
    settings = market_of(configuration)
    with in_field("models"):
        models = chosen_models(request.models, catalog())
    market = pinned(settings, configuration, as_of=request.as_of)
    if request.as_of is None:
        market = replace(market, warnings=(*market.warnings, *_staleness_warnings(market, settings)))
    with in_field("symbols"):
        symbols = market.chosen(request.symbols)
    order = SignalOrder(
        symbols=symbols,
        as_of=market.as_of,
        weights={model.id: config_of(model).weight_in_ensemble for model in models},
        rules=catalog().get_ensemble_config(),
        persist=request.persist,
        fresh=request.fresh,
    )
    return _plan(order, models, market, configuration, priority=request.priority)


def plan_of_order(
    order: SignalOrder, models: tuple[Candidate, ...], configuration: Configuration
) -> SignalPlan:
    """The plan for an order that exists already: its symbols, date, weights and rules stay as they are."""
    configuration.require_shared_dir()
    market = pinned(market_of(configuration), configuration, as_of=order.as_of)
    market.chosen(order.symbols)
    return _plan(order, models, market, configuration, priority=0)


def _plan(
    order: SignalOrder,
    models: tuple[Candidate, ...],
    market: PinnedMarket,
    configuration: Configuration,
    *,
    priority: int,
) -> SignalPlan:
    inputs = inputs_by_model(models, market.ref, order.as_of, configuration)
    return SignalPlan(
        dataset=market.ref,
        order=order,
        models=models,
        inputs=inputs,
        priority=priority,
        warnings=(
            *market.warnings,
            *_single_model_warning(models),
            *_hindsight_warnings(inputs, order.as_of),
        ),
    )


def market_of(configuration: Configuration) -> MarketSettings:
    if configuration.settings.market is None:
        raise InvalidInputError(
            "there is no `market:` in the configuration: say where prices come from, such as `market: "
            "{prices: {source: csv, path: prices.csv}}`; docs/guide/market-data.md says what is in them"
        )
    return configuration.settings.market


def pinned(settings: MarketSettings, configuration: Configuration, *, as_of: date | None) -> PinnedMarket:
    with in_field("asOf"):
        _refuse_the_future(as_of)
        return pin_market(
            settings,
            root=configuration.root,
            snapshots=configuration.snapshots,
            as_of=as_of,
            barred=Barred.by(configuration),
        )


def _refuse_the_future(as_of: date | None) -> None:
    """Refuses a date in the future. Tomorrow is allowed: in another time zone it may be today."""
    if as_of is not None and as_of > utc_now().date() + timedelta(days=1):
        raise InvalidInputError(f"{as_of} has not come yet: name a day up to today, or none for the last one")


def _staleness_warnings(market: PinnedMarket, settings: MarketSettings) -> tuple[str, ...]:
    """Warns if the request has no date and the last day with prices is long ago."""
    age = (utc_now().date() - market.as_of).days
    if age <= STALE_DAYS or settings.prices.source is MarketSource.SYNTHETIC:
        return ()
    return (f"prices: the last ones are of {market.as_of}, {age} days ago",)


def chosen_models(ids: Sequence[str] | None, catalog: Catalog) -> tuple[Candidate, ...]:
    """Signal models, each once; None means all that are enabled."""
    if ids is None:
        found = tuple(c for c in catalog.candidates.values() if c.kind is CandidateKind.SIGNAL)
        if not found:
            raise InvalidInputError(
                f"no signal model is enabled: add one to {catalog.file}, with `kind: signal`; "
                "`bakeoff models` shows what there is"
            )
        return found
    return tuple(signal_model(model_id, catalog) for model_id in dict.fromkeys(ids))


def signal_model(model_id: str, catalog: Catalog) -> Candidate:
    found = catalog.get(model_id)
    if found.kind is not CandidateKind.SIGNAL:
        raise InvalidInputError(
            f"{model_id} is a candidate for bake-offs, and answers for no symbols: `bakeoff models` shows "
            "which are signal models"
        )
    return found


def inputs_by_model(
    models: Sequence[Candidate], dataset: DatasetRef, as_of: date, configuration: Configuration
) -> dict[str, SignalJobInputs]:
    """The signal_inputs of each model, by its id."""
    registry, present = registry_of(models, configuration), cell_environment()

    def signal_inputs(model: Candidate) -> SignalJobInputs:
        return inputs_of(
            model,
            dataset=dataset,
            as_of=as_of,
            registry=registry,
            root=configuration.root.resolve(),
            surroundings=present,
        )

    return {model.id: signal_inputs(model) for model in models}


def registry_of(models: Sequence[Candidate], configuration: Configuration) -> BaseModelRegistry | None:
    """The registry; None if no model needs it or nothing was ever saved: opening would create files."""
    has_saved = configuration.settings.model_registry.backend != "none" and has_registry(configuration)
    return open_registry(configuration) if has_saved and any(model.artefacts for model in models) else None


def _hindsight_warnings(inputs: Mapping[str, SignalJobInputs], as_of: date) -> tuple[str, ...]:
    """Warn of models that learned from data after the date of the signals."""
    return tuple(
        f"{model_id} learned as of {learned}, so it knows what came after {as_of}, and its answers prove "
        f"nothing; `bakeoff signals train {model_id} --as-of {as_of}` trains one that does not"
        for model_id, signal_inputs in inputs.items()
        if (learned := signal_inputs.learned_as_of) is not None and learned > as_of.isoformat()
    )


def _single_model_warning(models: Sequence[Candidate]) -> tuple[str, ...]:
    if len(models) >= _FEWEST_MODELS:
        return ()
    return (
        f"{models[0].id} is the only model that answers: an ensemble is made of {_FEWEST_MODELS} or more",
    )
