"""The ensemble of a catalog's signal models: get their answers, combine them, store the result, read it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from bakeoff.domain.ensemble import combine
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.signal import EnsembleSignal, SignalOrder
from bakeoff.inference.ask_signal_models import AnswerSource, InProcessSource, ModelAnswers, inputs_from
from registry.catalog.live_catalog import Catalog
from registry.code.call_signal_model import config_of

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine


class EnsembleService:
    """Any number of threads may use one service. Each call uses the models that are in the catalog then."""

    def __init__(
        self,
        catalog: Catalog,
        data: "Mapping[str, pd.DataFrame] | None" = None,
        artefacts: Mapping[str, Any] | None = None,
        *,
        source: AnswerSource | None = None,
        engine: "Engine | None" = None,
        time_limit_s: float = 60.0,
    ) -> None:
        """Models answer in this process, with `data` (frames by name, see docs/guide/signals.md) and
        `artefacts` (fitted models by name), unless `source` gets their answers in another way.

        `engine`: of the database that stores the ensemble; with None nothing is stored or read.
        `time_limit_s`: for a model that has no `timeout` in the catalog.
        """
        self._catalog = catalog
        self._engine = engine
        self._source = source or InProcessSource(
            inputs=inputs_from(data or {}, artefacts or {}),
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
        """The best first. A symbol for which fewer than two models answered has no signal."""
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
        found = self._source(order, models)
        signals = combine(found.answers, as_of=as_of, weights=order.weights, rules=order.rules)
        if self._engine is not None and persist and not found.is_stored:
            self._store(self._engine, signals, found)
        return signals

    def get_ensemble_signal(self, symbol: str, as_of: date) -> EnsembleSignal | None:
        """The stored signal; else it is generated, and stored if there is a database.

        None if fewer than two models answer for the symbol.
        """
        stored = self._stored(symbol, as_of)
        if stored is not None:
            return stored
        generated = self.generate_ensemble_signals([symbol], as_of, persist=self._engine is not None)
        return generated[0] if generated else None

    def _store(self, engine: "Engine", signals: Sequence[EnsembleSignal], found: ModelAnswers) -> None:
        from bakeoff.store.database import schema_version
        from bakeoff.store.signals import ensemble_signals

        schema_version.ensure(engine)
        versions = {id_: self._catalog.get_model_config(id_).version for id_ in found.answers}
        ensemble_signals.add(engine, signals, models=versions, failed=list(found.failed))

    def _stored(self, symbol: str, as_of: date) -> EnsembleSignal | None:
        if self._engine is None:
            return None
        from bakeoff.store.database import schema_version
        from bakeoff.store.signals import ensemble_signals

        schema_version.ensure(self._engine)
        stored = ensemble_signals.get(self._engine, symbol, as_of)
        return stored.signal if stored else None
