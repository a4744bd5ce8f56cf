"""The part of MLflow's client and of its entities that we use, as types that mypy checks our calls against.

MLflow ships with half of its types, so mypy skips it. These protocols follow the signatures of MLflow 3.17;
`mlflow_calls` is the only place that makes a real client.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

Item_co = TypeVar("Item_co", covariant=True)


class MLflowPage(Protocol[Item_co]):
    """A page of a search."""

    @property
    def token(self) -> str | None: ...  # of the next page; None or empty at the last one

    def __iter__(self) -> Iterator[Item_co]: ...


class MLflowVersion(Protocol):
    """MLflow's model version."""

    name: str  #: as MLflow spells it, see `mlflow_calls`
    version: str | int  #: MLflow's number, from 1
    source: str  #: URI of the folder with its files
    run_id: str
    creation_timestamp: int  #: milliseconds since 1970
    tags: Mapping[str, str]


class MLflowRegisteredModel(Protocol):
    name: str
    aliases: Mapping[str, str | int]  #: numbers of versions, by alias


class MLflowExperiment(Protocol):
    experiment_id: str
    name: str
    lifecycle_stage: str
    tags: Mapping[str, str]


class MLflowRunInfo(Protocol):
    run_id: str


class MLflowRunData(Protocol):
    params: Mapping[str, str]
    metrics: Mapping[str, float]  #: the last value of each
    tags: Mapping[str, str]


class MLflowRun(Protocol):
    info: MLflowRunInfo
    data: MLflowRunData


class MLflowLoggedModel(Protocol):
    model_id: str
    artifact_location: str


class MLflowClient(Protocol):
    """`mlflow.MlflowClient`."""

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: dict[str, Any] | None = None
    ) -> str: ...

    def get_experiment_by_name(self, name: str) -> MLflowExperiment | None: ...

    def create_run(
        self,
        experiment_id: str,
        *,
        start_time: int | None = None,
        tags: dict[str, Any] | None = None,
        run_name: str | None = None,
    ) -> MLflowRun: ...

    def get_run(self, run_id: str) -> MLflowRun: ...

    def update_run(self, run_id: str, *, status: str) -> None: ...

    def set_terminated(self, run_id: str, *, status: str, end_time: int) -> None: ...

    def delete_run(self, run_id: str) -> None: ...

    def search_runs(
        self,
        experiment_ids: list[str],
        filter_string: str = "",
        *,
        max_results: int,
        page_token: str | None = None,
    ) -> MLflowPage[MLflowRun]: ...

    def log_param(self, run_id: str, key: str, value: str) -> object: ...

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: Sequence[object] = (),
        params: Sequence[object] = (),
        tags: Sequence[object] = (),
    ) -> object: ...

    def log_inputs(self, run_id: str, *, datasets: Sequence[object]) -> None: ...

    def log_artifacts(self, run_id: str, local_dir: str) -> None: ...

    def create_logged_model(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        source_run_id: str | None = None,
        params: dict[str, str] | None = None,
        model_type: str | None = None,
    ) -> MLflowLoggedModel: ...

    def log_model_artifacts(self, model_id: str, local_dir: str) -> None: ...

    def finalize_logged_model(
        self, model_id: str, status: Literal["READY", "FAILED"]
    ) -> MLflowLoggedModel: ...

    def delete_logged_model(self, model_id: str) -> None: ...

    def create_registered_model(self, name: str) -> MLflowRegisteredModel: ...

    def get_registered_model(self, name: str) -> MLflowRegisteredModel: ...

    def search_registered_models(
        self,
        filter_string: str | None = None,
        *,
        max_results: int,
        page_token: str | None = None,
    ) -> MLflowPage[MLflowRegisteredModel]: ...

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None: ...

    def delete_registered_model_alias(self, name: str, alias: str) -> None: ...

    def create_model_version(
        self,
        name: str,
        source: str,
        *,
        run_id: str | None = None,
        tags: dict[str, Any] | None = None,
        description: str | None = None,
        await_creation_for: int | None = None,
        model_id: str | None = None,
    ) -> MLflowVersion: ...

    def get_model_version(self, name: str, version: str) -> MLflowVersion: ...

    def search_model_versions(
        self,
        filter_string: str | None = None,
        *,
        max_results: int,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> MLflowPage[MLflowVersion]: ...

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None: ...

    def delete_model_version(self, name: str, version: str) -> None: ...
