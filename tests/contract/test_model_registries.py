"""The backends of the registry, and one that lives in memory alone: no caller can tell them apart."""

import pytest
from contract.model_registry import ModelRegistryContract
from fixtures.memory_registry import InMemoryRegistry


class TestInMemory(ModelRegistryContract):
    @pytest.fixture
    def registry(self):
        return InMemoryRegistry()

    def damage(self, registry, model_id):
        kept = registry.kept[model_id]
        kept.model = kept.model[:-1] + b"!"
