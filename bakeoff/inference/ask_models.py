"""Asking signal models in this process, each in a thread, so that one that fails or is slow spoils no other.

What a cell would end is not ended here: a model that ends the process ends it, and one that goes on too long
goes on until the process ends.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from bakeoff.domain.background_work import begin
from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.signal import ModelOutput, SignalOrder, ranked
from registry.code.class_import import describe_exception
from registry.code.signal_models import checked_signals, construct

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine

log = logging.getLogger(__name__)

Answers = tuple[ModelOutput, ...]


@dataclass(frozen=True, kw_only=True)
class Said:
    """What came of asking."""

    answers: Mapping[str, Answers]  #: by model; those that failed are not among them
    failed: Mapping[str, str] = field(default_factory=dict)  #: why, by model
    is_kept: bool = False  #: whoever asked has kept the ensemble, too, if it was to be kept


class Ask(Protocol):
    """A way to ask models. One that fails or is slow is named as failed, and spoils no other."""

    def __call__(self, order: SignalOrder, models: Mapping[str, Candidate]) -> Said:
        """Each of the models, for the symbols of the order."""


@dataclass(frozen=True, kw_only=True)
class ModelDesk:
    """What a model is given to answer with."""

    data: "Mapping[str, pd.DataFrame]"
    artefacts: Mapping[str, Any] = field(default_factory=dict)
    #: Of all that its answers depend on. None: nobody knows it, so they are neither looked up nor kept.
    fingerprint: str | None = None


@dataclass(frozen=True, kw_only=True)
class InProcess:
    desk: Callable[[Candidate, date], ModelDesk]  #: what it raises is why the model has not answered
    root: Path  #: the folder that plugins are imported from
    engine: "Engine | None" = None  #: where what is said is known from, and kept; None: nowhere
    time_limit_s: float = 60.0  #: of a model that has no `timeout` in the catalog

    def __call__(self, order: SignalOrder, models: Mapping[str, Candidate]) -> Said:
        began = monotonic()
        asked = {id_: begin(partial(self._ask, model, order)) for id_, model in models.items()}
        answers, failed = dict[str, Answers](), dict[str, str]()
        for model_id, answer in asked.items():
            limit_s = models[model_id].timeout_s or self.time_limit_s
            wait([answer], max(0.0, began + limit_s - monotonic()))
            if (why := _why_not(answer, limit_s)) is None:
                answers[model_id] = answer.result()
            else:
                failed[model_id] = why
                log.warning("signal model %s has not answered: %s", model_id, why)
        return Said(answers=answers, failed=failed)

    def _ask(self, model: Candidate, order: SignalOrder) -> Answers:
        desk = self.desk(model, order.as_of)
        known = {} if order.fresh else self._known(model, desk, order)
        missing = [symbol for symbol in order.symbols if symbol not in known]
        if not missing:
            return ranked(known.values())
        plugin = construct(model, desk.data, desk.artefacts, root=self.root)
        answers = ranked((*known.values(), *checked_signals(plugin, missing, order.as_of)))
        self._keep(model, desk, order, answers)
        return answers

    def _known(self, model: Candidate, desk: ModelDesk, order: SignalOrder) -> dict[str, ModelOutput]:
        if self.engine is None or desk.fingerprint is None:
            return {}
        from bakeoff.store.signals import model_signals

        return model_signals.known_answers(
            self.engine,
            model_id=model.id,
            fingerprint=desk.fingerprint,
            as_of=order.as_of,
            symbols=order.symbols,
        )

    def _keep(
        self, model: Candidate, desk: ModelDesk, order: SignalOrder, answers: Iterable[ModelOutput]
    ) -> None:
        if self.engine is None or desk.fingerprint is None:
            return
        from bakeoff.store.database.engine import now, writing
        from bakeoff.store.signals import model_signals

        with writing(self.engine) as connection:
            model_signals.write_answers(
                connection,
                model_id=model.id,
                model_version=model.version,
                fingerprint=desk.fingerprint,
                as_of=order.as_of,
                answers=answers,
                at=now(connection),
            )


def _why_not(answer: "Future[Answers]", limit_s: float) -> str | None:
    """None: it has answered."""
    if not answer.done():
        return f"it took longer than {limit_s:g} s"
    error = answer.exception()
    if error is None:
        return None
    return str(error) if isinstance(error, BakeoffError) else describe_exception(error)


def desk_with(
    data: "Mapping[str, pd.DataFrame]", artefacts: Mapping[str, Any]
) -> Callable[[Candidate, date], ModelDesk]:
    """Frames and fitted models that somebody has at hand. Later rows are cut off; each model has its own."""

    def desk(model: Candidate, as_of: date) -> ModelDesk:
        from bakeoff.domain.errors import NotFoundError

        missing = [name for name in model.artefacts if name not in artefacts]
        if missing:
            raise NotFoundError(
                f"{model.id} works with {', '.join(missing)}: give it as `artefacts={{{missing[0]!r}: ...}}`"
            )
        return ModelDesk(
            data={name: _until(as_of, frame) for name, frame in data.items()},
            artefacts={name: artefacts[name] for name in model.artefacts},
        )

    return desk


def _until(as_of: date, frame: "pd.DataFrame") -> "pd.DataFrame":
    """A frame of its own in any case: what is changed in it changes no other."""
    import pandas as pd

    frame = frame.copy(deep=False)
    for day in _DAYS:
        if day in frame.columns:
            frame = frame[pd.to_datetime(frame[day]) <= pd.Timestamp(as_of)]
    return frame


_DAYS = ("date", "known_on")  #: columns that say when a row was known
