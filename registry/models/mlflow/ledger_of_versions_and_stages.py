"""The ledger of a model name: which version numbers were used, and which stage each version went to.

MLflow has no transactions, and of two processes that write a tag the last one wins. But a parameter of a run
never changes: MLflow refuses a second value. So each name has a run whose parameters are its ledger, and
writing a parameter is a compare-and-swap:

    version.1.0.3    which save took the number; it stays when the version is deleted
    line.00000012    the twelfth entry of the log of stages

The experiment `bakeoff` holds those runs. A tag of the experiment `bakeoff/NAME`, set when that experiment is
created, names the run that is the ledger of NAME: when two processes create it at once, MLflow refuses one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.ids_and_times import new_id
from registry.models.mlflow.mlflow_calls import AlreadyThereError, MLflowServer, to_mlflow
from registry.models.mlflow.mlflow_client_types import MLflowClient, MLflowExperiment

ROOT = "bakeoff"
_LEDGER_TAG = "bakeoff.ledger"
_NAME_TAG = "bakeoff.name"
_IS_LEDGER = f"tags.`{_LEDGER_TAG}` = 'true'"
_LONGEST = 5000  #: characters that MLflow keeps of a parameter, with some to spare


@dataclass(frozen=True, kw_only=True)
class LedgerLocation:
    """Where MLflow keeps what belongs to a model name."""

    experiment_id: str
    ledger_id: str  #: a run


@dataclass(frozen=True)
class Ledgers:
    server: MLflowServer
    _found: dict[str, LedgerLocation] = field(default_factory=dict)  #: a cache: they never change

    def find(self, name: str) -> LedgerLocation | None:
        """None while nothing was ever saved under the name."""
        if name not in self._found:
            experiment = self.server.call(lambda client: client.get_experiment_by_name(_experiment_of(name)))
            if experiment is None:
                return None
            self._found[name] = _location(experiment)
        return self._found[name]

    def open(self, name: str) -> LedgerLocation:
        """The ledger of the name, created when there is none."""
        return self.find(name) or self._create(name)

    def _create(self, name: str) -> LedgerLocation:
        root = self._root_experiment()
        tags = {_NAME_TAG: name, _LEDGER_TAG: "true"}
        run = self.server.call(
            lambda client: client.create_run(root, run_name=f"ledger of {name}", tags=tags)
        )
        run_id = run.info.run_id
        try:
            self.server.call(
                lambda client: client.create_experiment(
                    _experiment_of(name),
                    artifact_location=artifact_location(self.server.tracking_uri, name),
                    tags={_LEDGER_TAG: run_id, _NAME_TAG: name},
                )
            )
        except AlreadyThereError:  # another process created the ledger meanwhile: its run is the ledger
            self.server.call(lambda client: client.delete_run(run_id))
        else:
            self.server.call(lambda client: client.update_run(run_id, status="FINISHED"))
        return self.open(name)

    def _root_experiment(self) -> str:
        found = self.server.call(lambda client: client.get_experiment_by_name(ROOT))
        if found is not None:
            return found.experiment_id
        location = artifact_location(self.server.tracking_uri, ROOT)
        try:
            return self.server.call(lambda client: client.create_experiment(ROOT, artifact_location=location))
        except AlreadyThereError:  # another process created it meanwhile
            return self._root_experiment()

    def read(self, name: str) -> dict[str, Any]:
        """The entries of the ledger of this name, by key; empty while it has none."""
        location = self.find(name)
        return {} if location is None else read(self.server, location.ledger_id)

    def read_all(self) -> dict[str, dict[str, Any]]:
        """The entries of all ledgers, by model name."""
        root = self.server.call(lambda client: client.get_experiment_by_name(ROOT))
        if root is None:
            return {}
        runs = self.server.pages(
            lambda client, size, token: client.search_runs(
                [root.experiment_id], _IS_LEDGER, max_results=size, page_token=token
            )
        )
        return {run.data.tags[_NAME_TAG]: _entries(run.data.params) for run in runs if run.data.params}


def _location(experiment: MLflowExperiment) -> LedgerLocation:
    ledger_id = experiment.tags.get(_LEDGER_TAG)
    if ledger_id is None or experiment.lifecycle_stage != "active":
        raise InvalidInputError(
            f"the experiment {experiment.name} of MLflow is deleted, or is not Bakeoff's: restore it "
            f"(mlflow experiments restore -x {experiment.experiment_id}), or give it another name"
        )
    return LedgerLocation(experiment_id=experiment.experiment_id, ledger_id=ledger_id)


def read(server: MLflowServer, ledger_id: str) -> dict[str, Any]:
    return _entries(_params(server, ledger_id))


def _params(server: MLflowServer, run_id: str) -> Mapping[str, str]:
    return server.call(lambda client: client.get_run(run_id)).data.params


def write(server: MLflowServer, ledger_id: str, key: str, entry: Mapping[str, Any]) -> bool:
    """Compare-and-swap: True if the entry is there now, False if another one was written first.

    MLflow may report an error although the entry was written, so the ledger is read again after an error.
    """
    text = json.dumps(entry)
    if len(text) > _LONGEST:
        text = json.dumps(_write_pieces(server, ledger_id, text))
    try:
        server.call(lambda client: client.log_param(ledger_id, key, text))
    except InfrastructureError:
        there = _params(server, ledger_id).get(key)
        if there is None:
            raise
        return there == text
    return True


def _write_pieces(server: MLflowServer, ledger_id: str, text: str) -> dict[str, Any]:
    """Splits a text that is too long for one parameter.

    The pieces are written before the entry that names them, so no reader finds an entry without pieces.
    """
    pieces = [text[start : start + _LONGEST] for start in range(0, len(text), _LONGEST)]
    keys = [f"piece.{new_id()}" for _ in pieces]
    for key, piece in zip(keys, pieces, strict=True):
        server.call(partial(_log_param, run_id=ledger_id, key=key, text=piece))
    return {"pieces": keys}


def _log_param(client: MLflowClient, *, run_id: str, key: str, text: str) -> object:
    return client.log_param(run_id, key, text)


def _entries(params: Mapping[str, str]) -> dict[str, Any]:
    own = {key: json.loads(text) for key, text in params.items() if not key.startswith("piece.")}
    return {
        key: json.loads("".join(params[piece] for piece in entry["pieces"])) if "pieces" in entry else entry
        for key, entry in own.items()
    }


def _experiment_of(name: str) -> str:
    return f"{ROOT}/{to_mlflow(name)}"


def artifact_location(tracking_uri: str, name: str) -> str | None:
    """None lets an MLflow server decide. For a SQLite file: the folder beside it, as an absolute path."""
    path = tracking_uri.removeprefix("sqlite:///").partition("?")[0]
    if path == tracking_uri or not path:
        return None
    folder = sha256(name.encode()).hexdigest()[:16]
    return str(Path(path).resolve().parent / "mlartifacts" / folder)
