"""The plan of a run of signals: which models are asked, for what, on which snapshot of the market."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from config.loading import Configuration
from config.market import MarketSettings
from domain.candidate import Candidate, CandidateKind
from domain.dataset import DatasetRef
from domain.errors import InvalidInputError, about
from domain.signal import Commission, SignalOrder
from evaluation.market.pinning import PinnedMarket, pin_market
from evaluation.signals.commission import commission_of
from evaluation.signals.request import SignalBody
from registry.backend import BaseModelRegistry
from registry.catalog import Catalog
from registry.libraries import surroundings
from registry.opening import has_registry, open_registry
from registry.signals import config_of

_FEWEST = 2  #: models that an ensemble is made of


@dataclass(frozen=True, kw_only=True)
class SignalPlan:
    dataset: DatasetRef
    order: SignalOrder
    models: tuple[Candidate, ...]
    commissions: Mapping[str, Commission]  #: by model
    priority: int
    warnings: tuple[str, ...]  #: for the person who starts it


def make_signal_plan(
    request: SignalBody, *, catalog: Callable[[], Catalog], configuration: Configuration
) -> SignalPlan:
    configuration.require_shared_dir()
    settings = market_of(configuration)
    with about("models"):
        models = chosen(request.models, catalog())
    market = pinned(settings, configuration, as_of=request.as_of)
    with about("symbols"):
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
    """For what somebody has made up already."""
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
    return SignalPlan(
        dataset=market.ref,
        order=order,
        models=models,
        commissions=commissioned(models, market.ref, order.as_of, configuration),
        priority=priority,
        warnings=(*market.warnings, *_lonely(models)),
    )


def market_of(configuration: Configuration) -> MarketSettings:
    if configuration.settings.market is None:
        raise InvalidInputError(
            "there is no `market:` in the configuration: say where prices come from, such as "
            "`market: {prices: {source: csv, path: prices.csv}}`; docs/market-data.md says what is in them"
        )
    return configuration.settings.market


def pinned(settings: MarketSettings, configuration: Configuration, *, as_of: date | None) -> PinnedMarket:
    with about("asOf"):
        return pin_market(settings, root=configuration.root, snapshots=configuration.snapshots, as_of=as_of)


def chosen(ids: Sequence[str] | None, catalog: Catalog) -> tuple[Candidate, ...]:
    """Signal models, each once; all that are enabled for None."""
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


def commissioned(
    models: Sequence[Candidate], dataset: DatasetRef, as_of: date, configuration: Configuration
) -> dict[str, Commission]:
    """By model."""
    registry, present = registry_of(models, configuration), surroundings()

    def commission(model: Candidate) -> Commission:
        return commission_of(
            model,
            dataset=dataset,
            as_of=as_of,
            registry=registry,
            root=configuration.root.resolve(),
            surroundings=present,
        )

    return {model.id: commission(model) for model in models}


def registry_of(models: Sequence[Candidate], configuration: Configuration) -> BaseModelRegistry | None:
    """None where none of them works with saved models, or nothing was ever saved: looking makes no file."""
    is_kept = configuration.settings.model_registry.backend != "none" and has_registry(configuration)
    return open_registry(configuration) if is_kept and any(model.artefacts for model in models) else None


def _lonely(models: Sequence[Candidate]) -> tuple[str, ...]:
    if len(models) >= _FEWEST:
        return ()
    return (f"{models[0].id} is the only model that is asked: an ensemble is made of {_FEWEST} or more",)
