import pytest

pytest_plugins = [
    "fixtures.postgresql",
    "fixtures.databases",
    "fixtures.command_line",
    "fixtures.own_metrics",
    "fixtures.registries",
    "fixtures.installed",
    "fixtures.shop_package",
    "fixtures.mlflow_servers",
]

pytest.register_assert_rewrite("contract.model_registry", "contract.predictor")
