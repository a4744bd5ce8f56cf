"""A predictor over the backends of the registry: it cannot tell them apart either."""

from pathlib import Path

import pytest
from contract.predictor import PredictorContract
from fixtures.memory_registry import InMemoryRegistry


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

    def damage(self, registry, model_id):
        file = Path(registry.get(model_id).file_path)
        file.write_bytes(file.read_bytes()[:-1] + b"!")
