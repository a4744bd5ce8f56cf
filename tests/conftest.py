import os
import sys
from pathlib import Path

sys.dont_write_bytecode = (
    False  # until all is collected: pytest compiles Hypothesis anew wherever it may not write
)

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

pytest_plugins = [
    "fixtures.spread",
    "fixtures.cpu_seconds",
    "fixtures.servers.warm",
    "fixtures.servers.postgresql",
    "fixtures.servers.databases",
    "fixtures.projects.command_line",
    "fixtures.values.own_metrics",
    "fixtures.values.registries",
    "fixtures.servers.installed",
    "fixtures.projects.shop_package",
    "fixtures.servers.mlflow_servers",
    "fixtures.projects.notebook_session",
]

pytest.register_assert_rewrite("contract.model_registry", "contract.predictor")

#: The same examples each time, so that what failed fails again; HYPOTHESIS_PROFILE=thorough varies them.
settings.register_profile("everyday", max_examples=25, derandomize=True, deadline=None, database=None)
settings.register_profile(
    "thorough", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "everyday"))

os.environ["BAKEOFF_KEEP_WORKER"] = "0"  # a test leaves no worker behind, unless it is about that

_HERE = Path(__file__).parent
_SERVICES_ALONE = (
    _HERE / "integration" / "registry" / "mlflow",
    _HERE / "integration" / "notebook" / "test_kernel.py",
    _HERE / "docs" / "test_notebooks.py",
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """MLflow and Jupyter take seconds to import: who wants no test of services does not import them."""
    without = config.option.markexpr == "not services"
    return True if without and any(map(collection_path.is_relative_to, _SERVICES_ALONE)) else None
