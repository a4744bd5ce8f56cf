"""In the cell: pickle the fitted model and its preprocessor, and describe them.

A model that cannot be described or pickled, or is too large, is not saved. The report says why, and its
result stands.
"""

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bakeoff.cell.inside.cell_api import CellApi, NoRoomError, Output
from bakeoff.domain.candidate import Candidate
from bakeoff.evaluation.datasets.read_snapshot import Data
from registry.code.class_import import describe_exception
from registry.columns.json_values import jsonable
from registry.columns.signature import infer_signature
from registry.models import pickling
from registry.models.model_description import describe, preprocessor_artifact

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MODEL = "model"
PREPROCESSOR = "preprocessor"

_MB = 2**20
_EXAMPLE_ROWS = 5
_MOST_DESCRIPTION_BYTES = 4 * 2**20  #: as JSON


def pickle_model(
    model: Any,
    preprocessor: Any,
    *,
    own: Any,
    name: str,
    limit_mb: int,
    candidate: Candidate,
    data: Data,
    predictions: Any,
    inside: CellApi,
) -> Mapping[str, Any]:
    """Returns `{description}`, or `{problem}` if nothing was written.

    `own` is the object of the candidate's class: the model, or a part of it. `name` is what the model will be
    called in the registry. The pickle of the model may have `limit_mb`, and that of the preprocessor, too.
    """
    try:
        description = _describe(model, own, candidate, data, predictions)
    except Exception as exc:  # noqa: BLE001 - its attributes are untrusted code and may raise anything
        return {"problem": f"it cannot be described: {describe_exception(exc)}"}
    with inside.output(MODEL) as model_output, inside.output(PREPROCESSOR) as preprocessor_output:
        model_file, preprocessor_file = (
            _LimitedFile(output, limit_mb * _MB) for output in (model_output, preprocessor_output)
        )
        try:
            pickling.dump(model, model_file, empty=model_file.empty)
            if preprocessor is not None:
                artifact = preprocessor_artifact(preprocessor, name)
                pickling.dump(artifact, preprocessor_file, empty=preprocessor_file.empty)
        except NoRoomError:
            raise
        except Exception as exc:  # noqa: BLE001 - the model's own __reduce__ is untrusted code and raises anything
            problem = f"it cannot be pickled: {describe_exception(exc)}"
        else:
            problem = _too_large("it", model_file) or _too_large("its preprocessor", preprocessor_file)
        if problem:
            model_file.empty()
            preprocessor_file.empty()
            return {"problem": problem}
    return {"description": description}


class _LimitedFile:
    """Writes to an output up to a limit. What is beyond that is dropped and counted: the size gets known."""

    def __init__(self, output: Output, limit: int) -> None:
        self._output = output
        self.limit = limit  #: bytes
        self.size = 0  #: bytes of the whole pickle, those that were dropped included

    def write(self, data: "ReadableBuffer") -> int:
        piece = memoryview(data).cast("B")
        if room := max(0, self.limit - self.size):
            self._output.write(piece[:room])
        self.size += len(piece)
        return len(piece)

    def empty(self) -> None:
        self._output.empty()
        self.size = 0


def _too_large(what: str, file: _LimitedFile) -> str:
    if file.size <= file.limit:
        return ""
    return (
        f"{what} takes {math.ceil(file.size / _MB):,} MB, and modelRegistry.modelLimitMb is "
        f"{file.limit // _MB:,}: raise that limit, or let the candidate keep less"
    )


def _describe(model: Any, own: Any, candidate: Candidate, data: Data, predictions: Any) -> Mapping[str, Any]:
    found = describe(
        model,
        model_type=type(own).__name__,
        hyperparameters=_hyperparameters(own, candidate),
        signature=infer_signature(data.X_train, predictions),
        input_example=data.X_train.head(_EXAMPLE_ROWS),
    )
    description = {
        "type": found.type,
        "hyperparameters": found.hyperparameters,
        "signature": found.signature,
        "input_example": found.input_example,
        "feature_names": found.feature_names,
        "libraries": found.libraries,
    }
    size = len(json.dumps(description))
    if size > _MOST_DESCRIPTION_BYTES:
        raise ValueError(f"its description takes {size:,} bytes, the most is {_MOST_DESCRIPTION_BYTES:,}")
    return description


def _hyperparameters(model: Any, candidate: Candidate) -> Mapping[str, Any]:
    """All parameters that the model itself lists, with its defaults; else those of the catalog."""
    try:
        found: Mapping[str, Any] = jsonable(model.get_params())
    except Exception:  # noqa: BLE001 - a candidate need not have get_params, so a broken one is no fault
        return candidate.params
    return found
