"""The protocol that mypy checks our calls of MLflow against describes the client that is installed."""

import inspect

import pytest

from registry.models.mlflow.mlflow_client_types import MLflowClient

METHODS = [
    name for name, member in vars(MLflowClient).items() if inspect.isfunction(member) and name[0] != "_"
]


@pytest.mark.parametrize("method", METHODS)
def test_each_method_of_the_protocol_takes_what_the_real_client_takes(method):
    import mlflow  # a second, in one process and not in all

    ours = inspect.signature(getattr(MLflowClient, method)).parameters
    real = inspect.signature(getattr(mlflow.MlflowClient, method)).parameters

    assert ours.keys() <= real.keys()
    in_order = [name for name, p in ours.items() if p.kind is not p.KEYWORD_ONLY]
    assert in_order == list(real)[: len(in_order)]
    required = {name for name, p in real.items() if p.default is p.empty}
    assert required <= ours.keys()
