"""What is imported with what: a plugin's import, and a cell's, must be quick."""

import subprocess
import sys

import pytest
from fixtures.places import ROOT

_HEAVY = {"sqlalchemy", "joblib", "pandas", "sklearn", "pydantic", "celery", "mlflow"}


@pytest.mark.parametrize(
    "module",
    [
        "registry.interface",
        "registry",
        "registry.models.registry_interface",
        "registry.models.model_description",
        "registry.models.registry_opening",
    ],
)
def test_the_contracts_of_plugins_and_of_the_registry_load_nothing_heavy(module):
    loaded = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert _HEAVY & set(loaded.stdout.split()) == set()


def test_the_names_of_the_registry_are_there_when_they_are_used():
    import registry

    assert registry.ModelRegistry.__module__ == "registry.models.local.local_registry"
    assert issubclass(registry.ModelRegistry, registry.BaseModelRegistry)
    with pytest.raises(AttributeError, match="module 'registry' has no attribute 'Nothing'"):
        registry.Nothing  # noqa: B018 - looking is what is tested
