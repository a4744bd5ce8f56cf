"""A predictor over the backends of the registry: it cannot tell them apart either."""

import pytest
from contract.predictor import PredictorContract
from fixtures.values.memory_registry import InMemoryRegistry

from registry import MLflowModelRegistry


class TestOverMemory(PredictorContract):
    @pytest.fixture
    def registry(self):
        return InMemoryRegistry()

    def damage(self, registry, model_id):
        kept = registry.kept[model_id]
        kept.model = kept.model[:-1] + b"!"


class TestOverFiles(PredictorContract):
    @pytest.fixture
    def registry(self, make_registry, tmp_path):
        return make_registry(tmp_path / "registry")


@pytest.mark.services
class TestOverMLflow(PredictorContract):
    promotions = 3

    @pytest.fixture
    def registry(self, mlflow_database):
        return MLflowModelRegistry(mlflow_database)
