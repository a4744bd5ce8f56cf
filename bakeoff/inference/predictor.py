"""Asks saved models: loads one, and follows its stage or alias when another version is promoted."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

from numpy.typing import NDArray

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.model_version import ModelVersion, parse_uri
from bakeoff.inference.loaded_version import Answer, Served
from registry.code.class_import import describe_exception
from registry.models.registry_interface import BaseModelRegistry, Identifier

log = logging.getLogger(__name__)

REFRESH_S = 5.0


@dataclass(frozen=True, kw_only=True)
class _Following:
    """What is served, and what it was asked for by: replaced as a whole: no thread sees half of it."""

    identifier: Identifier
    served: Served
    moves: bool  #: whether the identifier may mean another version tomorrow


class ModelPredictor:
    """Any number of threads may ask one predictor.

    A call is answered by one version from its start to its end. When the stage or the alias that was loaded
    means another version, that one is loaded whole before it takes over, and calls go on with the former one
    meanwhile. If it cannot be loaded, or the registry does not answer, the former one serves on.
    """

    def __init__(
        self,
        registry: BaseModelRegistry,
        *,
        refresh_s: float | None = REFRESH_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`refresh_s`: how long ago the last look for a new version may be; None: only `refresh` looks."""
        self._registry = registry
        self._refresh_s = refresh_s
        self._clock = clock
        self._following: _Following | None = None
        self._looking = Lock()
        self._looked_at = 0.0
        self._problem: str | None = None  #: why the last look failed

    def load_model(self, uri: Identifier) -> ModelVersion:
        """By whatever names a model: `models:/churn/1.2.0`, `models:/churn@champion`, `runs:/…`, an id."""
        with self._looking:
            served = Served.of(self._registry.load(uri))
            self._following = _Following(identifier=uri, served=served, moves=_moves(uri))
            self._looked_at, self._problem = self._clock(), None
        return served.version

    def predict(self, X: Any, return_probabilities: bool = False) -> NDArray[Any]:  # noqa: FBT001, FBT002
        """A label or number for each row; or probabilities (scores, where the model gives those).

        Of two classes that of the positive one, else one column for each class. `X` is a DataFrame, an array
        or a list of dicts.
        """
        return _wanted(self.answer(X, probabilities=return_probabilities))

    def predict_batch(
        self,
        X: Any,
        batch_size: int = 1000,
        return_probabilities: bool = False,  # noqa: FBT001, FBT002
    ) -> NDArray[Any]:
        """The same, of so many rows at a time that preprocessor and model never see all of them at once."""
        return _wanted(self.answer(X, probabilities=return_probabilities, batch_size=batch_size))

    def answer(self, X: Any, *, probabilities: bool = False, batch_size: int | None = None) -> Answer:
        """Predictions, probabilities beside them if they are asked for, and the version that gave them."""
        return self.served.answer(X, probabilities=probabilities, batch_size=batch_size)

    def validate_input(self, X: Any) -> dict[str, Any]:
        return self.served.compare(X).to_record()

    def get_model_info(self) -> dict[str, Any]:
        served = self.served
        version, reading = served.version, served.reading
        return {
            "model_name": version.name,
            "model_type": version.type,
            "version": version.version,
            "uri": version.uri,
            "stage": str(version.stage),
            "aliases": list(version.aliases),
            "has_preprocessor": served.preprocessor is not None,
            "has_probabilities": served.has_probabilities,
            "output_kind": str(reading.output_kind),
            "classes": None if reading.classes is None else reading.classes.tolist(),
            "positive_label": reading.rules.positive_label,
            "threshold": reading.rules.threshold,
            "features": None if served.schema is None else list(served.schema.names),
            "metrics": dict(version.metrics),
            "run_id": version.origin.run_id,
            "refresh_problem": self._problem,
        }

    def refresh(self) -> bool:
        """Looks for a new version now; whether another one answers from here on."""
        with self._looking:
            before = self._loaded()
            return self._look(before).served.version.id != before.served.version.id

    @property
    def served(self) -> Served:
        """The version that answers now: for whoever wants to ask the same one several times."""
        following = self._loaded()
        if not self._is_due(following) or not self._looking.acquire(blocking=False):
            return following.served
        try:
            return self._look(self._loaded()).served
        finally:
            self._looking.release()

    def _loaded(self) -> _Following:
        following = self._following
        if following is None:
            raise InvalidInputError(
                "no model is loaded: call load_model first, such as load_model('models:/churn/Production')"
            )
        return following

    def _is_due(self, following: _Following) -> bool:
        if not following.moves or self._refresh_s is None:
            return False
        return self._clock() - self._looked_at >= self._refresh_s

    def _look(self, before: _Following) -> _Following:
        self._looked_at = self._clock()
        try:
            served = self._newest(before)
        except Exception as exc:  # noqa: BLE001 - unpickling runs strangers' code, and a registry may be far away
            self._tell(before, describe_exception(exc))
            return before
        if served.version.id != before.served.version.id:
            log.info(
                "%s answers from now on, and no longer %s", served.version.uri, before.served.version.uri
            )
        self._problem = None
        self._following = replace(before, served=served)
        return self._following

    def _newest(self, before: _Following) -> Served:
        found, known = self._registry.get(before.identifier), before.served
        if (found.id, found.digest) == (known.version.id, known.version.digest):
            return replace(known, version=found)  # its stage or its aliases may be others
        loaded = self._registry.load(before.identifier)
        served = Served.of(loaded)
        served.warm_up(loaded.input_example)
        return served

    def _tell(self, before: _Following, problem: str) -> None:
        """Once, however often it happens again."""
        if problem != self._problem:
            log.warning(
                "%s answers on: what %s means now cannot be loaded: %s",
                before.served.version.uri,
                before.identifier,
                problem,
            )
        self._problem = problem


def _wanted(answer: Answer) -> NDArray[Any]:
    return answer.predictions if answer.probabilities is None else answer.probabilities


def _moves(identifier: Identifier) -> bool:
    try:
        return isinstance(identifier, str) and parse_uri(identifier).moves
    except InvalidInputError:  # the id of a backend, opaque to us
        return False
