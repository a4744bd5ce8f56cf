"""The ensemble of a catalog's signal models: they are asked; what they say is combined, kept and read."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from bakeoff.domain.ensemble import combine
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.signal import EnsembleSignal, SignalOrder
from bakeoff.inference.ask_models import Ask, InProcess, Said, desk_with
from registry.catalog.live_catalog import Catalog
from registry.code.signal_models import config_of

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine


class EnsembleService:
    """Any number of threads may ask one service. It asks those models that are in the catalog at the time."""

    def __init__(
        self,
        catalog: Catalog,
        data: "Mapping[str, pd.DataFrame] | None" = None,
        artefacts: Mapping[str, Any] | None = None,
        *,
        ask: Ask | None = None,
        engine: "Engine | None" = None,
        time_limit_s: float = 60.0,
    ) -> None:
        """Models are asked in this process, with `data` (frames by name, as docs/guide/signals.md says) and
        `artefacts` (fitted models by name), unless `ask` says how they are asked.

        `engine`: of the database in which the ensemble is kept; with None nothing can be kept or read.
        `time_limit_s`: of a model that has no `timeout` in the catalog.
        """
        self._catalog = catalog
        self._engine = engine
        self._ask = ask or InProcess(
            desk=desk_with(data or {}, artefacts or {}),
            root=catalog.root,
            engine=engine,
            time_limit_s=time_limit_s,
        )

    def generate_ensemble_signals(
        self,
        symbols: Sequence[str],
        as_of: date,
        persist: bool = True,  # noqa: FBT001, FBT002
    ) -> tuple[EnsembleSignal, ...]:
        """The best first. A symbol that fewer than two models answered for has none."""
        if persist and self._engine is None:
            raise InvalidInputError(
                "there is no database to keep the ensemble in: give the service an engine, or ask with "
                "persist=False"
            )
        models = self._catalog.contents.signal_models
        if not models:
            raise InvalidInputError(
                f"no signal model is enabled: add one to {self._catalog.file}, with `kind: signal`"
            )
        self._catalog.validate_weights()
        order = SignalOrder(
            symbols=tuple(dict.fromkeys(symbols)),
            as_of=as_of,
            weights={id_: config_of(model).weight_in_ensemble for id_, model in models.items()},
            rules=self._catalog.get_ensemble_config(),
            persist=persist,
        )
        said = self._ask(order, models)
        signals = combine(said.answers, as_of=as_of, weights=order.weights, rules=order.rules)
        if self._engine is not None and persist and not said.is_kept:
            self._keep(self._engine, signals, said)
        return signals

    def get_ensemble_signal(self, symbol: str, as_of: date) -> EnsembleSignal | None:
        """As it was kept; else it is generated, and kept where there is a database. None: there is none."""
        kept = self._kept(symbol, as_of)
        if kept is not None:
            return kept
        generated = self.generate_ensemble_signals([symbol], as_of, persist=self._engine is not None)
        return generated[0] if generated else None

    def _keep(self, engine: "Engine", signals: Sequence[EnsembleSignal], said: Said) -> None:
        from bakeoff.store.database import schema_version
        from bakeoff.store.signals import ensemble_signals

        schema_version.ensure(engine)
        versions = {id_: self._catalog.get_model_config(id_).version for id_ in said.answers}
        ensemble_signals.add(engine, signals, models=versions, failed=list(said.failed))

    def _kept(self, symbol: str, as_of: date) -> EnsembleSignal | None:
        if self._engine is None:
            return None
        from bakeoff.store.database import schema_version
        from bakeoff.store.signals import ensemble_signals

        schema_version.ensure(self._engine)
        kept = ensemble_signals.get(self._engine, symbol, as_of)
        return kept.signal if kept else None
