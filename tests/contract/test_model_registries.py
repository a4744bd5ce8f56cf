"""The backends of the registry, and one that lives in memory alone: no caller can tell them apart."""

from functools import partial

import pytest
from contract.model_registry import ModelRegistryContract, SharedModelRegistryContract
from fixtures.memory_registry import InMemoryRegistry

from registry import ModelRegistry


class TestInMemory(ModelRegistryContract):
    @pytest.fixture
    def registry(self):
        return InMemoryRegistry()

    def damage(self, registry, model_id):
        kept = registry.kept[model_id]
        kept.model = kept.model[:-1] + b"!"


class TestEmbedded(SharedModelRegistryContract):
    @pytest.fixture
    def registry(self, make_registry, tmp_path):
        return make_registry(tmp_path / "registry")

    @pytest.fixture
    def reopen(self, registry):
        return partial(ModelRegistry, registry.storage_path)
