"""What is written once about the versions of a name: which were used, and which stage each went to.

MLflow has no transactions, and its tags are won by whoever writes last. A parameter of a run, though, is
never changed: the first value stays, and another is refused. So each name has a run whose parameters are its
ledger, and writing one of them is a compare-and-swap:

    version.1.0.3    who took the version; it stays when the version is deleted
    line.00000012    the twelfth line of the log of stages

The experiment `bakeoff` holds those runs. Which of them is the ledger of a name is said by a tag of the
experiment `bakeoff/NAME`, given when that is made: of two that make it at once, one is refused.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.identity import new_id
from registry.models.mlflow.mlflow_names import to_mlflow
from registry.models.mlflow.mlflow_server import AlreadyThereError, MLflowServer

ROOT = "bakeoff"
_LEDGER_TAG = "bakeoff.ledger"
_NAME_TAG = "bakeoff.name"
_IS_LEDGER = f"tags.`{_LEDGER_TAG}` = 'true'"
_LONGEST = 5000  #: characters that MLflow keeps of a parameter, with some to spare


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where MLflow keeps what belongs to a name."""

    experiment_id: str
    ledger_id: str  #: a run


@dataclass(frozen=True)
class Ledgers:
    server: MLflowServer
    _found: dict[str, Place] = field(default_factory=dict)  #: they never change

    def find(self, name: str) -> Place | None:
        """None while nothing was ever saved under the name."""
        if name not in self._found:
            experiment = self.server.ask("get_experiment_by_name", _experiment_of(name))
            if experiment is None:
                return None
            self._found[name] = _place(experiment)
        return self._found[name]

    def open(self, name: str) -> Place:
        return self.find(name) or self._make(name)

    def _make(self, name: str) -> Place:
        root = self._root()
        run = self.server.ask(
            "create_run", root, run_name=f"ledger of {name}", tags={_NAME_TAG: name, _LEDGER_TAG: "true"}
        )
        try:
            self.server.ask(
                "create_experiment",
                _experiment_of(name),
                artifact_location=_artifact_location(self.server.tracking_uri, name),
                tags={_LEDGER_TAG: run.info.run_id, _NAME_TAG: name},
            )
        except AlreadyThereError:
            self.server.ask("delete_run", run.info.run_id)
        else:
            self.server.ask("update_run", run.info.run_id, status="FINISHED")
        return self.open(name)

    def _root(self) -> str:
        found = self.server.ask("get_experiment_by_name", ROOT)
        if found is not None:
            return str(found.experiment_id)
        try:
            location = _artifact_location(self.server.tracking_uri, ROOT)
            return str(self.server.ask("create_experiment", ROOT, artifact_location=location))
        except AlreadyThereError:
            return self._root()

    def read(self, name: str) -> dict[str, Any]:
        place = self.find(name)
        return {} if place is None else read(self.server, place.ledger_id)

    def read_all(self) -> dict[str, dict[str, Any]]:
        """By name."""
        root = self.server.ask("get_experiment_by_name", ROOT)
        runs = [] if root is None else self.server.pages("search_runs", [root.experiment_id], _IS_LEDGER)
        return {run.data.tags[_NAME_TAG]: _entries(run.data.params) for run in runs if run.data.params}


def _place(experiment: Any) -> Place:
    ledger_id = experiment.tags.get(_LEDGER_TAG)
    if ledger_id is None or experiment.lifecycle_stage != "active":
        raise InvalidInputError(
            f"the experiment {experiment.name} of MLflow is deleted, or is not Bakeoff's: restore it "
            f"(mlflow experiments restore -x {experiment.experiment_id}), or give it another name"
        )
    return Place(experiment_id=experiment.experiment_id, ledger_id=ledger_id)


def read(server: MLflowServer, ledger_id: str) -> dict[str, Any]:
    return _entries(server.ask("get_run", ledger_id).data.params)


def write(server: MLflowServer, ledger_id: str, key: str, entry: Mapping[str, Any]) -> bool:
    """Whether the entry is there now; False when another was there first."""
    text = json.dumps(entry)
    if len(text) > _LONGEST:
        text = json.dumps(_put_aside(server, ledger_id, text))
    try:
        server.ask("log_param", ledger_id, key, text)
    except InfrastructureError:
        there = server.ask("get_run", ledger_id).data.params.get(key)
        if there is None:
            raise
        return bool(there == text)
    return True


def _put_aside(server: MLflowServer, ledger_id: str, text: str) -> dict[str, Any]:
    """What is too long for one parameter stands in several, written before the one that names them."""
    pieces = [text[start : start + _LONGEST] for start in range(0, len(text), _LONGEST)]
    keys = [f"piece.{new_id()}" for _ in pieces]
    for key, piece in zip(keys, pieces, strict=True):
        server.ask("log_param", ledger_id, key, piece)
    return {"pieces": keys}


def _entries(params: Mapping[str, str]) -> dict[str, Any]:
    own = {key: json.loads(text) for key, text in params.items() if not key.startswith("piece.")}
    return {
        key: json.loads("".join(params[piece] for piece in entry["pieces"])) if "pieces" in entry else entry
        for key, entry in own.items()
    }


def _experiment_of(name: str) -> str:
    return f"{ROOT}/{to_mlflow(name)}"


def _artifact_location(tracking_uri: str, name: str) -> str | None:
    """A server decides for itself. A SQLite file has its artifacts beside it, wherever one works."""
    path = tracking_uri.removeprefix("sqlite:///").partition("?")[0]
    if path == tracking_uri or not path:
        return None
    folder = sha256(name.encode()).hexdigest()[:16]
    return str(Path(path).resolve().parent / "mlartifacts" / folder)
