"""ModelPredictor: load a saved model, predict, and follow its stage or alias to another version."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

from numpy.typing import NDArray

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.model_version import ModelVersion, parse_uri
from bakeoff.inference.loaded_version import LoadedVersion, PredictionResult
from registry.code.class_import import describe_exception
from registry.models.registry_interface import BaseModelRegistry, Identifier

log = logging.getLogger(__name__)

REFRESH_S = 5.0


@dataclass(frozen=True, kw_only=True)
class _Following:
    """The loaded version and the name it was loaded by, replaced as a whole: no thread sees half of it."""

    identifier: Identifier
    loaded: LoadedVersion
    moves: bool  #: whether the identifier may name another version later


class ModelPredictor:
    """Predicts with a saved model. Any number of threads may use one predictor.

    One version predicts all rows of a call. When the stage or alias that was loaded names another version,
    that version is loaded completely before it is used; meanwhile calls use the former one. If it cannot be
    loaded, or the registry does not answer, the former one stays in use.
    """

    def __init__(
        self,
        registry: BaseModelRegistry,
        *,
        refresh_s: float | None = REFRESH_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`refresh_s`: how often calls look for a new version; None: only `refresh` does."""
        self._registry = registry
        self._refresh_s = refresh_s
        self._clock = clock
        self._following: _Following | None = None
        self._looking = Lock()  #: one thread at a time loads; the others use the former version meanwhile
        self._looked_at = 0.0
        self._problem: str | None = None  #: why the last look failed

    def load_model(self, uri: Identifier) -> ModelVersion:
        """Load a model by any name: `models:/churn/1.2.0`, `models:/churn@champion`, `runs:/…`, an id."""
        with self._looking:
            loaded = LoadedVersion.of(self._registry.load(uri))
            self._following = _Following(identifier=uri, loaded=loaded, moves=_moves(uri))
            self._looked_at, self._problem = self._clock(), None
        return loaded.version

    def predict(self, X: Any, return_probabilities: bool = False) -> NDArray[Any]:  # noqa: FBT001, FBT002
        """A label or number for each row; or probabilities (scores, where the model returns those).

        Of two classes the probability of the positive one, else one column for each class. `X` is a
        DataFrame, an array or a list of dicts.
        """
        return _wanted(self.answer(X, probabilities=return_probabilities))

    def predict_batch(
        self,
        X: Any,
        batch_size: int = 1000,
        return_probabilities: bool = False,  # noqa: FBT001, FBT002
    ) -> NDArray[Any]:
        """The same in batches: preprocessor and model never see all rows at once."""
        return _wanted(self.answer(X, probabilities=return_probabilities, batch_size=batch_size))

    def answer(
        self, X: Any, *, probabilities: bool = False, batch_size: int | None = None
    ) -> PredictionResult:
        """Predictions, probabilities if wanted, and the version that predicted."""
        return self.loaded.answer(X, probabilities=probabilities, batch_size=batch_size)

    def validate_input(self, X: Any) -> dict[str, Any]:
        return self.loaded.compare(X).to_record()

    def get_model_info(self) -> dict[str, Any]:
        loaded = self.loaded
        version, rules = loaded.version, loaded.output_rules
        return {
            "model_name": version.name,
            "model_type": version.type,
            "version": version.version,
            "uri": version.uri,
            "stage": str(version.stage),
            "aliases": list(version.aliases),
            "has_preprocessor": loaded.preprocessor is not None,
            "has_probabilities": loaded.has_probabilities,
            "output_kind": str(rules.output_kind),
            "classes": None if rules.classes is None else rules.classes.tolist(),
            "positive_label": rules.rules.positive_label,
            "threshold": rules.rules.threshold,
            "features": None if loaded.schema is None else list(loaded.schema.names),
            "metrics": dict(version.metrics),
            "run_id": version.origin.run_id,
            "refresh_problem": self._problem,
        }

    def refresh(self) -> bool:
        """Looks for a new version now. Returns whether another version predicts from now on."""
        with self._looking:
            before = self._require_loaded()
            return self._look(before).loaded.version.id != before.loaded.version.id

    @property
    def loaded(self) -> LoadedVersion:
        """The version that predicts now. Keep it to predict several times with the same one."""
        following = self._require_loaded()
        if not self._is_due(following) or not self._looking.acquire(blocking=False):
            return following.loaded
        try:
            return self._look(self._require_loaded()).loaded
        finally:
            self._looking.release()

    def _require_loaded(self) -> _Following:
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
            loaded = self._newest(before)
        except Exception as exc:  # noqa: BLE001 - unpickling runs untrusted code, and a registry may fail in any way
            self._warn_once(before, describe_exception(exc))
            return before
        if loaded.version.id != before.loaded.version.id:
            log.info("%s predicts from now on, instead of %s", loaded.version.uri, before.loaded.version.uri)
        self._problem = None
        self._following = replace(before, loaded=loaded)
        return self._following

    def _newest(self, before: _Following) -> LoadedVersion:
        found, known = self._registry.get(before.identifier), before.loaded
        if (found.id, found.digest) == (known.version.id, known.version.digest):
            return replace(known, version=found)  # its stage or its aliases may have changed
        fetched = self._registry.load(before.identifier)
        loaded = LoadedVersion.of(fetched)
        loaded.warm_up(fetched.input_example)
        return loaded

    def _warn_once(self, before: _Following, problem: str) -> None:
        """Warns of a problem when it is new, and not each time that it occurs."""
        if problem != self._problem:
            log.warning(
                "%s stays in use: what %s means now cannot be loaded: %s",
                before.loaded.version.uri,
                before.identifier,
                problem,
            )
        self._problem = problem


def _wanted(result: PredictionResult) -> NDArray[Any]:
    return result.predictions if result.probabilities is None else result.probabilities


def _moves(identifier: Identifier) -> bool:
    try:
        return isinstance(identifier, str) and parse_uri(identifier).moves
    except InvalidInputError:  # an id of the backend, which names one version for ever
        return False
