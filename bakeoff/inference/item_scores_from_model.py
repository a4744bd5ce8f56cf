"""Scores of items from -1 to 1, by a saved model or by the baseline, which scores each item 0.

How the output of a model becomes a score:

    the probability p of the positive one of two classes    2p - 1
    the label alone, where it gives no probability          1 for the positive class, -1 for the other
    a score, or the number that a regression predicts       as it is
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.domain.model_version import Stage
from bakeoff.domain.scored_and_labelled_item import Item, Score
from bakeoff.domain.wording import listed, nearest
from bakeoff.inference.loaded_version import LoadedVersion, PredictionResult
from registry.catalog import models_yaml_schema
from registry.models import registry_opening
from registry.models.registry_interface import BaseModelRegistry, Identifier

if TYPE_CHECKING:
    from bakeoff.settings.configuration import Configuration

log = logging.getLogger(__name__)

BASELINE = "baseline"
_TWO = 2


class ScoreRangeError(InvalidInputError):
    """The output of a model is no score."""


@dataclass(frozen=True, kw_only=True)
class Scorer:
    loaded: LoadedVersion | None  #: None: the baseline

    @classmethod
    def of(cls, model: str | None, configuration: "Configuration") -> "Scorer":
        """`model` is the id of a candidate, or any name of a saved model; None is the baseline."""
        found = _identifier(model, configuration)
        return cls(loaded=None if found is None else LoadedVersion.of(_registry(configuration).load(found)))

    @property
    def version(self) -> str:
        """Stored with each score."""
        return BASELINE if self.loaded is None else self.loaded.version.uri

    def scores(self, rows: Any, *, first_row: int = 0) -> NDArray[np.float64]:
        """A score for each row of a DataFrame, an array, or a list of dicts.

        `first_row` is for errors: the position of the first row in a file.
        """
        if self.loaded is None:
            return np.zeros(len(rows))
        found = _relevance(self.loaded, rows, first_row)
        outside = ~((found >= -1) & (found <= 1))
        if outside.any():
            row = int(outside.argmax())
            raise ScoreRangeError(
                f"{self.version} answers {found[row]:g} in row {first_row + row + 1}, which is no score "
                "from -1 to 1: use a model of two classes, or one that learned numbers from -1 to 1"
            )
        return found

    def score(self, items: Sequence[Item], *, first_row: int = 0) -> list[Score]:
        """Scores items. Each must have all features of the model; null stands for an unknown value."""
        if self.loaded is not None and self.loaded.schema is not None:
            for item in items:
                _check_features(item, self.loaded.schema.names, self.version)
        rows = [dict(item.features) for item in items]
        return [
            Score(value=float(value), version=self.version)
            for value in (self.scores(rows, first_row=first_row) if rows else ())
        ]


def score(
    results: Any, model: str | None = None, *, configuration: "Configuration | None" = None
) -> NDArray[np.float64]:
    """A score from -1 to 1 for each of the results (a DataFrame, an array, or a list of dicts).

    `model` is the id of a candidate, or any name of a saved model; None is the baseline. They are looked up
    in the project of the current folder, unless a `configuration` is given.
    """
    from bakeoff.settings.configuration import load

    return Scorer.of(model, configuration or load()).scores(results)


def _identifier(model: str | None, configuration: "Configuration") -> Identifier | None:
    """The identifier to load; None stands for the baseline."""
    if model is None or model == BASELINE:
        return None
    if model.isdecimal() or not models_yaml_schema.ID.fullmatch(model):
        return model
    if configuration.catalog_file.is_file():
        return _saved_of(model, configuration)
    catalog = configuration.catalog_file
    log.warning("there is no catalog %s that %s could stand in: the baseline scores", catalog, model)
    return None


def _registry(configuration: "Configuration") -> BaseModelRegistry:
    if registry_opening.has_registry(configuration):
        return registry_opening.open_registry(configuration)
    raise NotFoundError(
        f"no model was ever saved in {configuration.root}: `bakeoff run --save best` or `bakeoff registry "
        "save` saves the first one"
    )


def _saved_of(candidate_id: str, configuration: "Configuration") -> Identifier:
    """The version of this candidate that is in Production, else its newest version."""
    versions = [v for v in _registry(configuration).versions() if v.origin.candidate_id == candidate_id]
    if not versions:
        known = [candidate.id for candidate in models_yaml_schema.read(configuration.catalog_file).candidates]
        hint = "" if candidate_id in known else nearest(candidate_id, known)
        raise NotFoundError(
            f"no model of a candidate {candidate_id!r} was ever saved{hint}; `bakeoff run --save best` saves "
            "the winner of a run, and models:/NAME/Production names any other model"
        )
    return next((v for v in versions if v.stage is Stage.PRODUCTION), versions[0]).id


def _check_features(item: Item, names: Sequence[str], version: str) -> None:
    missing = [name for name in names if name not in item.features]
    if missing:
        raise InvalidInputError(
            f"result {item.id!r} lacks {listed(missing)}, which {version} knows: send it, or null where "
            f"nobody knows it{nearest(missing[0], item.features)}"
        )


def _relevance(loaded: LoadedVersion, rows: Any, first_row: int) -> NDArray[np.float64]:
    classes = loaded.output_rules.classes
    if classes is not None and classes.size > _TWO:
        raise _no_score(loaded, f"tells {classes.size} classes apart")
    result = loaded.answer(rows, probabilities=loaded.has_probabilities, first_row=first_row)
    if result.probabilities is not None:
        return _from_probabilities(loaded, result.probabilities)
    if loaded.output_rules.positive is not None and classes is not None:
        return np.where(result.predictions == classes[loaded.output_rules.positive], 1.0, -1.0)
    return _from_numbers(loaded, result)


def _from_probabilities(loaded: LoadedVersion, values: NDArray[Any]) -> NDArray[np.float64]:
    if values.ndim != 1:
        raise _no_score(loaded, f"tells {values.shape[1]} classes apart")
    is_score = loaded.output_rules.beside is OutputKind.SCORE
    return np.asarray(values if is_score else 2 * values - 1, dtype=np.float64)


def _from_numbers(loaded: LoadedVersion, result: PredictionResult) -> NDArray[np.float64]:
    if result.predictions.dtype.kind not in "biuf":
        raise _no_score(loaded, "answers text, and its classes are unknown")
    return result.predictions.astype(np.float64)


def _no_score(loaded: LoadedVersion, why: str) -> ScoreRangeError:
    return ScoreRangeError(
        f"{loaded.version.uri} {why}: a score comes of two classes, or of a number from -1 to 1"
    )
