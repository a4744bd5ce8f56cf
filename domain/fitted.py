"""What a cell leaves behind of the model that it fitted, for a run that wants to save it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class FittedModel:
    """Files that were hashed, and that nobody has unpickled."""

    file: str  #: name of the pickle in the folder of its job
    digest: str  #: SHA-256
    preprocessor: str | None = None  #: name of the pickle of what was put before the model
    preprocessor_digest: str | None = None
    description: Mapping[str, Any]  #: in the cell's words: type, hyperparameters, signature, example, …
    metadata: Mapping[str, Any]  #: in ours: what whoever predicts with it must know

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class NotKept:
    """The candidate has a result, and its model cannot be saved."""

    problem: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(data: Mapping[str, Any]) -> FittedModel | NotKept:
    return NotKept(**data) if "problem" in data else FittedModel(**data)
