"""What a cell leaves behind of the model that it has fitted: two pickles, and in words what they hold.

Whatever goes wrong here is said in words, too, and costs nothing but the model: its result stands.
"""

import json
from collections.abc import Mapping
from typing import Any

from bakeoff.cell.inside.cell_api import CellApi, NoRoomError
from bakeoff.domain.candidate import Candidate
from bakeoff.evaluation.datasets.snapshot import Data
from registry.code.class_import import in_words
from registry.columns.json_values import jsonable
from registry.columns.signature import infer_signature
from registry.models import pickling
from registry.models.model_description import describe, preprocessor_artifact

MODEL = "model"
PREPROCESSOR = "preprocessor"

_EXAMPLE_ROWS = 5
_LONGEST = 4 * 2**20  # bytes of the description as JSON


def leave_behind(
    model: Any,
    preprocessor: Any,
    *,
    name: str,
    candidate: Candidate,
    data: Data,
    predictions: Any,
    inside: CellApi,
) -> Mapping[str, Any]:
    """`{description}`, or `{problem}` and no files. `name` is what it will be called in the registry."""
    try:
        said = _described(model, candidate, data, predictions)
    except Exception as exc:  # noqa: BLE001 - strangers' objects answer
        return {"problem": f"it cannot be described: {in_words(exc)}"}
    with inside.output(MODEL) as model_file, inside.output(PREPROCESSOR) as preprocessor_file:
        try:
            pickling.dump(model, model_file, empty=model_file.empty)
            if preprocessor is not None:
                artifact = preprocessor_artifact(preprocessor, name)
                pickling.dump(artifact, preprocessor_file, empty=preprocessor_file.empty)
        except NoRoomError:
            raise
        except Exception as exc:  # noqa: BLE001 - strangers' objects say how they are pickled
            model_file.empty()
            preprocessor_file.empty()
            return {"problem": f"it cannot be pickled: {in_words(exc)}"}
    return {"description": said}


def _described(model: Any, candidate: Candidate, data: Data, predictions: Any) -> Mapping[str, Any]:
    found = describe(
        model,
        hyperparameters=_hyperparameters(model, candidate),
        signature=infer_signature(data.X_train, predictions),
        input_example=data.X_train.head(_EXAMPLE_ROWS),
    )
    said = {
        "type": found.type,
        "hyperparameters": found.hyperparameters,
        "signature": found.signature,
        "input_example": found.input_example,
        "feature_names": found.feature_names,
        "libraries": found.libraries,
    }
    size = len(json.dumps(said))
    if size > _LONGEST:
        raise ValueError(f"its description takes {size:,} bytes, the most is {_LONGEST:,}")
    return said


def _hyperparameters(model: Any, candidate: Candidate) -> Mapping[str, Any]:
    """As it has them itself, defaults among them; else those of the catalog."""
    try:
        found: Mapping[str, Any] = jsonable(model.get_params())
    except Exception:  # noqa: BLE001 - get_params is no obligation, so a broken one is no fault
        return candidate.params
    return found
