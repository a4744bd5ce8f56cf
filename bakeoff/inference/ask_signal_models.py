"""Asks signal models for the answers of an ensemble: the interface, and the implementation in this process.

Each model runs in a thread of its own, so that one that fails or is slow does not affect the others. Without
a cell nothing stops a model: one that calls exit ends this process, and one that takes too long runs on.
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

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.machine.work_in_thread import start_in_thread
from bakeoff.domain.signal import ModelOutput, SignalOrder, ranked
from registry.code.call_signal_model import checked_signals, construct, in_probabilities, sell_remark
from registry.code.class_import import describe_exception

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine

log = logging.getLogger(__name__)

Answers = tuple[ModelOutput, ...]


@dataclass(frozen=True, kw_only=True)
class ModelAnswers:
    answers: Mapping[str, Answers]  #: by model; those that failed are not among them
    failed: Mapping[str, str] = field(default_factory=dict)  #: why, by model
    is_stored: bool = False  #: True if the source has stored the ensemble already


class AnswerSource(Protocol):
    """A way to get answers. A model that fails or is slow goes into `failed` and affects no other."""

    def __call__(self, order: SignalOrder, models: Mapping[str, Candidate]) -> ModelAnswers:
        """The answers of each of the models, for the symbols of the order."""


@dataclass(frozen=True, kw_only=True)
class ModelInputs:
    """What a model is constructed with."""

    data: "Mapping[str, pd.DataFrame]"
    artefacts: Mapping[str, Any] = field(default_factory=dict)
    #: The fingerprint of all that its answers depend on. None: unknown, so answers are not looked up or
    #: stored.
    fingerprint: str | None = None


@dataclass(frozen=True, kw_only=True)
class InProcessSource:
    inputs: Callable[[Candidate, date], ModelInputs]  #: if it raises, the model has failed for that reason
    root: Path  #: the folder that plugins are imported from
    engine: "Engine | None" = None  #: of the database of earlier answers; None: none are read or stored
    time_limit_s: float = 60.0  #: of a model that has no `timeout` in the catalog

    def __call__(self, order: SignalOrder, models: Mapping[str, Candidate]) -> ModelAnswers:
        began = monotonic()
        started = {
            id_: start_in_thread(partial(self._answers_of, model, order)) for id_, model in models.items()
        }
        answers, failed = dict[str, Answers](), dict[str, str]()
        for model_id, answer in started.items():
            limit_s = models[model_id].timeout_s or self.time_limit_s
            wait([answer], max(0.0, began + limit_s - monotonic()))
            if (why := _why_not(answer, limit_s)) is None:
                answers[model_id] = answer.result()
            else:
                failed[model_id] = why
                log.warning("signal model %s has not answered: %s", model_id, why)
        return ModelAnswers(answers=answers, failed=failed)

    def _answers_of(self, model: Candidate, order: SignalOrder) -> Answers:
        inputs = self.inputs(model, order.as_of)
        known = {} if order.fresh else self._known(model, inputs, order)
        missing = [symbol for symbol in order.symbols if symbol not in known]
        if not missing:
            return ranked(known.values())
        plugin = construct(model, inputs.data, inputs.artefacts, root=self.root)
        answers = _with_known(model, known, checked_signals(plugin, missing, order.as_of))
        self._store(model, inputs, order, answers)
        return answers

    def _known(self, model: Candidate, inputs: ModelInputs, order: SignalOrder) -> dict[str, ModelOutput]:
        if self.engine is None or inputs.fingerprint is None:
            return {}
        from bakeoff.store.signals import stored_answers_of_signal_models

        return stored_answers_of_signal_models.known_answers(
            self.engine,
            model_id=model.id,
            fingerprint=inputs.fingerprint,
            as_of=order.as_of,
            symbols=order.symbols,
        )

    def _store(
        self, model: Candidate, inputs: ModelInputs, order: SignalOrder, answers: Iterable[ModelOutput]
    ) -> None:
        if self.engine is None or inputs.fingerprint is None:
            return
        from bakeoff.store.database.engine_and_transactions import now, writing
        from bakeoff.store.signals import stored_answers_of_signal_models

        with writing(self.engine) as connection:
            stored_answers_of_signal_models.write_answers(
                connection,
                model_id=model.id,
                model_version=model.version,
                fingerprint=inputs.fingerprint,
                as_of=order.as_of,
                answers=answers,
                at=now(connection),
            )


def _with_known(model: Candidate, known: Mapping[str, ModelOutput], new: Answers) -> Answers:
    answers = in_probabilities(model, new)
    if (remark := sell_remark(model, answers)) is not None:
        log.warning("signal model %s: %s", model.id, "; ".join(remark))
    return ranked((*known.values(), *answers))


def _why_not(answer: "Future[Answers]", limit_s: float) -> str | None:
    """Why the model has not answered; None if it has."""
    if not answer.done():
        return f"it took longer than {limit_s:g} s"
    error = answer.exception()
    if error is None:
        return None
    return str(error) if isinstance(error, BakeoffError) else describe_exception(error)


def inputs_from(
    data: "Mapping[str, pd.DataFrame]", artefacts: Mapping[str, Any]
) -> Callable[[Candidate, date], ModelInputs]:
    """The inputs from given frames and fitted models. Each model gets copies without later rows."""

    def inputs(model: Candidate, as_of: date) -> ModelInputs:
        from bakeoff.domain.errors import NotFoundError

        missing = [name for name in model.artefacts if name not in artefacts]
        if missing:
            raise NotFoundError(
                f"{model.id} works with {', '.join(missing)}: give it as `artefacts={{{missing[0]!r}: ...}}`"
            )
        return ModelInputs(
            data={name: _until(as_of, frame) for name, frame in data.items()},
            artefacts={name: artefacts[name] for name in model.artefacts},
        )

    return inputs


def _until(as_of: date, frame: "pd.DataFrame") -> "pd.DataFrame":
    """A copy of the frame without later rows."""
    import pandas as pd

    frame = frame.copy(deep=False)
    for day in _DAY_COLUMNS:
        if day in frame.columns:
            frame = frame[pd.to_datetime(frame[day]) <= pd.Timestamp(as_of)]
    return frame


_DAY_COLUMNS = ("date", "known_on")  #: columns that say when a row was known
